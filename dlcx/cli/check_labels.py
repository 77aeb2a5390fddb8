"""``dlcx check-labels``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, SomeVideosArgument, command


@command
def check_labels(
    call: Call,
    videos: SomeVideosArgument = None,
    plot: Annotated[bool, typer.Option("--plot/--no-plot", help="Draw the labels on the images.")] = True,
    draw_all: Annotated[
        bool,
        typer.Option(
            "--all", help="Draw every image. Default: of more than 100 images only those with suspicious labels."
        ),
    ] = False,
    color_by: Annotated[
        str | None,
        typer.Option(
            "--color-by",
            help="What has a colour of its own: bodypart or individual.",
            show_default="individual where there are several",
        ),
    ] = None,
) -> Any:
    """Draw the labels, and list those that look wrong."""
    from dlcx.workflow.check_labels import check_labels as workflow

    return workflow(call.project, videos or (), plot=plot, draw_all=draw_all, color_by=color_by, progress=call.progress)
