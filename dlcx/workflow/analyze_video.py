"""Analyze videos: estimate the poses in all frames, or resume an analysis, and write DeepLabCut's files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.analysis.many_videos import FailedVideo
from dlcx.analysis.result import AnalyzedPart, AnalyzedVideo
from dlcx.analysis.tracking import next_steps
from dlcx.analysis.video_analysis import VideoAnalysis, analyze_videos
from dlcx.options.command_line import command_after
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.merge_parts import MergePartsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.options.tracking import TrackingOptions
from dlcx.progress import SILENT, Progress

if TYPE_CHECKING:
    from dlcx.analysis.parallel.slurm import SubmittedAnalysis
    from dlcx.options.keywords import AnalyzeVideoKeywords


@dataclass(frozen=True)
class AnalyzeVideoResult:
    """The analyzed videos, and those that failed."""

    scorer: str
    videos: tuple[AnalyzedVideo | AnalyzedPart, ...]
    failed: tuple[FailedVideo, ...] = ()
    next_steps: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """4 if a video failed or frames were unreadable, else 0."""
        return 4 if self.failed or any(video.unreadable for video in self.videos) else 0

    def lines(self) -> list[str]:
        """Lines of the text output."""
        lines = [f"scorer: {self.scorer}"]
        for video in self.videos:
            lines.extend(video.lines())
        return lines + [f"failed: {failure.video}: {failure.error}" for failure in self.failed]


@keyword_options(AnalyzeVideoOptions)
def analyze_video(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[AnalyzeVideoKeywords],
) -> AnalyzeVideoResult | SubmittedAnalysis:
    """Analyze videos with the network of a shuffle.

    Predictions are stored continuously next to the output files, so calling the function again resumes an interrupted
    analysis.  Frames that are already analyzed are not analyzed again.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Files, folders and glob patterns.

    Returns
    -------
    AnalyzeVideoResult or SubmittedAnalysis
        The results of each video; with ``cluster="slurm"`` the jobs that will write them.

    Raises
    ------
    Stopped
        After SIGTERM or SIGUSR1.  The predictions so far are stored; calling the function again resumes the analysis.
    DlcxError
        If an option, the network or the only video cannot be used.  If some of several videos cannot be used, the
        result names them.
    """
    options = AnalyzeVideoOptions.of(project=project, videos=videos, **keywords)
    options.check_distribution()
    if options.cluster == "slurm":
        from dlcx.analysis.parallel.slurm import submit_analysis

        return submit_analysis(options)
    analysis = VideoAnalysis.of(options)
    if options.cluster or options.devices:
        from dlcx.analysis.parallel.local import analyze_in_parallel

        return _result(options, analysis, *analyze_in_parallel(analysis, progress))
    return _result(options, analysis, *analyze_videos(analysis, progress))


def _result(
    options: AnalyzeVideoOptions,
    analysis: VideoAnalysis,
    done: tuple[AnalyzedVideo | AnalyzedPart, ...],
    failed: tuple[FailedVideo, ...],
) -> AnalyzeVideoResult:
    return AnalyzeVideoResult(analysis.net.scorer, done, failed, _next_steps(done[0], options))


def _next_steps(first: AnalyzedVideo | AnalyzedPart, options: AnalyzeVideoOptions) -> tuple[str, ...]:
    if isinstance(first, AnalyzedVideo):
        return next_steps(first.video, first.tracked, options)
    joining = options.values_of(TrackingOptions) | {"csv": options.csv}
    return (f"When all parts are done: {command_after(MergePartsOptions, options, videos=options.videos, **joining)}",)
