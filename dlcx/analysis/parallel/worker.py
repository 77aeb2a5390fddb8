"""The tasks of a distributed analysis, as a worker process runs them: analyze a part, or join the parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dlcx.analysis.parallel.join import join_videos
from dlcx.analysis.result import AnalyzedPart, AnalyzedVideo
from dlcx.analysis.run_settings import torch_threads
from dlcx.analysis.video_analysis import VideoAnalysis, analyze_videos
from dlcx.errors import DlcxError, Stopped
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.merge_parts import MergePartsOptions
from dlcx.options.entry_points import naming_flags
from dlcx.progress import SILENT, Progress, Task

#: Seconds between two progress reports.
REPORT_EVERY = 0.5


@dataclass(frozen=True)
class PartTask:
    """Analyze a part of a video with this number of torch's threads."""

    options: AnalyzeVideoOptions
    threads: int

    def run(self, progress: Progress = SILENT) -> AnalyzedPart | AnalyzedVideo:
        """Analyze the part that the options name."""
        with torch_threads(self.threads):
            analyzed, _ = analyze_videos(VideoAnalysis.of(self.options), progress)
        return analyzed[0]


@dataclass(frozen=True)
class JoinTask:
    """Join the parts of a video."""

    options: MergePartsOptions

    def run(self, progress: Progress = SILENT) -> AnalyzedVideo:
        """Join the parts of the video that the options name."""
        joined, _ = join_videos(self.options)
        return joined[0]


@dataclass(frozen=True)
class RefusedTask:
    """An error that the user can fix: running the task again would not help."""

    error: str
    hint: str


def run_task(task: PartTask | JoinTask, report: Callable[[int], None]) -> AnalyzedPart | AnalyzedVideo | RefusedTask:
    """Run a task of a distributed analysis.

    Parameters
    ----------
    report
        Called now and then with the number of analyzed frames.

    Raises
    ------
    Stopped
        After a signal, or if the result is no longer wanted; what was done is stored.
    """
    with naming_flags():
        try:
            return task.run(ReportedProgress(report))
        except Stopped:
            raise
        except DlcxError as error:
            return RefusedTask(str(error), error.hint)


class ReportedProgress(Progress):
    """Reports the number of finished units to another process."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self.report = report

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        """See :class:`dlcx.progress.Progress`."""
        report = self.report

        class Reporting(Task):
            count, reported = done, 0.0

            def advance(self, count: int = 1, note: str = "") -> None:
                self.count += count
                if time.monotonic() - self.reported >= REPORT_EVERY:
                    self.reported = time.monotonic()
                    report(self.count)

        task = Reporting()
        yield task
        report(task.count)
