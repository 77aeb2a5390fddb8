"""The page on a project: its videos, worst first, with links to their pages, and its networks with their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlcx.analysis.lookup.find_poses import FoundPoses, WantedPoses
from dlcx.analysis.lookup.shuffle_state import ShuffleState
from dlcx.analysis.lookup.video_state import VideoState
from dlcx.errors import DlcxError
from dlcx.options.commands.report import ReportOptions
from dlcx.progress import SILENT, Progress
from dlcx.project import Project, Shuffle
from dlcx.reports.commands import PoseCommands
from dlcx.reports.suspect_frames import frame_faults
from dlcx.reports.swap_strips import SwapStrips
from dlcx.reports.video_page import page_path, read_video_statistics
from dlcx.reports.video_statistics import VideoStatistics

if TYPE_CHECKING:
    from dlcx.reports.page import Markup

#: File name of the page.
PAGE = "project_report.html"
#: Number of points of the line that shows a video's quality over time.
SPARKLINE_POINTS = 60


@dataclass(frozen=True)
class VideoQuality:
    """How good the poses of a video are.

    Attributes
    ----------
    quality
        Mean over the readable frames of 1 minus the sum of the frame's faults, at least 0. It is 1 if every animal is
        detected with confident points in every frame and nothing jumps.
    over_time
        The same for consecutive parts of the video (B,).
    sure, missing
        Fractions of confident and of missing points.
    jumps
        MotionCost per minute.
    swaps
        Number of possible swaps; None if animals were not linked.
    unreadable
        Number of frames that could not be decoded; None if unknown.
    """

    video: Path
    page: Path
    frames: int
    quality: float
    over_time: np.ndarray
    sure: float
    missing: float
    jumps: float
    swaps: int | None
    unreadable: int | None

    @classmethod
    def of(cls, facts: VideoStatistics, project: Project, commands: PoseCommands) -> VideoQuality:
        """Rate the poses of a video."""
        good = np.where(facts.readable, 1 - np.minimum(frame_faults(facts).sum(1), 1), np.nan)
        strips = SwapStrips.of(facts, project, commands)
        count = len(facts.tracks)
        return cls(
            facts.found.video,
            page_path(facts.found),
            count,
            _mean(good),
            np.array([_mean(part) for part in np.array_split(good, min(SPARKLINE_POINTS, max(count, 1)))]),
            float(facts.confident.mean()) if facts.confident.size else math.nan,
            float((~facts.known).mean()) if facts.known.size else math.nan,
            60 * facts.video.fps * float(facts.jumps.sum()) / max(count, 1),
            None if strips is None else len(strips.swaps),
            None if facts.unreadable is None else int(facts.unreadable.sum()),
        )


@dataclass(frozen=True)
class ProjectContents:
    """What a project holds: its shuffles, its videos and the number of labeled images."""

    shuffles: Sequence[ShuffleState]
    videos: Sequence[VideoState]
    labeled_images: int


def project_page(
    home: Project,
    contents: ProjectContents,
    wanted: WantedPoses | None,
    commands: PoseCommands,
    pcutoff: float,
    *,
    out: Path | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Write the page on a project.

    Parameters
    ----------
    home, contents
        The project, and what it holds.
    wanted
        Which poses of each video to rate; None if no network has been trained.
    commands
        Builds the commands that the page prints.
    pcutoff
        Likelihood from which a point counts as confident.
    out
        Folder of the page; default: the project's folder.
    progress
        Reports the videos read.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    DlcxError
        If the page cannot be written.
    """
    from dlcx import __version__
    from dlcx.reports.page import Section, write_page

    videos = [one.path for one in contents.videos if one.path is not None]
    rated, others = rate_videos(videos, home, wanted, commands, pcutoff, progress)
    others += [(Path(one.video), "the file is missing") for one in contents.videos if one.path is None]
    page = (out or home.root) / PAGE
    cutoff = None if pcutoff == home.pcutoff else pcutoff
    networks = _Networks(home, contents.shuffles, page)
    errors = [one.error for one in contents.shuffles if one.error is not None]
    write_page(
        page,
        f"{home.task}: project overview",
        str(home.root.absolute()),
        f"Iteration {home.iteration}.",
        [
            ("videos", str(len(contents.videos))),
            ("with poses", str(len(rated))),
            ("labeled images", str(contents.labeled_images)),
            ("networks", str(len(contents.shuffles))),
            ("lowest test error", f"{min(errors):.2f} px" if errors else "-"),
        ],
        [
            Section("Videos, worst first", _videos(rated, page, commands, cutoff)),
            Section("Videos without poses", _without_poses(others, commands, wanted)),
            Section("Networks", networks.html()),
            Section("Analysis", _analysis_section(wanted, commands, cutoff)),
        ],
        version=__version__,
        wide=True,
    )
    return page


def rate_videos(
    videos: Sequence[Path],
    home: Project,
    wanted: WantedPoses | None,
    commands: PoseCommands,
    pcutoff: float,
    progress: Progress,
) -> tuple[list[VideoQuality], list[tuple[Path, str]]]:
    """Rate every video with poses.

    Returns
    -------
    rated : list of VideoQuality
        Worst first.
    others : list of tuple
        Videos without usable poses, with the reason.
    """
    rated, others = [], []
    with progress.task("read poses", total=len(videos), unit="video") as task:
        for video in videos:
            try:
                if wanted is None:
                    raise DlcxError("the project has no trained network")
                found: FoundPoses = wanted.find(video)
                rated.append(VideoQuality.of(read_video_statistics(found, pcutoff), home, commands))
            except DlcxError as error:
                others.append((video, str(error)))
            task.advance()
    return sorted(rated, key=lambda one: (one.quality if math.isfinite(one.quality) else -1.0, one.video)), others


