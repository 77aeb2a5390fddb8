"""``dlcx analyze-skeleton``."""

from __future__ import annotations

from typing import Any

from dlcx.cli.options import (
    AllowChangedVideoOption,
    Call,
    CsvOption,
    DetectorSnapshotOption,
    FilteredOption,
    OverwriteOption,
    PcutoffOption,
    PosesFolderOption,
    PosesOption,
    ShuffleOption,
    SnapshotOption,
    TrackerOption,
    TrainsetIndexOption,
    VideosArgument,
    command,
)


@command
def analyze_skeleton(
    call: Call,
    videos: VideosArgument,
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
    csv: CsvOption = True,
    overwrite: OverwriteOption = False,
) -> Any:
    """Measure the bones of config.yaml's skeleton: length and angle in every frame."""
    from dlcx.workflow.analyze_skeleton import analyze_skeleton as workflow

    return workflow(
        call.project,
        videos,
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
        csv=csv,
        overwrite=overwrite,
    )
