"""``dlcx score-maps``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    BodypartOption,
    Call,
    ConditionsOption,
    DetectorSnapshotOption,
    DeviceOption,
    OverwriteOption,
    ShuffleOption,
    SnapshotOption,
    TrainsetIndexOption,
    command,
)


@command
def score_maps(
    call: Call,
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Files, folders or glob patterns.")],
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", help="scmap, locref or paf; repeatable.", show_default="all that the net has"),
    ] = None,
    bodyparts: BodypartOption = None,
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    conditions: ConditionsOption = None,
    device: DeviceOption = "auto",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of the pictures.", show_default="maps in the evaluation"),
    ] = None,
    overwrite: OverwriteOption = False,
) -> Any:
    """Draw what a net answers to images: score maps, offsets and affinity fields."""
    from dlcx.workflow.score_maps import score_maps as workflow

    return workflow(
        call.project,
        images,
        kinds=kinds or (),
        bodyparts=bodyparts or (),
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        conditions=conditions,
        device=device,
        out=out,
        overwrite=overwrite,
        progress=call.progress,
    )
