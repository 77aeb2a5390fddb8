"""``dlcx extract-outliers``."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    AllowChangedVideoOption,
    BodypartOption,
    Call,
    CopyVideosOption,
    DetectorSnapshotOption,
    FilteredOption,
    MethodOption,
    PickedFramesOption,
    PickSeedOption,
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
def extract_outliers(
    call: Call,
    videos: VideosArgument,
    algorithm: Annotated[
        str, typer.Option("--algorithm", help="What is an outlier: jump, uncertain, fitting (ARIMA), or list.")
    ] = "jump",
    epsilon: Annotated[float, typer.Option("--epsilon", help="jump, fitting: pixels that are too far.")] = 20.0,
    p_bound: Annotated[float, typer.Option("--p-bound", help="uncertain, fitting: least likelihood.")] = 0.01,
    ar: Annotated[int, typer.Option("--ar", help="fitting: degree of the autoregressive part.")] = 3,
    ma: Annotated[int, typer.Option("--ma", help="fitting: degree of the moving-average part.")] = 1,
    frame_numbers: Annotated[
        str | None, typer.Option("--frame-numbers", metavar="N,N,...", help="list: these frames of each video.")
    ] = None,
    bodyparts: BodypartOption = None,
    method: MethodOption = "kmeans",
    frames: PickedFramesOption = None,
    seed: PickSeedOption = 42,
    plot: Annotated[bool, typer.Option("--plot", help="Also draw the poses on the images.")] = False,
    copy_videos: CopyVideosOption = False,
    shuffle: ShuffleOption = 1,
    trainset_index: TrainsetIndexOption = None,
    snapshot: SnapshotOption = None,
    detector_snapshot: DetectorSnapshotOption = None,
    tracker: TrackerOption = None,
    filtered: FilteredOption = False,
    out: PosesFolderOption = None,
    poses: PosesOption = None,
    allow_changed_video: AllowChangedVideoOption = False,
) -> Any:
    """Save frames whose poses look wrong, to be corrected and learned from."""
    from dlcx.workflow.extract_outliers import extract_outliers as workflow

    return workflow(
        call.project,
        videos,
        algorithm=algorithm,
        epsilon=epsilon,
        p_bound=p_bound,
        ar=ar,
        ma=ma,
        frame_numbers=parse_numbers(frame_numbers),
        bodyparts=bodyparts or (),
        method=method,
        frames=frames,
        seed=seed,
        plot=plot,
        copy_videos=copy_videos,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        tracker=tracker,
        filtered=filtered,
        out=out,
        poses=poses,
        allow_changed_video=allow_changed_video,
        progress=call.progress,
    )


def parse_numbers(text: str | None) -> tuple[int, ...]:
    """``"3, 17,250"`` -> (3, 17, 250)."""
    if text is None:
        return ()
    if not re.fullmatch(r"\s*\d{1,18}\s*(,\s*\d{1,18}\s*)*", text):
        raise typer.BadParameter(f"expected N,N,..., e.g. 3,17,250, got '{text}'", param_hint="--frame-numbers")
    return tuple(int(number) for number in text.split(","))
