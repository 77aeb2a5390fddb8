"""Options of ``dlcx merge-parts``."""

from dataclasses import dataclass
from pathlib import Path

from dlcx.options.base import same_as
from dlcx.options.output import TableOptions
from dlcx.options.poses import AnalysisOptions, VideosOptions
from dlcx.options.tracking import TrackingOptions


@dataclass(frozen=True, kw_only=True)
class MergePartsOptions(TableOptions, TrackingOptions, AnalysisOptions, VideosOptions):
    """Merge the parts analyzed with analyze-video --part into complete result files, without running a network."""

    out: Path | None = same_as(AnalysisOptions, "out", help="Folder of the parts and of the results.")
