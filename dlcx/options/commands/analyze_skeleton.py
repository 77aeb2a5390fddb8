"""Options of ``dlcx analyze-skeleton``."""

from dataclasses import dataclass

from dlcx.options.output import TableOptions
from dlcx.options.poses import PcutoffOptions, PosesOptions, VideosOptions


@dataclass(frozen=True, kw_only=True)
class AnalyzeSkeletonOptions(TableOptions, PcutoffOptions, PosesOptions, VideosOptions):
    """Measure the bones of config.yaml's skeleton: length and angle in every frame."""
