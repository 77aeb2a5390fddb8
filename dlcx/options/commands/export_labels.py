"""Options of ``dlcx export-labels``."""

from dataclasses import dataclass
from pathlib import Path

from dlcx.options.base import argument, option
from dlcx.options.network import ProjectOptions
from dlcx.options.output import OverwriteOptions


@dataclass(frozen=True, kw_only=True)
class ExportLabelsOptions(OverwriteOptions, ProjectOptions):
    """Export the labels to a file for another program."""

    file: Path = argument("File to write. The extension selects the format:", "FILE")
    videos: tuple[str, ...] = option(
        (),
        "Export only the labels of this video; repeat for several.",
        flag="--video",
        metavar="NAME",
        show_default="all",
    )
