"""Work on several videos in turn: a video that fails does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from dlcx.analysis_files import AnalysisFiles
from dlcx.errors import DlcxError, Stopped

logger = logging.getLogger(__name__)

Done = TypeVar("Done")
Reported = TypeVar("Reported", bound="HasLines")


@dataclass(frozen=True)
class FailedVideo:
    """A video that could not be processed, and the reason."""

    video: Path
    error: str


@dataclass(frozen=True)
class VideosResult(Generic[Done]):
    """The results of a command for each video, and the videos that failed."""

    videos: tuple[Done, ...]
    failed: tuple[FailedVideo, ...] = ()

    @property
    def exit_code(self) -> int:
        """4 if a video failed, else 0."""
        return 4 if self.failed else 0

    def failures(self) -> list[str]:
        """One line for each video that failed."""
        return [f"failed: {failure.video}: {failure.error}" for failure in self.failed]


class HasLines(Protocol):
    """A result that can be printed."""

    def lines(self) -> list[str]:
        """Return the lines to print."""
        ...


def result_lines(result: VideosResult[Reported]) -> list[str]:
    """The lines of every video, then those of the videos that failed."""
    return [line for video in result.videos for line in video.lines()] + result.failures()


def refuse_shared_outputs(files: Sequence[AnalysisFiles]) -> None:
    """Refuse two videos whose files would have the same names, so that the second would replace the first.

    Raises
    ------
    DlcxError
        If there are such videos; names both.
    """
    seen: dict[Path, Path] = {}
    for target in files:
        other = seen.setdefault(target.h5.absolute(), target.video)
        if other != target.video:
            raise DlcxError(
                f"{other} and {target.video} would both write {target.folder / target.stem}.h5",
                hint="Run one call for each, with different --out folders, or rename one of the videos.",
            )


def each_video(
    videos: Sequence[Path], work: Callable[[Path], Done]
) -> tuple[tuple[Done, ...], tuple[FailedVideo, ...]]:
    """Call ``work`` for each video.

    Returns
    -------
    done, failed
        What it returned, and the videos for which it raised a DlcxError.

    Raises
    ------
    Stopped
        If ``work`` raised it.
    DlcxError
        If the only video failed, or all of several.
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
