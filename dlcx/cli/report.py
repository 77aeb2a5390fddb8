"""``dlcx report``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    AllowChangedVideoOption,
    Call,
    DetectorSnapshotOption,
    DeviceOption,
    FilteredOption,
    PcutoffOption,
    PosesFolderOption,
    PosesOption,
    ShuffleOption,
    SnapshotOption,
    TrackerOption,
    TrainsetIndexOption,
    command,
)


@command
def report(
    call: Call,
    videos: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VIDEO]...", help="Files, folders or glob patterns; none: on the shuffle."),
    ] = None,
    overview: Annotated[
        bool,
        typer.Option("--overview", help="One page on the whole project: its videos, worst first, and its networks."),
    ] = False,
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    tracker: TrackerOption = None,
    filtered: FilteredOption = False,
    out: PosesFolderOption = None,
    poses: PosesOption = None,
    allow_changed_video: AllowChangedVideoOption = False,
    pcutoff: PcutoffOption = None,
    device: DeviceOption = "auto",
) -> Any:
    """One page of HTML that needs no network: on a shuffle, on each video's poses, or on the whole project."""
    from dlcx.workflow.report import report as workflow

    return workflow(
        call.project,
        videos or (),
        overview=overview,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        tracker=tracker,
        filtered=filtered,
        out=out,
        poses=poses,
        allow_changed_video=allow_changed_video,
        pcutoff=pcutoff,
        device=device,
        progress=call.progress,
    )
