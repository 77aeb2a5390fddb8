"""Options for linking the poses of several animals into tracks."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from dlcx.options.base import Need, Options, option
from dlcx.options.limits import whole

Tracker = Literal["ellipse", "box", "skeleton", "ctd"]
_LINKED = Need(lambda options: getattr(options, "track", True), "a call without --no-track")


@dataclass(frozen=True, kw_only=True)
class LinkingOptions(Options):
    """The tracker and the animals to track."""

    panel: ClassVar[str] = "Tracking"

    tracker: Tracker | None = option(
        None,
        "Tracker for several animals; ctd tracks during the analysis and needs a BUCTD network.",
        show_default="config.yaml's default_track_method, else ellipse",
        need=_LINKED,
    )
    animals: int | None = option(
        None,
        "Number of animals in the video, and maximum number of tracks.",
        limits=whole(1, 1000),
        show_default="config.yaml's individuals",
        need=_LINKED,
    )
    relink: bool = option(
        True,
        "Re-link all detections globally after tracking; --no-relink reproduces DeepLabCut's tracks.",
        need=_LINKED,
    )


@dataclass(frozen=True, kw_only=True)
class TrackingOptions(LinkingOptions):
    """Whether poses are linked, and how."""

    panel: ClassVar[str] = "Tracking"

    track: bool = option(True, "Link the poses of several animals into tracks.")
