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
from dlcx.reports.suspect_frames import faults
from dlcx.reports.swap_strips import SwapStrips
from dlcx.reports.video_page import page_path, read_facts
from dlcx.reports.video_statistics import VideoFacts

if TYPE_CHECKING:
    from dlcx.reports.page import Markup

#: The name of the page in the project's folder.
PAGE = "project_report.html"
#: Points of the small line that shows a video's quality over time.
BINS = 60


@dataclass(frozen=True)
class VideoQuality:
    """How good the poses of a video are.

    ``quality`` is the mean over the readable frames of 1 minus all faults of the frame, at least 0: 1 where every
    animal is found with sure points in every frame, without jumps. ``over_time`` (B,) is the same of parts of the
    video. ``jumps`` are those a minute, ``swaps`` None where no animals were linked.
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
    def of(cls, facts: VideoFacts, project: Project, commands: PoseCommands) -> VideoQuality:
        """The numbers of a video's poses."""
        good = np.where(facts.readable, 1 - np.minimum(faults(facts).sum(1), 1), np.nan)
        strips = SwapStrips.of(facts, project, commands)
        count = len(facts.tracks)
        return cls(
            facts.found.video,
            page_path(facts.found),
            count,
            _mean(good),
            np.array([_mean(part) for part in np.array_split(good, min(BINS, max(count, 1)))]),
            float(facts.sure.mean()) if facts.sure.size else math.nan,
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
        f"{home.task}: the whole project",
        str(home.root.absolute()),
        f"Iteration {home.iteration}.",
        [
            ("videos", str(len(contents.videos))),
            ("with poses", str(len(rated))),
            ("labeled images", str(contents.labeled_images)),
            ("networks", str(len(contents.shuffles))),
            ("least test error", f"{min(errors):.2f} px" if errors else "-"),
        ],
        [
            Section("Videos, worst first", _videos(rated, page, commands, cutoff)),
            Section("Videos without poses", _without_poses(others, commands, wanted)),
            Section("Networks", networks.html()),
            Section("How it was made", _making(wanted, commands, cutoff)),
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
    """The quality of every video with poses, worst first, and the other videos with the reason."""
    rated, others = [], []
    with progress.task("read poses", total=len(videos), unit="video") as task:
        for video in videos:
            try:
                if wanted is None:
                    raise DlcxError("no network of the project is trained")
                found: FoundPoses = wanted.find(video)
                rated.append(VideoQuality.of(read_facts(found, pcutoff), home, commands))
            except DlcxError as error:
                others.append((video, str(error)))
            task.advance()
    return sorted(rated, key=lambda one: (one.quality if math.isfinite(one.quality) else -1.0, one.video)), others


def _videos(rated: Sequence[VideoQuality], page: Path, commands: PoseCommands, cutoff: float | None) -> str:
    """A table with a row for each video, and the command that makes the pages that are missing."""
    from dlcx.reports.page import command, paragraph, table

    if not rated:
        return ""
    head = ("video", "quality", "over time", "sure", "not found", "jumps/min", "may be swapped", "unreadable", "frames")
    rows = [_row(one, page) for one in rated]
    note = "Quality is 100 % where every animal is found with sure points in every frame and nothing jumps. An animal "
    note += "that is away for long counts little. Videos with a link have a page of their own."
    without = [one.video for one in rated if not one.page.is_file()]
    more = ""
    if without:
        more = paragraph(f"This makes the missing page{'s' if len(without) > 1 else ''}:")
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
    """The other videos with the reason, and the command that analyzes those that were not."""
    from dlcx.reports.page import command, paragraph, table

    if not others:
        return ""
    body = table(("video", "reason"), [(video.name, reason) for video, reason in others])
    plain = [video for video, reason in others if reason.startswith("no poses of")]
    if wanted is not None and plain:
        body += paragraph("This analyzes those without poses:") + command(commands.analyzing(plain))
    return body


@dataclass(frozen=True)
class _Networks:
    """The shuffles of the project."""

    home: Project
    states: Sequence[ShuffleState]
    page: Path

    def html(self) -> str:
        """A table with a row for each, the least test error first, and their learning curves."""
        from dlcx.reports.page import paragraph, table

        if not self.states:
            return paragraph("There is none yet.")
        ranked = sorted(self.states, key=lambda one: (one.error is None, one.error or 0.0, one.shuffle))
        head = ("shuffle", "network", "images", "epochs", "training error", "test error", "snapshot", "")
        rows = [self._row(one) for one in ranked]
        curves = "".join(self._curve(one) for one in ranked)
        note = "Errors are mean distances from the labels. Errors on other test images do not compare."
        return table(head, rows, numbers=(2, 3, 4, 5)) + paragraph(note, "soft") + f"<div class=networks>{curves}</div>"

    def _row(self, one: ShuffleState) -> tuple[str | Markup, ...]:
        from dlcx.reports.page import link

        place = self._place(one)
        pages = [] if place is None else sorted(place.evaluation_dir.glob("*_report.html"), key=_age)
        images = "-" if one.train_images is None else f"{one.train_images} + {one.test_images}"
        told = one.trouble or ("of TensorFlow" if one.engine == "tensorflow" else "")
        return (
            link(pages[-1], self.page, f"shuffle {one.shuffle}") if pages else f"shuffle {one.shuffle}",
            one.net_type,
            images,
            f"{one.epochs} of {one.planned}" if one.planned else "-",
            self._training_error(one),
            "-" if one.error is None else f"{one.error:.2f} px",
            one.snapshot or "-",
            told if told or one.evaluated or one.error is None else "not evaluated: measured in training",
        )

    def _place(self, one: ShuffleState) -> Shuffle | None:
        if not one.can_train or one.trainset_index is None:
            return None
        return self.home.shuffle(one.shuffle, one.trainset_index)

    def _training_error(self, one: ShuffleState) -> str:
        """That of the evaluation with the least test error."""
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
        best = next((own for own in place.snapshots() if own.uid == one.snapshot), None)
        chart = small_curve(place, best)
        return f"<div><h3>{escape(f'shuffle {one.shuffle}, {one.net_type}')}</h3>{chart}</div>" if chart else ""


def _making(wanted: WantedPoses | None, commands: PoseCommands, cutoff: float | None) -> str:
    from dlcx.reports.page import command, paragraph

    whose = "No network is trained." if wanted is None else f"Poses of shuffle {wanted.place.number}"
    if wanted is not None:
        whose += f", snapshot {wanted.snapshot or 'any'}{', filtered' if wanted.filtered else ''}."
    again = commands.on(ReportOptions, [], overview=True, pcutoff=cutoff)
    return paragraph(whose) + paragraph("This makes the page again:") + command(again)


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else "-"
