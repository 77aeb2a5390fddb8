"""Options of ``dlcx track``."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from dlcx.options.base import option, same_as
from dlcx.options.limits import FRACTION, FRAME, MANY, whole
from dlcx.options.output import TableOptions
from dlcx.options.poses import AllowChangedVideoOptions, AnalysisOptions, VideosOptions
from dlcx.options.tracking import LinkingOptions

_STORED = "that of the shuffle's inference_cfg.yaml"


@dataclass(frozen=True, kw_only=True)
class TrackOptions(TableOptions, LinkingOptions, AllowChangedVideoOptions, AnalysisOptions, VideosOptions):
    """Link the animals of analyzed videos again with other settings, without running a network."""

    panel: ClassVar[str] = "Tracking"

    tracker: Literal["ellipse", "box", "skeleton"] | None = same_as(LinkingOptions, "tracker", help="Tracker to use.")
    identity_only: bool = option(False, "Link animals only by the identity scores of a network with an identity head.")
    min_length: int | None = option(
        None,
        "Minimum length of the tracklets from which tracks are built, in frames; shorter tracklets only fill gaps.",
        limits=whole(3, MANY),
        show_default="10",
    )
    max_gap: int | None = option(
        None,
        "Maximum gap within a track, in frames.",
        limits=whole(1, MANY),
        show_default="1.5 times the longest gap that must be bridged",
    )
    pcutoff: float | None = option(
        None, "Ignore keypoints with a likelihood below this.", limits=FRACTION, show_default=_STORED
    )
    max_age: int | None = option(
        None,
        "Number of frames for which a track is kept after the animal was last seen.",
        limits=FRAME,
        show_default=_STORED,
    )
    min_hits: int | None = option(
        None,
        "Number of frames in which an animal must be seen before a tracklet starts.",
        limits=FRAME,
        show_default=_STORED,
    )
    threshold: float | None = option(
        None,
        "For ellipse and box: minimum similarity between an animal and the tracker's prediction.",
        limits=FRACTION,
        show_default=_STORED,
    )
