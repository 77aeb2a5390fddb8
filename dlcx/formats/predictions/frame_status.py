"""``<video><scorer>_frames.csv``: what became of every frame of a video; dlcx's own.

::

    frame,time,state
    0,0.0,decoded
    1,0.04,repeated        decoded, and shows the very pixels of the frame before
    2,0.08,undecodable     its bytes are damaged: nan in the other files
    3,0.12,missing         its bytes were cut off: nan in the other files

Times in seconds from the first frame, as the container stamps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.serialization.checked_values import cell_integer, cell_number, csv_rows
from dlcx.outputs import atomic_file

DECODED, REPEATED, UNDECODABLE, MISSING = STATES = ("decoded", "repeated", "undecodable", "missing")


@dataclass(frozen=True)
class FrameCounts:
    """How many frames the container announces, of those looked at how many were what, and who looked.

    ``decoded`` are all that have poses, the ``repeated`` ones among them.
    """

    announced: int
    decoded: int
    undecodable: int
    missing: int
    repeated: int
    checked_by: str


@dataclass(frozen=True)
class FrameStatus:
    """Frames from number ``first`` on: time (T,) s and state (T,), an index into :data:`STATES`."""

    first: int
    time: np.ndarray
    state: np.ndarray

    @classmethod
    def of(cls, first: int, time: np.ndarray, readable: np.ndarray, repeated: np.ndarray, packets: int) -> FrameStatus:
        """From what was seen of the frames (T,); the file holds ``packets`` frames."""
        number = np.arange(first, first + len(time))
        lost = np.where(number < packets, STATES.index(UNDECODABLE), STATES.index(MISSING))
        good = np.where(repeated, STATES.index(REPEATED), STATES.index(DECODED))
        return cls(first, time, np.where(readable, good, lost))

    def counts(self, announced: int, checked_by: str) -> FrameCounts:
        """How many are what."""
        decoded, repeated, undecodable, missing = np.bincount(self.state, minlength=len(STATES)).tolist()
        return FrameCounts(announced, decoded + repeated, undecodable, missing, repeated, checked_by)


def write_frame_status(ledger: FrameStatus, path: Path) -> None:
    """Write the csv.

    Raises
    ------
    DlcxError
        When it cannot be written.
    """
    rows = zip(ledger.time.tolist(), ledger.state.tolist(), strict=True)
    with atomic_file(path) as beside, open(beside, "w", encoding="utf-8") as file:
        file.write("frame,time,state\n")
        file.writelines(
            f"{frame},{round(time, 6)},{STATES[state]}\n" for frame, (time, state) in enumerate(rows, ledger.first)
        )


def read_frame_status(path: Path) -> FrameStatus:
    """Read the csv.

    Raises
    ------
    DlcxError
        When it is missing or of another kind.
    """
    numbers, times, states = [], [], []
    for where, row in csv_rows(path, ("frame", "time", "state")):
        try:
            numbers.append(cell_integer(row["frame"], "frame"))
            times.append(cell_number(row["time"], "time"))
            states.append(STATES.index(row["state"]))
            if numbers[-1] != numbers[0] + len(numbers) - 1:
                raise ValueError("frames must be consecutive")
        except ValueError as error:
            raise DlcxError(f"{where}: not a list of frames ({str(error)[:200]})") from None
    return FrameStatus(numbers[0] if numbers else 0, np.array(times, float), np.array(states, int))
