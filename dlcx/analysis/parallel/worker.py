"""One piece of an analysis that several processes share: a share of a video, or joining a video's shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dlcx.errors import DlcxError, Stopped
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.merge_parts import MergePartsOptions
from dlcx.options.entry_points import naming_flags
from dlcx.progress import Progress, Task

#: Seconds between reports of how far a share is.
REPORT_EVERY = 0.5


@dataclass(frozen=True)
class Piece:
    """The analysis of a part of a video, or what joins its parts; ``threads`` are torch's."""

    options: AnalyzeVideoOptions | MergePartsOptions
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
    with naming_flags():
        return _work_on(piece, report)


def _work_on(piece: Piece, report: Callable[[int], None]) -> Any:
    options = piece.options
    try:
        if isinstance(options, MergePartsOptions):
            from dlcx.workflow.merge_parts import merge_parts

            return merge_parts(**options.keywords()).videos[0]
        from dlcx.analysis.run_settings import torch_threads
        from dlcx.workflow.analyze_video import AnalyzeVideoResult, analyze_video

        with torch_threads(piece.threads):
            done = analyze_video(**options.keywords(), progress=Reports(report))
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
