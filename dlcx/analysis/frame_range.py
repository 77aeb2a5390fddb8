"""Which frames and which region of a video an analysis is about, checked against the video."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

from dlcx.analysis_files import AnalysisFiles, VideoPart
from dlcx.errors import DlcxError

if TYPE_CHECKING:
    from dlcx.data.video_file import VideoFile

logger = logging.getLogger(__name__)

#: x1, x2, y1, y2 in pixels.
Crop = tuple[int, int, int, int]


def frame_range(frames: object) -> tuple[int | None, int | None]:
    """First frame and the one after the last, as they are given; None leaves a side open.

    Raises
    ------
    DlcxError
        When it is no such pair.
    """
    if frames is None:
        return None, None
    if isinstance(frames, Sequence) and len(frames) == 2 and not isinstance(frames, str):
        first, stop = frames
        if all(side is None or isinstance(side, Integral) for side in (first, stop)):
            return first, stop
    raise DlcxError(f"frames={frames!r}: expected (first, stop)", hint="Such as (0, 1000); None leaves a side open.")


def requested_frames(frames: tuple[int | None, int | None] | None, video: VideoFile) -> tuple[int, int]:
    """The frames (first, stop) of a video that ``--frames`` asks for.

    Raises
    ------
    DlcxError
        If the video has no such frames.
    """
    first, stop = frame_range(frames)
    first, stop = first or 0, video.frames if stop is None else stop
    if not 0 <= first < stop:
        raise DlcxError(f"--frames {first}:{stop}: expected A:B with 0 <= A < B")
    if first >= video.frames:
        raise DlcxError(f"--frames {first}:{stop}: {video.path.name} has {video.frames} frames")
    if stop > video.frames:
        logger.warning("--frames %d:%d: %s ends at frame %d", first, stop, video.path.name, video.frames)
    return first, min(stop, video.frames)


def part_frames(part: VideoPart, frames: int, batch_size: int) -> tuple[int, int]:
    """The frames (first, stop) of a part of a video of so many ``frames``.

    Parts begin where temporal predictors are reset (every 1,000 frames), rounded up to a multiple of the batch size, so
    that they hold exactly the predictions of a full run.  If there are more parts than such intervals, some are empty.
    """
    interval, count = part_intervals(frames, batch_size)
    first, stop = (count * done // part.count * interval for done in (part.number - 1, part.number))
    return min(first, frames), min(stop, frames)


def part_intervals(frames: int, batch_size: int) -> tuple[int, int]:
    """The number of frames in the shortest possible part, and the number of such parts in ``frames``."""
    from dlcx.predictors.temporal import RESET_INTERVAL

    interval = -(-RESET_INTERVAL // batch_size) * batch_size
    return interval, -(-frames // interval)


def earlier_settings(files: AnalysisFiles, part: VideoPart | None = None) -> dict[str, Any]:
    """The settings of the run that is resumed; for a new part, those of the full video or of another part."""
    from dlcx.store.manifest import stored_settings

    if part is None:
        return stored_settings(files.store) or {}
    known = (stored_settings(path) for path in (files.of_part(part).store, files.store, *files.parts.values()))
    return next((settings for settings in known if settings), {})


def frames_to_write(
    requested: tuple[int, int], written: tuple[int, int] | None, files: AnalysisFiles
) -> tuple[int, int]:
    """The frames (first, stop) of the output files: those ``requested`` and those ``written`` earlier.

    Raises
    ------
    DlcxError
        If there is a gap between the two.
    """
    if written is None:
        return requested
    first, stop = min(requested[0], written[0]), max(requested[1], written[1])
    if max(requested[0], written[0]) > min(requested[1], written[1]):
        raise DlcxError(
            f"--frames {requested[0]}:{requested[1]} would replace frames {written[0]}:{written[1]} of {files.h5.name}",
            hint=f"Ask for --frames {first}:{stop}, or for another --out.",
        )
    return first, stop


def overlap(frames: tuple[int, int], others: tuple[int, int]) -> int:
    """The number of frames that two ranges (first, stop) have in common."""
    return max(0, min(frames[1], others[1]) - max(frames[0], others[0]))


def checked_crop(crop: Crop | None, video: VideoFile) -> Crop | None:
    """The crop, None where it is the whole frame."""
    if crop is None:
        return None
    x1, x2, y1, y2 = crop
    if not (0 <= x1 < x2 <= video.width and 0 <= y1 < y2 <= video.height):
        raise DlcxError(
            f"--crop {x1},{x2},{y1},{y2}: expected X1,X2,Y1,Y2 within the {video.width}x{video.height} pixels "
            f"of {video.path.name}",
            hint="When it is not given, config.yaml's x1, x2, y1, y2 count where cropping is true.",
        )
    return None if crop == (0, video.width, 0, video.height) else (x1, x2, y1, y2)
