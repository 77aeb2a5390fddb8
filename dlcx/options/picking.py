"""Options for picking the frames of a video to label."""

from dataclasses import dataclass
from typing import Literal

from dlcx.options.base import Options, option
from dlcx.options.limits import SEED, whole

Method = Literal["kmeans", "uniform"]


@dataclass(frozen=True, kw_only=True)
class CopyVideosOptions(Options):
    """Videos that are new to the project."""

    copy_videos: bool = option(False, "Copy new videos into the project instead of linking to them.")


@dataclass(frozen=True, kw_only=True)
class PickingOptions(Options):
    """How many frames are picked from each video, and how."""

    method: Method = option("kmeans", "How to pick frames: different from each other (kmeans), or at random (uniform).")
    frames: int | None = option(
        None,
        "Number of frames to pick from each video.",
        limits=whole(1, 10**6),
        show_default="config.yaml's numframes2pick",
    )
    seed: int = option(42, "Random seed; a different seed picks different frames.", limits=SEED)
