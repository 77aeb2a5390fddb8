"""Options of ``dlcx demo``."""

from dataclasses import dataclass
from pathlib import Path

from dlcx.options.base import argument, option
from dlcx.options.limits import SEED, whole
from dlcx.options.output import OverwriteOptions


@dataclass(frozen=True, kw_only=True)
class DemoOptions(OverwriteOptions):
    """Create a small, fully labeled project with a synthetic video, for trying out dlcx."""

    folder: Path = argument("Folder to create.", "DIR", default=Path("demo"))
    animals: int = option(
        1, "Number of animals; several animals cross, overlap, leave and come back.", limits=whole(1, 8)
    )
    seed: int = option(0, "Random seed; a different seed gives a different recording.", limits=SEED)
