"""Options of ``dlcx create-project``."""

from dataclasses import dataclass
from pathlib import Path

from dlcx.options.base import argument, option
from dlcx.options.formats import NAMES
from dlcx.options.picking import CopyVideosOptions
from dlcx.options.poses import VideosOptions


@dataclass(frozen=True, kw_only=True)
class CreateProjectOptions(CopyVideosOptions, VideosOptions):
    """Create a project folder with its videos and config.yaml."""

    name: str = argument("Name of the project.", "NAME")
    scorer: str = argument("Name of the person who labels the images.", "SCORER")
    folder: Path = option(
        Path(),
        "Folder in which to create the project folder.",
        flag="--dir",
        metavar="DIR",
        show_default="the working folder",
    )
    date: str | None = option(
        None, "Date in the name of the project folder.", metavar="YYYY-MM-DD", show_default="today"
    )
    multi: bool = option(False, "Create a project for several animals.")
    bodyparts: tuple[str, ...] = option(
        (), "Bodyparts to label.", format=NAMES, show_default="placeholders to replace in config.yaml"
    )
    individuals: tuple[str, ...] = option((), "Names of the animals, if there are several.", format=NAMES)
    unique: tuple[str, ...] = option(
        (),
        "In a project with several animals: points that exist only once in the image, such as corners.",
        format=NAMES,
    )
