"""``dlcx merge-labels``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, command


@command
def merge_labels(
    call: Call,
    accept_machine_labels: Annotated[
        bool,
        typer.Option("--accept-machine-labels", help="Take machine labels that nobody has corrected as they are."),
    ] = False,
    accept_empty: Annotated[
        bool,
        typer.Option(
            "--accept-empty",
            help="Also those of images in which every point is below the cutoff, as without an animal.",
        ),
    ] = False,
    pcutoff: Annotated[
        float | None, typer.Option("--pcutoff", help="Least likelihood of those.", show_default="config.yaml's")
    ] = None,
    iteration: Annotated[
        int | None,
        typer.Option("--iteration", help="The iteration to set.", show_default="the next one if there are new labels"),
    ] = None,
) -> Any:
    """Take corrected outliers into the labels, and begin the next iteration.

    Without new labels, the iteration stays. Outliers whose image was deleted are left out, and so are images without
    labels in a folder where others were corrected: they show no animal.
    """
    from dlcx.workflow.merge_labels import merge_labels as workflow

    return workflow(
        call.project,
        accept_machine_labels=accept_machine_labels,
        accept_empty=accept_empty,
        pcutoff=pcutoff,
        iteration=iteration,
        progress=call.progress,
    )