def _videos(rated: Sequence[VideoQuality], page: Path, commands: PoseCommands, cutoff: float | None) -> str:
    """A table with one row per video, and the command that creates missing pages."""
    from dlcx.reports.page import command, paragraph, table

    if not rated:
        return ""
    head = (
        "video",
        "quality",
        "over time",
        "confident",
        "missing",
        "jumps/min",
        "possible swaps",
        "unreadable",
        "frames",
    )
    rows = [_row(one, page) for one in rated]
    note = "Quality is 100 % if every animal is detected with confident points in every frame and nothing jumps. "
    note += "Long absences of an animal count little. Linked videos have their own page."
    without = [one.video for one in rated if not one.page.is_file()]
    more = ""
    if without:
        more = paragraph(f"Create the missing page{'s' if len(without) > 1 else ''}:")
        more += command(commands.on(ReportOptions, without, pcutoff=cutoff))
    return paragraph(note, "soft") + table(head, rows, numbers=(1, 3, 4, 5, 6, 7, 8)) + more


def _row(one: VideoQuality, page: Path) -> tuple[str | Markup, ...]:
    from dlcx.reports.page import link, sparkline

    return (
        link(one.page, page, one.video.name) if one.page.is_file() else one.video.name,
        _percent(one.quality),
        sparkline(one.over_time, f"quality of {one.video.name} over time"),
        _percent(one.sure),
        f"{100 * one.missing:.1f} %",
        f"{one.jumps:.1f}",
        "-" if one.swaps is None else str(one.swaps),
        "-" if one.unreadable is None else str(one.unreadable),
        str(one.frames),
    )


def _without_poses(others: Sequence[tuple[Path, str]], commands: PoseCommands, wanted: WantedPoses | None) -> str:
    """The other videos with the reason, and the command that analyzes them."""
    from dlcx.reports.page import command, paragraph, table

    if not others:
        return ""
    body = table(("video", "reason"), [(video.name, reason) for video, reason in others])
    plain = [video for video, reason in others if reason.startswith("no poses of")]
    if wanted is not None and plain:
        body += paragraph("Analyze the videos without poses:") + command(commands.analyzing(plain))
    return body


@dataclass(frozen=True)
class _Networks:
    """The shuffles of the project."""

    home: Project
    states: Sequence[ShuffleState]
    page: Path

    def html(self) -> str:
        """A table with one row per shuffle, lowest test error first, and learning curves."""
        from dlcx.reports.page import paragraph, table

        if not self.states:
            return paragraph("The project has no shuffle yet.")
        ranked = sorted(self.states, key=lambda one: (one.error is None, one.error or 0.0, one.shuffle))
        head = ("shuffle", "network", "images", "epochs", "training error", "test error", "snapshot", "")
        rows = [self._row(one) for one in ranked]
        curves = "".join(self._curve(one) for one in ranked)
        note = "Errors are mean distances from the labels; compare only shuffles with the same test images."
        return table(head, rows, numbers=(2, 3, 4, 5)) + paragraph(note, "soft") + f"<div class=networks>{curves}</div>"

    def _row(self, one: ShuffleState) -> tuple[str | Markup, ...]:
        from dlcx.reports.page import link

        place = self._place(one)
        pages = [] if place is None else sorted(place.evaluation_dir.glob("*_report.html"), key=_age)
        images = "-" if one.train_images is None else f"{one.train_images} + {one.test_images}"
        remark = one.trouble or ("TensorFlow" if one.engine == "tensorflow" else "")
        return (
            link(pages[-1], self.page, f"shuffle {one.shuffle}") if pages else f"shuffle {one.shuffle}",
            one.net_type,
            images,
            f"{one.epochs} of {one.planned}" if one.planned else "-",
            self._training_error(one),
            "-" if one.error is None else f"{one.error:.2f} px",
            one.snapshot or "-",
            remark if remark or one.evaluated or one.error is None else "not evaluated: error measured during training",
        )

    def _place(self, one: ShuffleState) -> Shuffle | None:
        if not one.can_train or one.trainset_index is None:
            return None
        return self.home.shuffle(one.shuffle, one.trainset_index)

    def _training_error(self, one: ShuffleState) -> str:
        """The training error of the evaluation with the lowest test error."""
        from dlcx.formats.predictions.evaluation import read_combined

        place = self._place(one)
        if place is None or not one.evaluated:
            return "-"
        errors = [
            row.train_rmse
            for row in read_combined(self.home.combined_results_path)
            if (row.shuffle, row.percent) == (one.shuffle, place.percent)
            and (one.error is None or row.test_rmse == one.error)
            and math.isfinite(row.train_rmse)
        ]
        return f"{min(errors):.2f} px" if errors else "-"

    def _curve(self, one: ShuffleState) -> str:
        from html import escape

        from dlcx.reports.learning_curves import small_curve

        place = self._place(one)
        if place is None:
            return ""
        best = next((snapshot for snapshot in place.snapshots() if snapshot.uid == one.snapshot), None)
        chart = small_curve(place, best)
        return f"<div><h3>{escape(f'shuffle {one.shuffle}, {one.net_type}')}</h3>{chart}</div>" if chart else ""


def _analysis_section(wanted: WantedPoses | None, commands: PoseCommands, cutoff: float | None) -> str:
    from dlcx.reports.page import command, paragraph

    source = "No network is trained." if wanted is None else f"Poses of shuffle {wanted.place.number}"
    if wanted is not None:
        source += f", snapshot {wanted.snapshot or 'any'}{', filtered' if wanted.filtered else ''}."
    again = commands.on(ReportOptions, [], overview=True, pcutoff=cutoff)
    return paragraph(source) + paragraph("Create this page again:") + command(again)


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else "-"
