"""Correct an identity switch: swap the tracks of two individuals from a given frame."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.analysis.tracking import note_mended
from dlcx.analysis_files import TrackFiles
from dlcx.errors import DlcxError
from dlcx.formats.predictions.swap_individuals import Swap, swap_individuals
from dlcx.options.command_line import command_line
from dlcx.options.commands.swap_tracks import SwapTracksOptions
from dlcx.options.entry_points import keyword_options

if TYPE_CHECKING:
    from dlcx.options.keywords import SwapTracksKeywords


@dataclass(frozen=True)
class SwapTracksResult:
    """Corrected file: ``one`` and ``other`` are swapped in the frames ``first`` to ``last``, inclusive."""

    file: Path
    one: str
    other: str
    first: int
    last: int
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines to print."""
        return [f"swapped: {self.one} and {self.other} in frames {self.first} to {self.last} of {self.file}"]


@keyword_options(SwapTracksOptions)
def swap_tracks(
    file: str | Path,
    one: str,
    other: str,
    *,
    first: int = 0,
    **keywords: Unpack[SwapTracksKeywords],
) -> SwapTracksResult:
    """Swap two individuals in a file of tracks, in place, and in the csv next to it.

    Parameters
    ----------
    file
        An h5 or csv file of poses with individuals; if both exist, the h5 takes precedence.
    one, other
        Names of the individuals.
    first
        Number of the first frame to swap.

    Returns
    -------
    SwapTracksResult
        Corrected file, individuals and frames.

    Raises
    ------
    DlcxError
        If the file cannot be read, or does not contain these individuals or frames.
    """
    options = SwapTracksOptions.of(file=file, one=one, other=other, first=first, **keywords)
    if options.last is not None and options.last < options.first:
        raise DlcxError(f"--to {options.last}: expected --from {options.first} or later")

    if not options.file.is_file():
        raise DlcxError(f"no such file of tracks: {os.fspath(options.file)!r}")

    def note(path: Path, swap: Swap) -> None:
        note_mended(TrackFiles(path.parent, path.stem), asdict(swap))

    path, swap = swap_individuals(options.file, options.one, options.other, options.first, options.last, note)
    begin, end = swap.first, swap.last
    again = replace(options, file=path, first=begin, last=None if options.last is None else end)
    back = f"The same call takes it back: {command_line(again)}"
    return SwapTracksResult(path, options.one, options.other, begin, end, (back,))
