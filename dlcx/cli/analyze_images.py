"""``dlcx analyze-images``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    Call,
    ConditionsOption,
    DetectorSnapshotOption,
    DeviceOption,
    EngineOption,
    InferencePrecisionOption,
    OverwriteOption,
    ShuffleOption,
    SnapshotOption,
    TrainsetIndexOption,
    command,
)


@command
def analyze_images(
    call: Call,
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Files, folders or glob patterns.")],
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    conditions: ConditionsOption = None,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Images of one size a forward pass.")] = 1,
    device: DeviceOption = "auto",
    precision: InferencePrecisionOption = None,
    engine: EngineOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the results. Default: the images' own.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv/--no-csv", help="Write a csv beside the h5.")] = True,
    plot: Annotated[bool, typer.Option("--plot", help="Draw every image with its poses.")] = False,
    pcutoff: Annotated[
        float | None, typer.Option("--pcutoff", help="Draw poses of a lower score as an x. Default: config.yaml's.")
    ] = None,
    overwrite: OverwriteOption = False,
) -> Any:
    """Poses in images that are no frames of a video."""
    from dlcx.workflow.analyze_images import analyze_images as workflow

    return workflow(
        call.project,
        images,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        conditions=conditions,
        batch_size=batch_size,
        device=device,
        precision=precision,
        engine=engine,
        out=out,
        csv=csv,
        plot=plot,
        pcutoff=pcutoff,
        overwrite=overwrite,
        progress=call.progress,
    )
