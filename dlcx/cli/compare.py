"""``dlcx compare``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, DetectorSnapshotOption, DeviceOption, PcutoffOption, TrainsetIndexOption, command


@command
def compare(
    call: Call,
    nets: Annotated[
        list[str],
        typer.Argument(
            metavar="N[:SNAPSHOT]...", help="Shuffles, or snapshots of them such as 1:last; the first is the reference."
        ),
    ],
    trainset_index: TrainsetIndexOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    pcutoff: PcutoffOption = None,
    device: DeviceOption = "auto",
) -> Any:
    """Nets side by side on the same test images, and whether one is better."""
    from dlcx.workflow.compare import compare as workflow

    return workflow(
        call.project,
        nets,
        trainset_index=trainset_index,
        detector_snapshot=detector_snapshot,
        pcutoff=pcutoff,
        device=device,
        progress=call.progress,
    )
