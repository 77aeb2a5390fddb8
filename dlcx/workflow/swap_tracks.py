"""Mend a swap of identities: two individuals change tracks from a frame on."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from dlcx.analysis.tracking import note_mended
from dlcx.analysis_files import TrackFiles
from dlcx.errors import DlcxError
from dlcx.formats.predictions.swap_individuals import Swap, swap_individuals
from dlcx.next_steps import swap_command
from dlcx.ranges import within_ranges


@dataclass(frozen=True)
class SwapTracksResult:
    """The file that was mended: ``one`` and ``other`` changed in the frames ``first`` to ``last``, both included."""

    file: Path
    one: str
    other: str
    first: int
    last: int
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """One fact a line."""
        return [f"swapped: {self.one} and {self.other} in frames {self.first} to {self.last} of {self.file}"]


@within_ranges
def swap_tracks(file: str | Path, one: str, other: str, *, first: int = 0, last: int | None = None) -> SwapTracksResult:
    """Swap two individuals in a file of tracks, in place; the csv beside it follows.

    Parameters
    ----------
    file
        An h5 or csv of poses with individuals; of the two that lie beside each other the h5 leads.
    one, other
        Individuals.
    first, last
        Frames of the video, both included; default: to the end.

    Raises
    ------
    DlcxError
        When the file cannot be used, or has no such individuals or frames.
    """
    if last is not None and last < first:
        raise DlcxError(f"--to {last}: expected --from {first} or later")

    if not Path(file).is_file():
        raise DlcxError(f"no such file of tracks: {os.fspath(file)!r}")

    def note(path: Path, swap: Swap) -> None:
        note_mended(TrackFiles(path.parent, path.stem), asdict(swap))

    path, swap = swap_individuals(Path(file), one, other, first, last, note)
    begin, end = swap.first, swap.last
    back = swap_command(path, one, other, begin, None if last is None else end)
    return SwapTracksResult(path, one, other, begin, end, (f"The same call takes it back: {back}",))
