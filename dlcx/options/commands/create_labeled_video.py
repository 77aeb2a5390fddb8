"""Options of ``dlcx create-labeled-video``."""

from dataclasses import dataclass
from typing import Literal

from dlcx.options.base import needs, option
from dlcx.options.limits import Range, whole
from dlcx.options.output import OverwriteOptions
from dlcx.options.poses import BodypartsOptions, ColormapOptions, PcutoffOptions, PosesOptions, VideosOptions
from dlcx.options.video import FrameRange, frames_option

_POINTS = needs("boxes", "no", "too")


@dataclass(frozen=True, kw_only=True)
class CreateLabeledVideoOptions(
    OverwriteOptions, BodypartsOptions, ColormapOptions, PcutoffOptions, PosesOptions, VideosOptions
):
    """Draw the poses that analyze-video found into copies of the videos."""

    dotsize: int | None = option(
        None,
        "Diameter of the dots, in pixels.",
        limits=whole(1, 1000),
        show_default="config.yaml's dotsize",
        need=_POINTS,
    )
    color_by: Literal["bodypart", "individual"] = option(
        "bodypart", "Color points by bodypart or by individual.", need=_POINTS
    )
    skeleton: bool = option(True, "Draw the skeleton of config.yaml.", need=_POINTS)
    trail: int = option(0, "Draw the path of each point over the last N frames.", limits=whole(0, 10**4), need=_POINTS)
    boxes: Literal["no", "too", "only"] = option(
        "no", "Draw a box around each animal, together with its keypoints (too) or without them (only)."
    )
    keypoints_only: bool = option(False, "Draw on a black background.")
    frame_number: bool = option(False, "Write the frame number on each frame.")
    legend: bool = option(False, "Add a strip below the video that names the colors.")
    codec: str | None = option(
        None,
        "Codec: mp4v, MJPG, XVID, or any FFmpeg encoder, such as libx265.",
        show_default="H.264, which browsers play",
    )
    fps: float | None = option(None, "Frames per second.", limits=Range(0.01, 10**4), show_default="the video's")
    frames: FrameRange | None = frames_option("Draw only frames A to B, B excluded.")
