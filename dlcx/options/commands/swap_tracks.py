"""Options of ``dlcx swap-tracks``."""

from dataclasses import MISSING, dataclass
from pathlib import Path

from dlcx.options.base import Options, argument, option
from dlcx.options.limits import FRAME


@dataclass(frozen=True, kw_only=True)
class SwapTracksOptions(Options):
    """Correct swapped identities by exchanging the tracks of two individuals in the h5 and csv files."""

    file: Path = argument("Tracks, h5 or csv.", "FILE")
    one: str = argument("An individual.", "A")
    other: str = argument("Another individual.", "B")
    first: int = option(MISSING, "First frame to swap.", flag="--from", metavar="FRAME", limits=FRAME)
    last: int | None = option(
        None, "Last frame to swap.", flag="--to", metavar="FRAME", limits=FRAME, show_default="the last one"
    )
