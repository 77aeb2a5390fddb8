"""``dlcx export-labels``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, OverwriteOption, command
from dlcx.formats.labels.registry import describe_writable


@command
def export_labels(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=describe_writable())],
    videos: Annotated[
        list[str] | None,
        typer.Option("--video", metavar="NAME", help="Labels of these videos only; repeatable.", show_default="all"),
    ] = None,
    overwrite: OverwriteOption = False,
) -> Any:
    """Write the labels as a file of another program."""
    from dlcx.workflow.export_labels import export_labels as workflow

    return workflow(call.project, file, videos=videos or (), overwrite=overwrite, progress=call.progress)
