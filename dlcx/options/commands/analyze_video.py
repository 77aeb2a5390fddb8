"""Options of ``dlcx analyze-video``."""

from dataclasses import dataclass

from dlcx.options.base import option
from dlcx.options.cluster import DistributionOptions
from dlcx.options.compute import ComputeOptions
from dlcx.options.formats import CROP, DYNAMIC_CROP
from dlcx.options.limits import FRACTION, PIXEL, Range
from dlcx.options.network import NetworkOptions
from dlcx.options.output import TableOptions
from dlcx.options.poses import AnalysisOptions, VideosOptions
from dlcx.options.tracking import TrackingOptions
from dlcx.options.video import FrameRange, frames_option


@dataclass(frozen=True, kw_only=True)
class AnalyzeVideoOptions(
    TableOptions, DistributionOptions, TrackingOptions, ComputeOptions, AnalysisOptions, NetworkOptions, VideosOptions
):
    """Estimate the poses in whole videos, or resume an interrupted analysis."""

    frames: FrameRange | None = frames_option("Analyze only frames A to B, B excluded; rows keep their frame numbers.")
    crop: tuple[int, int, int, int] | None = option(
        None,
        "Region of the frame that the network sees; coordinates still refer to the full frame.",
        format=CROP,
        limits=(PIXEL, PIXEL, PIXEL, PIXEL),
        show_default="config.yaml's, if cropping is true",
    )
    dynamic_crop: tuple[float, float] | None = option(
        None,
        "Follow one animal: look only at its last pose plus MARGIN pixels, as long as a keypoint reaches SCORE.",
        format=DYNAMIC_CROP,
        limits=(FRACTION, Range(0, 10**5)),
    )
