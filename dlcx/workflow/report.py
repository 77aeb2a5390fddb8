"""One page to look at and to pass on: what a shuffle has learned, or what was found in a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.analysis.lookup.find_poses import WantedPoses
from dlcx.analysis.lookup.shuffle_state import shuffle_states
from dlcx.analysis.lookup.video_state import video_states
from dlcx.analysis.many_videos import FailedVideo, each_video
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.labeling.labeled_folders import labeled_folders
from dlcx.outputs import check_folder
from dlcx.progress import SILENT, Progress
from dlcx.project import Project
from dlcx.ranges import within_ranges
from dlcx.user_paths import user_path

if TYPE_CHECKING:
    from dlcx.reports.project_page import ProjectContents
    from dlcx.reports.shuffle_page import EvaluatedNetwork


@dataclass(frozen=True)
class Report:
    """One page, and what it is about."""

    subject: str
    page: Path


@dataclass(frozen=True)
class ReportResult:
    """The pages that were written, and the videos that failed with the reason."""

    pages: tuple[Report, ...]
    failed: tuple[FailedVideo, ...] = ()
    next_steps: tuple[str, ...] = ("Open it in a browser; it needs no network.",)

    @property
    def exit_code(self) -> int:
        """4 when a video failed, else 0."""
        return 4 if self.failed else 0

    def lines(self) -> list[str]:
        """One fact a line."""
        said = [f"report: {one.page} ({one.subject})" for one in self.pages]
        return said + [f"failed: {failure.video}: {failure.error}" for failure in self.failed]


@within_ranges
def report(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    overview: bool = False,
    shuffle: int = 1,
    trainset_index: int | None = None,
    snapshot: str | None = None,
    detector_snapshot: str | None = None,
    tracker: str | None = None,
    filtered: bool = False,
    out: str | Path | None = None,
    poses: str | Path | None = None,
    allow_changed_video: bool = False,
    pcutoff: float | None = None,
    device: str = "auto",
    progress: Progress = SILENT,
) -> ReportResult:
    """Write one self-contained page of HTML on a shuffle or, when videos are named, one on each video's poses.

    A shuffle's page rests on its evaluation, which is made when it is missing; a video's page on its analysis. The page
    on the whole project lists its videos, worst first, and its networks, with links to their pages.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Files, folders and glob patterns; none: the report is on the shuffle.
    overview
        Write the page on the whole project, after those of the ``videos``.
    shuffle, trainset_index, snapshot, detector_snapshot
        Which net.
    tracker, filtered, out, poses, allow_changed_video
        Which poses of the videos; see :meth:`dlcx.analysis.lookup.find_poses.WantedPoses.of`.  ``out`` is also where
        the page goes; default: beside the poses, to the
        shuffle's evaluation results, or to the project's folder.
    pcutoff
        Least score of a point that counts as sure; default: config.yaml's.
    device
        Where a missing evaluation is computed.

    Raises
    ------
    DlcxError
        When the shuffle, the only video or its poses cannot be used.  Of several videos those that fail are in the
        result.
    """
    from dlcx.reports.commands import PoseCommands
    from dlcx.reports.project_page import project_page
    from dlcx.reports.shuffle_page import EvaluatedNetwork, shuffle_page
    from dlcx.reports.video_page import video_page

    home = open_project(project)
    least = home.pcutoff if pcutoff is None else pcutoff
    wanted = [videos] if isinstance(videos, str | Path) else list(videos)
    folder = user_path(out) if out else None
    if poses is not None and (overview or not wanted):
        hint = "Leave out --overview." if overview and wanted else "Name the video."
        raise DlcxError(f"--poses {poses}: a report on poses needs their video", hint=hint)
    if not wanted and not overview:
        network = EvaluatedNetwork.of(home.shuffle(shuffle, trainset_index), snapshot, detector_snapshot)
        check_folder(folder or network.shuffle.evaluation_dir)
        if not network.evaluation.is_file():
            _evaluate(network, detector_snapshot, device, progress)
        page = shuffle_page(network, least, out=folder, progress=progress)
        return ReportResult((Report(f"shuffle {network.shuffle.number}", page),))
    if not wanted and not home.shuffles():
        page = project_page(
            home, _contents(home), None, PoseCommands.of_project(home), least, out=folder, progress=progress
        )
        return ReportResult((Report("the whole project", page),))
    looked_up = WantedPoses.of(
        project,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        tracker=tracker,
        filtered=filtered,
        out=out,
        poses=poses,
        allow_changed_video=allow_changed_video,
    )
    commands = PoseCommands.of(looked_up, snapshot, detector_snapshot)

    def one(video: Path) -> Report:
        return Report(video.name, video_page(looked_up.find(video), home, least, commands, progress))

    done, failed = each_video(looked_up.videos(wanted), one) if wanted else ((), ())
    if overview:  # last, for it has links to the others
        page = project_page(home, _contents(home), looked_up, commands, least, out=folder, progress=progress)
        done = (*done, Report("the whole project", page))
    return ReportResult(done, failed)


def _evaluate(network: EvaluatedNetwork, detector_snapshot: str | None, device: str, progress: Progress) -> None:
    from dlcx.workflow.evaluate import evaluate

    evaluate(
        network.shuffle.project.root,
        shuffle=network.shuffle.number,
        trainset_index=network.shuffle.trainset_index,
        snapshot=str(network.snapshot.path),
        detector_snapshot=detector_snapshot,
        device=device,
        progress=progress,
    )


def _contents(project: Project) -> ProjectContents:
    from dlcx.reports.project_page import ProjectContents

    labeled = sum(folder.labeled for folder in labeled_folders(project))
    return ProjectContents(shuffle_states(project), video_states(project), labeled)
