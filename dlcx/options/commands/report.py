"""Options of ``dlcx report``."""

from dataclasses import dataclass
from pathlib import Path

from dlcx.options.base import argument, option, same_as
from dlcx.options.compute import DeviceOptions
from dlcx.options.poses import AnalysisOptions, Pattern, PcutoffOptions, PosesOptions


@dataclass(frozen=True, kw_only=True)
class ReportOptions(DeviceOptions, PcutoffOptions, PosesOptions):
    """Write a self-contained HTML page about a shuffle, about the poses of each video, or about the whole project."""

    videos: tuple[Pattern, ...] = argument(
        "Video files, folders or glob patterns. Default: a report on the shuffle.", "VIDEO", default=()
    )
    overview: bool = option(False, "Write one page about the whole project: its videos, worst first, and networks.")
    out: Path | None = same_as(AnalysisOptions, "out", help="Folder of the analysis and the report.")
