"""``dlcx plot-trajectories``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import (
    AllowChangedVideoOption,
    BodypartOption,
    Call,
    ColormapOption,
    DetectorSnapshotOption,
    FilteredOption,
    IndividualOption,
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
def plot_trajectories(
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
    bodyparts: BodypartOption = None,
    individuals: IndividualOption = None,
    pcutoff: PcutoffOption = None,
    colormap: ColormapOption = None,
    linewidth: Annotated[float, typer.Option("--linewidth", help="In points.")] = 1.0,
    image_type: Annotated[str, typer.Option("--image-type", help="png, pdf or svg.")] = "png",
    dpi: Annotated[int, typer.Option("--dpi", help="Pixels an inch.")] = 100,
    overwrite: OverwriteOption = False,
) -> Any:
    """Draw where bodyparts go: paths, coordinates and likelihood over time, steps between frames."""
    from dlcx.workflow.plot_trajectories import plot_trajectories as workflow

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
        bodyparts=bodyparts or (),
        individuals=individuals or (),
        pcutoff=pcutoff,
        colormap=colormap,
        linewidth=linewidth,
        image_type=image_type,
        dpi=dpi,
        overwrite=overwrite,
        progress=call.progress,
    )
