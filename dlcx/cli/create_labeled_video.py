"""``dlcx create-labeled-video``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.analyze_video import parse_frames
from dlcx.cli.options import (
    AllowChangedVideoOption,
    BodypartOption,
    Call,
    ColormapOption,
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
def create_labeled_video(
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
    dotsize: Annotated[
        int | None,
        typer.Option("--dotsize", help="Diameter of a dot in pixels.", show_default="config.yaml's"),
    ] = None,
    colormap: ColormapOption = None,
    color_by: Annotated[
        str, typer.Option("--color-by", help="What has a colour of its own: bodypart or individual.")
    ] = "bodypart",
    bodyparts: BodypartOption = None,
    skeleton: Annotated[bool, typer.Option("--skeleton/--no-skeleton", help="Draw config.yaml's skeleton.")] = True,
    trail: Annotated[int, typer.Option("--trail", metavar="N", help="Draw each point's path over so many frames.")] = 0,
    boxes: Annotated[str, typer.Option("--boxes", help="A box around each animal: no, too, or only boxes.")] = "no",
    keypoints_only: Annotated[bool, typer.Option("--keypoints-only", help="Draw on black.")] = False,
    frame_number: Annotated[bool, typer.Option("--frame-number", help="Write the number of each frame.")] = False,
    legend: Annotated[bool, typer.Option("--legend", help="Name the colors in a strip below the video.")] = False,
    codec: Annotated[
        str | None,
        typer.Option(
            "--codec",
            help="mp4v, MJPG, XVID, or any encoder of ffmpeg, such as libx265.",
            show_default="H.264, which browsers play",
        ),
    ] = None,
    fps: Annotated[float | None, typer.Option("--fps", help="Frames a second.", show_default="the video's")] = None,
    frames: Annotated[
        str | None, typer.Option("--frames", metavar="A:B", help="Only frames A to B, B left out.")
    ] = None,
    overwrite: OverwriteOption = False,
) -> Any:
    """Draw the poses that analyze-video found into copies of the videos."""
    from dlcx.workflow.create_labeled_video import create_labeled_video as workflow

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
        dotsize=dotsize,
        colormap=colormap,
        color_by=color_by,
        bodyparts=bodyparts or (),
        skeleton=skeleton,
        trail=trail,
        boxes=boxes,
        keypoints_only=keypoints_only,
        frame_number=frame_number,
        legend=legend,
        codec=codec,
        fps=fps,
        frames=parse_frames(frames),
        overwrite=overwrite,
        progress=call.progress,
    )
