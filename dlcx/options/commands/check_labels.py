"""Options of ``dlcx check-labels``."""

from dataclasses import dataclass
from typing import Literal

from dlcx.options.base import option
from dlcx.options.network import ProjectOptions
from dlcx.options.poses import ProjectVideosOptions


@dataclass(frozen=True, kw_only=True)
class CheckLabelsOptions(ProjectOptions, ProjectVideosOptions):
    """Draw the labels on the images, and list labels that look wrong."""

    plot: bool = option(True, "Draw the labels on the images.")
    draw_all: bool = option(
        False,
        "Draw every image. By default, if there are more than 100 images, only those with suspicious labels are drawn.",
        flag="--all",
    )
    color_by: Literal["bodypart", "individual"] | None = option(
        None, "Color points by bodypart or by individual.", show_default="individual, if there are several"
    )
