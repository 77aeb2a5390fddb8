"""Options of ``dlcx extract-frames``."""

from dataclasses import dataclass

from dlcx.options.base import needs, option
from dlcx.options.limits import FRACTION, whole
from dlcx.options.network import ProjectOptions
from dlcx.options.picking import PickingOptions
from dlcx.options.poses import ProjectVideosOptions

_KMEANS = needs("method", "kmeans")


@dataclass(frozen=True, kw_only=True)
class ExtractFramesOptions(PickingOptions, ProjectOptions, ProjectVideosOptions):
    """Save frames of the videos as images to label."""

    start: float | None = option(
        None,
        "Position at which to start, as a fraction of the video.",
        limits=FRACTION,
        show_default="config.yaml's start",
    )
    stop: float | None = option(
        None,
        "Position at which to stop, as a fraction of the video.",
        limits=FRACTION,
        show_default="config.yaml's stop",
    )
    crop: bool = option(False, "Crop the images to the region that config.yaml specifies for each video.")
    step: int = option(1, "For kmeans: look only at every Nth frame.", limits=whole(1, 10**6), need=_KMEANS)
    width: int = option(
        30, "For kmeans: width in pixels to which frames are shrunk.", limits=whole(1, 10**4), need=_KMEANS
    )
    color: bool = option(False, "For kmeans: compare colors, not just brightness.", need=_KMEANS)
