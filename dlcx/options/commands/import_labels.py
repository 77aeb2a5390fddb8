"""Options of ``dlcx import-labels``."""

from dataclasses import dataclass
from pathlib import Path

from dlcx.options.base import Need, argument, option
from dlcx.options.network import ProjectOptions
from dlcx.options.output import OverwriteOptions


@dataclass(frozen=True, kw_only=True)
class ImportLabelsOptions(OverwriteOptions, ProjectOptions):
    """Import labels from another program into the project."""

    file: Path = argument("File with labels. The extension determines the format:", "FILE")
    images: Path | None = option(
        None, "Folder of the images or videos.", metavar="DIR", show_default="the paths in the file"
    )
    video: str | None = option(
        None,
        "Name of the folder in labeled-data for the images.",
        metavar="NAME",
        show_default="the name of the images' folder",
    )
    predicted: bool = option(
        False,
        "For SLEAP: also import predicted instances.",
        need=Need(lambda options: options.file.suffix == ".slp", "a file of SLEAP, .slp"),
    )
