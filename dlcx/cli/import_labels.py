"""``dlcx import-labels``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, OverwriteOption, command
from dlcx.formats.labels.registry import describe_readable


@command
def import_labels(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=describe_readable())],
    images: Annotated[
        Path | None,
        typer.Option(
            "--images", metavar="DIR", help="Where the images or videos are.", show_default="where the file says"
        ),
    ] = None,
    video: Annotated[
        str | None,
        typer.Option(
            "--video", metavar="NAME", help="Folder of labeled-data for them.", show_default="their folder's name"
        ),
    ] = None,
    predicted: Annotated[
        bool, typer.Option("--predicted", help="SLEAP: take what its network has predicted, too.")
    ] = False,
    overwrite: OverwriteOption = False,
) -> Any:
    """Take labels of another program into the project."""
    from dlcx.workflow.import_labels import import_labels as workflow

    return workflow(
        call.project,
        file,
        images=images,
        video=video,
        predicted=predicted,
        overwrite=overwrite,
        progress=call.progress,
    )
