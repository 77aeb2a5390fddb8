"""Options of ``dlcx export-predictions``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlcx.options.base import option, same_as
from dlcx.options.output import TableOptions
from dlcx.options.poses import AnalysisOptions, PosesOptions, VideosOptions


@dataclass(frozen=True, kw_only=True)
class ExportPredictionsOptions(TableOptions, PosesOptions, VideosOptions):
    """Write the poses of videos in the formats of other programs."""

    format: Literal["nwb", "h5"] = option(
        "nwb", "Neurodata Without Borders, one file per individual, or DeepLabCut's h5 with the key df_with_missing."
    )
    split_unique: bool = option(False, "For h5: write unique bodyparts to a separate file.")
    split_individuals: bool = option(False, "For h5: write one file per individual.")
    session_start: str | None = option(
        None,
        "For nwb: start of the recording, such as 2026-01-31T14:30+01:00.",
        metavar="TIME",
        show_default="the time at which the video file was last changed",
    )
    to: Path | None = option(
        None, "Folder for the files.", metavar="DIR", panel="Output", show_default="exported, next to the poses"
    )
    out: Path | None = same_as(AnalysisOptions, "out", help="Folder of the analysis.")
