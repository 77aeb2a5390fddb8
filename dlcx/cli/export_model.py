"""``dlcx export-model``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    Call,
    ConditionsOption,
    DetectorSnapshotOption,
    OverwriteOption,
    ShuffleOption,
    SnapshotOption,
    TrainsetIndexOption,
    command,
)


@command
def export_model(
    call: Call,
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    conditions: ConditionsOption = None,
    format: Annotated[
        str, typer.Option("--format", help="pt: what DeepLabCut-Live loads; onnx: the net for any ONNX runtime.")
    ] = "pt",
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Compare the file's net with torch's on ten real frames; print the difference."),
    ] = False,
    video: Annotated[
        Path | None,
        typer.Option(
            "--video", metavar="FILE", help="Where these frames come from.", show_default="the labelled images"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder of the file.", show_default="exported-models-pytorch in the project"
        ),
    ] = None,
    overwrite: OverwriteOption = False,
) -> Any:
    """Write a trained net into one file for other programs: DeepLabCut-Live, or ONNX."""
    from dlcx.workflow.export_model import export_model as workflow

    return workflow(
        call.project,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        conditions=conditions,
        format=format,
        verify=verify,
        video=video,
        out=out,
        overwrite=overwrite,
        progress=call.progress,
    )
