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


def asked_frames(frames: tuple[int | None, int | None] | None, video: VideoFile) -> tuple[int, int]:
    """The frames asked for, within the video."""
    first, stop = frame_range(frames)
    first, stop = first or 0, video.frames if stop is None else stop
    if not 0 <= first < stop:
        raise DlcxError(f"--frames {first}:{stop}: expected A:B with 0 <= A < B")
    if first >= video.frames:
        raise DlcxError(f"--frames {first}:{stop}: {video.path.name} has {video.frames} frames")
    if stop > video.frames:
        logger.warning("--frames %d:%d: %s ends at frame %d", first, stop, video.path.name, video.frames)
    return first, min(stop, video.frames)


def share_frames(share: VideoPart, frames: int, batch_size: int) -> tuple[int, int]:
    """First and stop of a share of a video's ``frames``, none for some where it has fewer stretches than shares.

    Shares begin where predictors with memory begin anew (every 1,000 frames) and, where the net looks at several frames
    at once, at the next multiple of the batch size, so that they hold the very numbers of a whole run.
    """
    stretch, count = stretches(frames, batch_size)
    first, stop = (count * done // share.count * stretch for done in (share.number - 1, share.number))
    return min(first, frames), min(stop, frames)


def stretches(frames: int, batch_size: int) -> tuple[int, int]:
    """The frames of the shortest share that there can be, and into how many of them ``frames`` are cut."""
    from dlcx.predictors.temporal import RESET_INTERVAL

    stretch = -(-RESET_INTERVAL // batch_size) * batch_size
    return stretch, -(-frames // stretch)


def earlier_settings(files: AnalysisFiles, share: VideoPart | None = None) -> dict[str, Any]:
    """The settings of the run that is continued; a share without one takes those of the whole or of another share."""
    from dlcx.store.manifest import stored_settings

    if share is None:
        return stored_settings(files.store) or {}
    known = (stored_settings(path) for path in (files.of_part(share).store, files.store, *files.parts.values()))
    return next((settings for settings in known if settings), {})


def joined_frames(asked: tuple[int, int], written: tuple[int, int] | None, files: AnalysisFiles) -> tuple[int, int]:
    """The frames that the files are to hold: those asked for and those that they hold already."""
    if written is None:
        return asked
    first, stop = min(asked[0], written[0]), max(asked[1], written[1])
    if max(asked[0], written[0]) > min(asked[1], written[1]):
        raise DlcxError(
            f"--frames {asked[0]}:{asked[1]} would replace frames {written[0]}:{written[1]} of {files.h5.name}",
            hint=f"Ask for --frames {first}:{stop}, or for another --out.",
        )
    return first, stop


def corner_of(crop: Crop | None) -> tuple[int, int]:
    """x and y of the upper left corner of a crop, in pixels of the frame."""
    return (0, 0) if crop is None else (crop[0], crop[2])


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
