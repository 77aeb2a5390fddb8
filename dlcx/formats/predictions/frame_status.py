"""``<video><scorer>_frames.csv``: the status of every frame of a video; specific to dlcx.

::

    frame,time,state
    0,0.0,decoded
    1,0.04,repeated        decoded; same pixels as the frame before
    2,0.08,undecodable     its bytes are damaged; nan in the other files
    3,0.12,missing         its bytes were cut off; nan in the other files

Times are seconds from the first frame, from the time stamps of the container.
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
    """Numbers of frames by status.

    Attributes
    ----------
    announced
        Number of frames according to the header of the video.
    decoded
        Frames that have poses, including the repeated ones.
    undecodable, missing, repeated
        Frames of this status.
    checked_by
        The decoder that detected damaged frames.
    """

    announced: int
    decoded: int
    undecodable: int
    missing: int
    repeated: int
    checked_by: str


@dataclass(frozen=True)
class FrameStatus:
    """The frame status table of T consecutive frames.

    Attributes
    ----------
    first
        Number of the first frame.
    time
        Times (T,) in seconds from the first frame of the video.
    state
        Status (T,) as indices into :data:`STATES`.
    """

    first: int
    time: np.ndarray
    state: np.ndarray

    @classmethod
    def of(cls, first: int, time: np.ndarray, readable: np.ndarray, repeated: np.ndarray, packets: int) -> FrameStatus:
        """Derive the status of frames from what the decoder returned.

        Parameters
        ----------
        first
            Number of the first frame.
        time
            Times (T,) in seconds.
        readable, repeated
            Whether each frame (T,) was decoded, and whether it shows the same pixels as the frame before.
        packets
            Number of frames whose bytes are in the file; later frames are missing.
        """
        number = np.arange(first, first + len(time))
        lost = np.where(number < packets, STATES.index(UNDECODABLE), STATES.index(MISSING))
        good = np.where(repeated, STATES.index(REPEATED), STATES.index(DECODED))
        return cls(first, time, np.where(readable, good, lost))

    def counts(self, announced: int, checked_by: str) -> FrameCounts:
        """Count the frames by status."""
        decoded, repeated, undecodable, missing = np.bincount(self.state, minlength=len(STATES)).tolist()
        return FrameCounts(announced, decoded + repeated, undecodable, missing, repeated, checked_by)


def write_frame_status(status: FrameStatus, path: Path) -> None:
    """Write a frame status table.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    rows = zip(status.time.tolist(), status.state.tolist(), strict=True)
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write("frame,time,state\n")
        file.writelines(
            f"{frame},{round(time, 6)},{STATES[state]}\n" for frame, (time, state) in enumerate(rows, status.first)
        )


def read_frame_status(path: Path) -> FrameStatus:
    """Read a frame status table.

    Raises
    ------
    DlcxError
        If the file is missing or is not such a table.
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
            raise DlcxError(f"{where}: not a frame status table ({str(error)[:200]})") from None
    return FrameStatus(numbers[0] if numbers else 0, np.array(times, float), np.array(states, int))
