"""Options of ``dlcx score-maps``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlcx.options.base import option
from dlcx.options.compute import DeviceOptions
from dlcx.options.network import NetworkOptions
from dlcx.options.output import OverwriteOptions
from dlcx.options.poses import BodypartsOptions, ImagesOptions


@dataclass(frozen=True, kw_only=True)
class ScoreMapsOptions(OverwriteOptions, DeviceOptions, BodypartsOptions, NetworkOptions, ImagesOptions):
    """Draw the output of a network for images: score maps, offsets and part-affinity fields."""

    kinds: tuple[Literal["scmap", "locref", "paf"], ...] = option(
        (), "Draw only this kind of map; repeat for several.", flag="--kind", show_default="all that the network has"
    )
    out: Path | None = option(
        None,
        "Folder for the images.",
        metavar="DIR",
        panel="Output",
        show_default="maps, in the evaluation results",
    )
