"""Options of ``dlcx analyze-images``."""

from dataclasses import dataclass
from pathlib import Path

from dlcx.options.base import option, same_as
from dlcx.options.compute import BATCH, ComputeOptions
from dlcx.options.network import NetworkOptions
from dlcx.options.output import TableOptions
from dlcx.options.poses import ImagesOptions, PcutoffOptions


@dataclass(frozen=True, kw_only=True)
class AnalyzeImagesOptions(TableOptions, PcutoffOptions, ComputeOptions, NetworkOptions, ImagesOptions):
    """Estimate the poses in images that are not frames of a video."""

    batch_size: int = option(1, "Images of the same size per forward pass.", limits=BATCH, panel="Computation")
    out: Path | None = option(
        None, "Folder for the results.", metavar="DIR", panel="Output", show_default="the folder of the images"
    )
    plot: bool = option(False, "Draw the poses on every image.")
    pcutoff: float | None = same_as(
        PcutoffOptions, "pcutoff", help="Draw keypoints with a likelihood below this as an x."
    )
