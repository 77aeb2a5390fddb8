"""``dlcx create-labeled-video``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    Call,
    DetectorSnapshotOption,
    OverwriteOption,
    ShuffleOption,
    SnapshotOption,
    TrainsetIndexOption,
    command,
)


@command
def create_labeled_video(
    call: Call,
    videos: Annotated[list[str], typer.Argument(metavar="VIDEO...", help="Files, folders or glob patterns.")],
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = 0,
    snapshot: SnapshotOption = "best",
    detector_snapshot: DetectorSnapshotOption = "best",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the analysis and of the new videos.")
    ] = None,
    pcutoff: Annotated[
        float | None,
        typer.Option("--pcutoff", help="Least score of a drawn point.", show_default="config.yaml's"),
    ] = None,
    dotsize: Annotated[
        int | None,
        typer.Option("--dotsize", min=1, help="Diameter of a dot in pixels.", show_default="config.yaml's"),
    ] = None,
    colormap: Annotated[
        str | None,
        typer.Option("--colormap", help="One of matplotlib's.", show_default="config.yaml's"),
    ] = None,
    skeleton: Annotated[bool, typer.Option("--skeleton/--no-skeleton", help="Draw config.yaml's skeleton.")] = True,
    trail: Annotated[
        int, typer.Option("--trail", metavar="N", min=0, help="Draw each point's path over so many frames.")
    ] = 0,
    overwrite: OverwriteOption = False,
) -> Any:
    """Draw the poses that analyze-video found into copies of the videos."""
    from dlcx.workflow.create_labeled_video import create_labeled_video as workflow

    return workflow(
        call.project,
        videos,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        out=out,
        pcutoff=pcutoff,
        dotsize=dotsize,
        colormap=colormap,
        skeleton=skeleton,
        trail=trail,
        overwrite=overwrite,
        progress=call.progress,
    )
