"""``dlcx evaluate``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    Call,
    ConditionsOption,
    DetectorSnapshotOption,
    DeviceOption,
    EngineOption,
    TrainsetIndexOption,
    command,
)


@command
def evaluate(
    call: Call,
    shuffle: Annotated[
        list[int] | None, typer.Option("--shuffle", help="Number of the shuffle; repeatable.", show_default="1")
    ] = None,
    trainset_index: TrainsetIndexOption = None,
    snapshot: Annotated[
        str | None,
        typer.Option(
            "--snapshot",
            help="best, last, all, an epoch, or a path.",
            show_default="config.yaml's snapshotindex",
        ),
    ] = None,
    detector_snapshot: DetectorSnapshotOption = None,
    conditions: ConditionsOption = None,
    pcutoff: Annotated[
        float | None,
        typer.Option("--pcutoff", help="Score from which a keypoint is sure.", show_default="config.yaml's"),
    ] = None,
    per_bodypart: Annotated[bool, typer.Option("--per-bodypart", help="Also the error of every bodypart.")] = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw every image with labels and predictions.")] = False,
    device: DeviceOption = "auto",
    engine: EngineOption = None,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Images a forward pass.")] = 1,
) -> Any:
    """Compare predictions with labels on the training and the test images."""
    from dlcx.workflow.evaluate import evaluate as workflow

    return workflow(
        call.project,
        shuffle=shuffle or 1,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        conditions=conditions,
        pcutoff=pcutoff,
        per_bodypart=per_bodypart,
        plot=plot,
        device=device,
        engine=engine,
        batch_size=batch_size,
        progress=call.progress,
    )
