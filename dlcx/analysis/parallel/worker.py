"""One piece of an analysis that several processes share: a share of a video, or joining a video's shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dlcx.errors import DlcxError, Stopped
from dlcx.progress import Progress, Task

#: Seconds between reports of how far a share is.
REPORT_EVERY = 0.5


@dataclass(frozen=True)
class Piece:
    """``part`` of a video (None: join its parts) with the flags of the call; ``threads`` are torch's."""

    video: str
    part: tuple[int, int] | None
    flags: dict[str, Any]
    threads: int


@dataclass(frozen=True)
class Failure:
    """What the user can put right: trying again would not help."""

    error: str
    hint: str


def work_on(piece: Piece, report: Callable[[int], None]) -> Any:
    """Do it; an AnalyzedShare, an AnalyzedVideo, or a Failure.

    Raises
    ------
    Stopped
        When a signal came, or nobody waits for it any more; what was done is safe.
    """
    try:
        if piece.part is None:
            from dlcx.workflow.merge_parts import merge_parts

            return merge_parts(videos=[piece.video], **piece.flags).videos[0]
        from dlcx.analysis.chosen_net import threads
        from dlcx.workflow.analyze_video import AnalyzeVideoResult, analyze_video

        flags = piece.flags | {"part": piece.part, "progress": Reports(report)}
        with threads(piece.threads):
            done = analyze_video(videos=[piece.video], **flags)
        assert isinstance(done, AnalyzeVideoResult)
        return done.videos[0]
    except Stopped:
        raise
    except DlcxError as error:
        return Failure(str(error), error.hint)


class Reports(Progress):
    """Says elsewhere how many frames are done."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self.report = report

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        """See :class:`dlcx.progress.Progress`."""
        report = self.report

        class Reporting(Task):
            count, spoke = done, 0.0

            def advance(self, count: int = 1, note: str = "") -> None:
                self.count += count
                if time.monotonic() - self.spoke >= REPORT_EVERY:
                    self.spoke = time.monotonic()
                    report(self.count)

        task = Reporting()
        yield task
        report(task.count)
