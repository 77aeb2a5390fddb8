"""Options of ``dlcx plot-trajectories``."""

from dataclasses import dataclass
from typing import Literal

from dlcx.options.base import option
from dlcx.options.limits import Range, whole
from dlcx.options.output import OverwriteOptions
from dlcx.options.poses import BodypartsOptions, ColormapOptions, PcutoffOptions, PosesOptions, VideosOptions


@dataclass(frozen=True, kw_only=True)
class PlotTrajectoriesOptions(
    OverwriteOptions, ColormapOptions, PcutoffOptions, BodypartsOptions, PosesOptions, VideosOptions
):
    """Plot trajectories, coordinates and likelihood over time, and step lengths."""

    individuals: tuple[str, ...] = option(
        (), "Use only this individual; repeat for several.", flag="--individual", metavar="NAME", show_default="all"
    )
    linewidth: float = option(1.0, "Line width, in points.", limits=Range(0.1, 100))
    image_type: Literal["png", "pdf", "svg"] = option("png", "File format of the plots.")
    dpi: int = option(100, "Resolution, in dots per inch.", limits=whole(20, 1200))
