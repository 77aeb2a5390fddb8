"""``dlcx filter-predictions``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    AllowChangedVideoOption,
    Call,
    CsvOption,
    DetectorSnapshotOption,
    OverwriteOption,
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
def filter_predictions(
    call: Call,
    videos: VideosArgument,
    filter: Annotated[str, typer.Option("--filter", help="median, arima or spline (fills gaps only).")] = "median",
    window: Annotated[
        int, typer.Option("--window", help="Frames of the median, odd, or of the longest gap to fill, 0: any.")
    ] = 5,
    p_bound: Annotated[float, typer.Option("--p-bound", help="arima: least likelihood that counts.")] = 0.001,
    ar: Annotated[int, typer.Option("--ar", help="arima: degree of the autoregressive part.")] = 3,
    ma: Annotated[int, typer.Option("--ma", help="arima: degree of the moving average.")] = 1,
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    tracker: TrackerOption = None,
    out: PosesFolderOption = None,
    poses: PosesOption = None,
    allow_changed_video: AllowChangedVideoOption = False,
    csv: CsvOption = True,
    overwrite: OverwriteOption = False,
) -> Any:
    """Make the poses of videos smooth, or fill their gaps."""
    from dlcx.workflow.filter_predictions import filter_predictions as workflow

    return workflow(
        call.project,
        videos,
        filter=filter,
        window=window,
        p_bound=p_bound,
        ar=ar,
        ma=ma,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        tracker=tracker,
        out=out,
        poses=poses,
        allow_changed_video=allow_changed_video,
        csv=csv,
        overwrite=overwrite,
        progress=call.progress,
    )
