"""Options of ``dlcx add-videos``."""

from dataclasses import dataclass

from dlcx.options.base import option
from dlcx.options.formats import CROP
from dlcx.options.limits import PIXEL
from dlcx.options.network import ProjectOptions
from dlcx.options.picking import CopyVideosOptions
from dlcx.options.poses import VideosOptions


@dataclass(frozen=True, kw_only=True)
class AddVideosOptions(CopyVideosOptions, ProjectOptions, VideosOptions):
    """Add videos to the project and its config.yaml."""

    crop: tuple[int, int, int, int] | None = option(
        None,
        "Region of the frames to label and analyze.",
        format=CROP,
        limits=(PIXEL, PIXEL, PIXEL, PIXEL),
        show_default="the whole frame",
    )
