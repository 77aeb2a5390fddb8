"""Write self-contained HTML reports on a shuffle, on the poses of a video, or on the project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.analysis.lookup.find_poses import WantedPoses
from dlcx.analysis.lookup.shuffle_state import shuffle_states
from dlcx.analysis.lookup.video_state import video_states
from dlcx.analysis.many_videos import FailedVideo, each_video
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.labeling.labeled_folders import labeled_folders
from dlcx.options.commands.report import ReportOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import check_folder
from dlcx.progress import SILENT, Progress
from dlcx.project import Project

if TYPE_CHECKING:
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.options.keywords import ReportKeywords
    from dlcx.reports.project_page import ProjectContents


@dataclass(frozen=True)
class Report:
    """One page and its subject."""

    subject: str
    page: Path


@dataclass(frozen=True)
class ReportResult:
    """Written pages, and failed videos with the reason."""

    pages: tuple[Report, ...]
    failed: tuple[FailedVideo, ...] = ()
    next_steps: tuple[str, ...] = ("Open it in a browser; it needs no network.",)

    @property
    def exit_code(self) -> int:
        """4 if a video failed, else 0."""
        return 4 if self.failed else 0

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = [f"report: {one.page} ({one.subject})" for one in self.pages]
        return lines + [f"failed: {failure.video}: {failure.error}" for failure in self.failed]


@keyword_options(ReportOptions)
def report(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[ReportKeywords],
) -> ReportResult:
    """Write a self-contained HTML page on a shuffle or, if videos are given, on the poses of each video.

    The page of a shuffle shows its evaluation, which is run if it is missing; the page of a video shows its analysis.
    The page of the project lists its videos, worst first, and its networks, with links to their pages.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Video files, folders and glob patterns; if empty, the report describes the shuffle.

    Returns
    -------
    ReportResult
        Written pages.

    Raises
    ------
    DlcxError
        If the shuffle, the only video or its poses cannot be read.  If some of several videos fail, the result lists
        them.
    """
    options = ReportOptions.of(project=project, videos=videos, **keywords)
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.reports.commands import PoseCommands
    from dlcx.reports.project_page import project_page
    from dlcx.reports.shuffle_page import shuffle_page
    from dlcx.reports.video_page import video_page

    home = open_project(options.project)
    min_likelihood = home.pcutoff if options.pcutoff is None else options.pcutoff
    wanted, folder = options.videos, options.out
    if options.poses is not None and (options.overview or not wanted):
        hint = "Leave out --overview." if options.overview and wanted else "Name the video."
        raise DlcxError(f"--poses {options.poses}: a report on poses needs their video", hint=hint)
    if not wanted and not options.overview:
        place = home.shuffle(options.shuffle, options.trainset_index)
        network = TrainedNetwork.find(place, snapshot=options.snapshot, detector_snapshot=options.detector_snapshot)
        check_folder(folder or network.shuffle.evaluation_dir)
        if not network.evaluation_path.is_file():
            _evaluate(network, options, progress)
        page = shuffle_page(network, min_likelihood, out=folder, progress=progress)
        return ReportResult((Report(f"shuffle {network.shuffle.number}", page),))
    if not wanted and not home.shuffles():
        page = project_page(
            home, _contents(home), None, PoseCommands.of_project(home), min_likelihood, out=folder, progress=progress
        )
        return ReportResult((Report("the whole project", page),))
    looked_up = WantedPoses.of(options)
    commands = PoseCommands.of(looked_up)

    def one(video: Path) -> Report:
        return Report(video.name, video_page(looked_up.find(video), home, min_likelihood, commands, progress))

    done, failed = each_video(looked_up.videos(wanted), one) if wanted else ((), ())
    if options.overview:  # last, because it links to the other pages
        page = project_page(home, _contents(home), looked_up, commands, min_likelihood, out=folder, progress=progress)
        done = (*done, Report("the whole project", page))
    return ReportResult(done, failed)


def _evaluate(network: TrainedNetwork, options: ReportOptions, progress: Progress) -> None:
    from dlcx.workflow.evaluate import evaluate

    evaluate(
        network.shuffle.project.root,
        shuffle=network.shuffle.number,
        trainset_index=network.shuffle.trainset_index,
        snapshot=str(network.snapshot.path),
        detector_snapshot=options.detector_snapshot,
        device=options.device,
        progress=progress,
    )


def _contents(project: Project) -> ProjectContents:
    from dlcx.reports.project_page import ProjectContents

    labeled = sum(folder.labeled for folder in labeled_folders(project))
    return ProjectContents(shuffle_states(project), video_states(project), labeled)
