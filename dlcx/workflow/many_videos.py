"""Several videos, one after the other: one that fails does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dlcx.errors import DlcxError, Stopped

logger = logging.getLogger(__name__)

Done = TypeVar("Done")


@dataclass(frozen=True)
class FailedVideo:
    """A video that could not be worked on, and why."""

    video: Path
    error: str


def each_video(
    videos: Sequence[Path], work: Callable[[Path], Done]
) -> tuple[tuple[Done, ...], tuple[FailedVideo, ...]]:
    """What ``work`` makes of each video, and the videos for which it raised a DlcxError.

    Raises
    ------
    Stopped
        When a signal asked for an end.
    DlcxError
        When the only video failed, or all of several.
    """
    done: list[Done] = []
    failed: list[FailedVideo] = []
    for video in videos:
        try:
            done.append(work(video))
        except Stopped:
            raise
        except DlcxError as error:
            if len(videos) == 1:
                raise
            logger.error("%s: %s", video, error)
            failed.append(FailedVideo(video, str(error)))
    if not done:
        raise DlcxError(f"none of the {len(videos)} videos could be used, first: {failed[0].error}")
    return tuple(done), tuple(failed)
