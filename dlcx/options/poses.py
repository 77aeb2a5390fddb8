"""Options that select videos, analyses, and the poses that a command uses."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from dlcx.options.base import Options, argument, option
from dlcx.options.limits import FRACTION
from dlcx.options.network import SnapshotOptions

#: A file, folder or glob pattern.
Pattern = str | Path
#: Trackers that may have linked the poses of several animals; "none" selects unlinked poses.
PoseTracker = Literal["ellipse", "box", "skeleton", "ctd", "transformer", "none"]


@dataclass(frozen=True, kw_only=True)
class VideosOptions(Options):
    """The videos."""

    videos: tuple[Pattern, ...] = argument("Video files, folders or glob patterns.", "VIDEO")


@dataclass(frozen=True, kw_only=True)
class ProjectVideosOptions(Options):
    """All videos of the project, or some of them."""

    videos: tuple[Pattern, ...] = argument(
        "Video files, folders or glob patterns. Default: all videos of the project.", "VIDEO", default=()
    )


@dataclass(frozen=True, kw_only=True)
class ImagesOptions(Options):
    """The images."""

    images: tuple[Pattern, ...] = argument("Image files, folders or glob patterns.", "IMAGE")


@dataclass(frozen=True, kw_only=True)
class AnalysisOptions(SnapshotOptions):
    """An analysis of videos: the network that made it, and the folder that holds it."""

    panel: ClassVar[str] = "Output"

    out: Path | None = option(
        None,
        "Folder of the analysis and of all files derived from it.",
        metavar="DIR",
        show_default="the folder of each video",
    )


@dataclass(frozen=True, kw_only=True)
class AllowChangedVideoOptions(Options):
    """Whether poses are used although their video has changed."""

    panel: ClassVar[str] = "Poses"

    allow_changed_video: bool = option(
        False, "Accept a video file that has changed since the analysis, for example one that was re-encoded."
    )


@dataclass(frozen=True, kw_only=True)
class UnfilteredPosesOptions(AllowChangedVideoOptions, AnalysisOptions):
    """The poses of a video as an analysis or a tracker wrote them."""

    panel: ClassVar[str] = "Poses"

    tracker: PoseTracker | None = option(
        None,
        "Use the tracks of this tracker, or the unlinked detections (none).",
        show_default="the tracker that was run",
    )
    poses: Path | None = option(
        None,
        "File with the poses (h5 or csv) of a single video, for example from DeepLabCut 2.x.",
        metavar="FILE",
        show_default="found by shuffle and snapshot",
    )


@dataclass(frozen=True, kw_only=True)
class PosesOptions(UnfilteredPosesOptions):
    """The poses of a video, filtered or not."""

    panel: ClassVar[str] = "Poses"

    filtered: bool = option(False, "Use the output of filter-predictions.")


@dataclass(frozen=True, kw_only=True)
class PcutoffOptions(Options):
    """The likelihood below which a keypoint counts as not detected."""

    pcutoff: float | None = option(
        None,
        "Hide and ignore keypoints with a likelihood below this.",
        limits=FRACTION,
        show_default="config.yaml's pcutoff",
    )


@dataclass(frozen=True, kw_only=True)
class ColormapOptions(Options):
    """Colors of bodyparts or individuals."""

    colormap: str | None = option(None, "Name of a matplotlib colormap.", show_default="config.yaml's colormap")


@dataclass(frozen=True, kw_only=True)
class BodypartsOptions(Options):
    """A subset of the bodyparts."""

    bodyparts: tuple[str, ...] = option(
        (), "Use only this bodypart; repeat for several.", flag="--bodypart", metavar="NAME", show_default="all"
    )
