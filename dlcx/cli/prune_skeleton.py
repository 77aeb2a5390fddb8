"""``dlcx prune-skeleton``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, DeviceOption, ShuffleOption, SnapshotOption, TrainsetIndexOption, command


@command
def prune_skeleton(
    call: Call,
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    device: DeviceOption = "auto",
    batch_size: Annotated[int, typer.Option("--batch-size", help="Images a forward pass.")] = 1,
) -> Any:
    """Keep the edges of a net's skeleton that tell its animals apart best."""
    from dlcx.workflow.prune_skeleton import prune_skeleton as workflow

    return workflow(
        call.project,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        device=device,
        batch_size=batch_size,
        progress=call.progress,
    )
