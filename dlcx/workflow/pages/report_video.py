"""The page on a video's poses: where the animals went, how sure that is, and which frames to look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlcx.analysis_files import TRACK_ENDINGS
from dlcx.poses import Tracks
from dlcx.project import Project
from dlcx.workflow.videos.found_poses import FoundPoses

if TYPE_CHECKING:
    from dlcx.data.video import VideoFile
    from dlcx.formats.analysis_pickles import AnalysisMeta

#: Suspicious frames that are drawn, and how far apart they are at least.
SHOWN, APART = 8, 15
#: Places where identities may be swapped that are listed.
LISTED = 40
#: A jump is a step so many times as long as the point's usual one.
USUAL = 6.0


def video_page(found: FoundPoses, project: Project, pcutoff: float) -> Path:
    """Write the page beside the poses; returns where it is.

    Raises
    ------
    DlcxError
        When the poses or the video cannot be read, or the page cannot be written.
    """
    from dlcx import __version__
    from dlcx.data.video import open_video
    from dlcx.formats.analysis_pickles import read_meta_pickle
    from dlcx.visuals.page import Section, write_page

    video = open_video(found.video)
    stored = found.files.stored_meta
    meta = read_meta_pickle(stored) if stored.is_file() else None
    facts = _Facts(found, project, pcutoff, video, found.in_frame(), meta)
    tracks = facts.tracks
    path = found.file.path.with_name(f"{found.file.path.stem}_report.html")
    frames = f"{len(tracks)}" if len(tracks) == video.frames else f"{len(tracks)} of {video.frames}"
    numbers = [
        ("frames", frames),
        ("length", f"{len(tracks) / video.fps:.1f} s at {video.fps:g}/s"),
        (f"sure (at least {pcutoff:g})", f"{100 * facts.sure.mean():.0f} %"),
        ("not found", f"{100 * (~facts.known).mean():.1f} %"),
        ("unreadable frames", "-" if facts.unreadable is None else str(int(facts.unreadable.sum()))),
    ]
    kind = f", tracked by {found.file.tracker}" if found.file.tracker else ""
    write_page(
        path,
        f"{found.video.name}",
        f"{found.file.path.name}{kind}{', filtered' if found.file.filtered else ''}",
        f"Snapshot {made_by['snapshot']}." if (made_by := found.file.made_by) else "",
        numbers,
        [
            Section("Where they went", facts.trajectories()),
            Section("How sure it is", facts.certainty()),
            Section("Speed", facts.speed()),
            Section("Frames to look at", facts.suspicious()),
            Section("Where identities may be swapped", facts.swaps()),
            Section("How it was made", facts.making()),
        ],
        version=__version__,
    )
    return path


@dataclass(frozen=True)
class _Facts:
    """All that the page tells."""

    found: FoundPoses
    project: Project
    pcutoff: float
    video: VideoFile
    tracks: Tracks
    meta: AnalysisMeta | None

    @cached_property
    def score(self) -> np.ndarray:
        """Likelihoods (T, P) of all points: animals in turn, then unique bodyparts."""
        return self.tracks.point_scores

    @cached_property
    def xy(self) -> np.ndarray:
        """Positions (T, P, 2)."""
        return self.tracks.points

    @property
    def known(self) -> np.ndarray:
        """Which points (T, P) were found at all."""
        return np.isfinite(self.xy).all(-1)

    @property
    def sure(self) -> np.ndarray:
        """Which points (T, P) reach the cut-off."""
        return self.known & (self.score >= self.pcutoff)

    @cached_property
    def unreadable(self) -> np.ndarray | None:
        """Frames (T,) that could not be decoded; None where nobody can tell.

        Where there is no list of them, they are those in which nothing has a score, unless animals were linked: then
        nobody may have been there.
        """
        from dlcx.formats.frame_ledger import MISSING, STATES, UNDECODABLE, read_ledger

        if self.found.files.frames.is_file():
            ledger = read_ledger(self.found.files.frames)
            lost = np.isin(ledger.state, [STATES.index(UNDECODABLE), STATES.index(MISSING)])
            numbers = self.tracks.first + np.arange(len(self.tracks))
            return np.isin(numbers, ledger.first + np.flatnonzero(lost))
        return None if self.found.file.is_linked else ~np.isfinite(self.score).any(1)

    @property
    def names(self) -> list[str]:
        """Names of all points."""
        layout = self.tracks.layout
        owners = [f"{animal} " if layout.multi else "" for animal in layout.individuals]
        return [f"{owner}{part}" for owner in owners for part in layout.bodyparts] + list(layout.unique)

    def trajectories(self) -> str:
        """Paths over a frame of the video, one picture an animal."""
        from dlcx.visuals.page import embedded_pngs, paragraph
        from dlcx.visuals.trajectories import Paths, trajectory_png
        from dlcx.workflow.plot_trajectories import middle_frame

        tracks = self.tracks
        parts = len(tracks.layout.bodyparts)
        ground = middle_frame(self.found.video, tracks)
        shown = []
        for number, name in enumerate(tracks.layout.individuals):
            paths = Paths(
                tracks.layout.bodyparts,
                tracks.xy[:, number],
                tracks.score[:, number],
                self.shades[:parts],
                self.pcutoff,
                tracks.first,
                ground=ground,
                opacity=self.project.alphavalue,
            )
            shown.append((trajectory_png(paths), name if tracks.layout.multi else ""))
        note = "" if self.sure.any() else paragraph(f"No point has a likelihood of {self.pcutoff:g} or more.", "warn")
        return note + self.legend(tracks.layout.bodyparts) + embedded_pngs(shown)

    @cached_property
    def shades(self) -> np.ndarray:
        """Colours (K + U, 3) of the bodyparts, then of the unique ones."""
        from dlcx.visuals.colors import part_colors

        layout = self.tracks.layout
        return part_colors(len(layout.bodyparts) + len(layout.unique), self.project.colormap)

    def legend(self, names: Sequence[str]) -> str:
        """The first bodyparts' names beside their colours."""
        from dlcx.visuals.page import colors

        return colors(names, self.shades[: len(names)])

    def certainty(self) -> str:
        """Likelihood over time, and shares of sure and of missing frames: of each point, several animals' folded up."""
        from dlcx.visuals.charts import Series, line_chart
        from dlcx.visuals.page import folded, table

        frames = self.tracks.first + np.arange(len(self.tracks))
        low, middle = (self._over_points(quantile) for quantile in (0.1, 0.5))
        chart = line_chart(
            [Series("median bodypart", frames, middle), Series("worst tenth", frames, low)],
            x_label="frame",
            y_label="likelihood",
            y_range=(0, 1),
            whole=True,
        )
        shares = (f"at least {self.pcutoff:g}", "not found", "median likelihood")
        points = [self._shares(name, [point]) for point, name in enumerate(self.names)]
        each = table(("bodypart", *shares), points, numbers=(1, 2, 3))
        layout = self.tracks.layout
        if not layout.multi:
            return chart + each
        count = len(layout.bodyparts)
        owners = [(name, range(n * count, (n + 1) * count)) for n, name in enumerate(layout.individuals)]
        if layout.unique:
            owners.append(("unique bodyparts", range(len(owners) * count, len(self.names))))
        animals = [self._shares(name, list(of)) for name, of in owners]
        return chart + table(("animal", *shares), animals, numbers=(1, 2, 3)) + folded("Each bodypart", each)

    def _shares(self, name: str, points: list[int]) -> tuple[str, str, str, str]:
        """A row of the table of certainty, over some of the points."""
        sure, missing = self.sure[:, points].mean(), (~self.known[:, points]).mean()
        return name, f"{100 * sure:.0f} %", f"{100 * missing:.1f} %", f"{_middle(self.score[:, points]):.2f}"

    def _over_points(self, quantile: float) -> np.ndarray:
        ordered = np.sort(np.where(np.isfinite(self.score), self.score, 0.0), axis=1)
        return ordered[:, int(quantile * (ordered.shape[1] - 1))]

    @cached_property
    def centers(self) -> np.ndarray:
        """Median of the sure points of each animal (T, A, 2), nan where none is sure."""
        tracks = self.tracks
        sure = np.where((tracks.score >= self.pcutoff)[..., None], tracks.xy, np.nan)
        return _median(sure, 2)

    def speed(self) -> str:
        """Speed of each animal's middle, in pixels a second."""
        from dlcx.visuals.charts import Series, line_chart
        from dlcx.visuals.page import paragraph, table

        step = np.linalg.norm(np.diff(self.centers, axis=0), axis=-1) * self.video.fps
        seconds = (self.tracks.first + 1 + np.arange(len(step))) / self.video.fps
        layout = self.tracks.layout
        names = layout.individuals if layout.multi else ("animal",)
        known = step[np.isfinite(step)]
        scale = (0.0, float(known.max(initial=0)) or 1.0)  # one for all animals, so that they compare
        charts = [
            line_chart(
                [Series("", seconds, step[:, i])],
                x_label="time (s)",
                y_label=f"{name} (px/s)",
                y_range=scale,
                height=200,
            )
            for i, name in enumerate(names)
        ]
        rows = [
            (name, _digits(np.nansum(one) / self.video.fps), _digits(_middle(one)), _digits(np.nanmax(one, initial=0)))
            for name, one in zip(names, step.T, strict=True)
        ]
        note = "Of the median of the bodyparts that are sure. Smooth the poses first for a true path length."
        return (
            "".join(charts)
            + table(("animal", "path (px)", "median (px/s)", "largest (px/s)"), rows, (1, 2, 3))
            + paragraph(note, "soft")
        )

    def suspicious(self) -> str:
        """Frames where a point jumps farther than it usually moves, or few are sure, drawn."""
        from dlcx.data.video import read_frame
        from dlcx.visuals.labeled_video import PosePainter
        from dlcx.visuals.page import paragraph, pictures

        paint = PosePainter(
            self.tracks,
            pcutoff=0.0,
            colormap=self.project.colormap,
            dotsize=min(self.project.dotsize, max(4, self.video.width // 50)),  # small animals stay to be seen
            skeleton=self.project.skeleton,
            skeleton_color=self.project.skeleton_color,
            boxes="too" if self.tracks.layout.multi else "no",
        )
        shown = []
        for row, reason in self._rows_to_look_at():
            image = read_frame(self.video, self.tracks.first + row)
            if image is not None:
                picture = paint(image.copy(), self.tracks.first + row)
                shown.append((picture, f"frame {self.tracks.first + row}: {reason}"))
        if not shown:
            return paragraph("None stands out.")
        note = "The farthest jumps of sure points, and the frames with fewest sure points; all points are drawn."
        layout = self.tracks.layout
        return paragraph(note, "soft") + self.legend((*layout.bodyparts, *layout.unique)) + pictures(shown)

    def _rows_to_look_at(self) -> list[tuple[int, str]]:
        """Rows of the tracks and why, jumps and unsure frames in turn, none near another."""
        position = np.where(self.sure[..., None], self.xy, np.nan)
        step = np.full(self.sure.shape, np.nan)
        step[1:] = np.linalg.norm(np.diff(position, axis=0), axis=-1)
        unusual = np.nan_to_num(step / (_median(step, 0) + 1), nan=0.0)
        names, sure = self.names, self.sure.sum(1)
        jumps = [
            (int(row), f"{names[point]} jumps by {step[row, point]:.0f} px")
            for row in np.argsort(-unusual.max(1))[: SHOWN * APART]
            for point in [unusual[row].argmax()]
            if unusual[row, point] > USUAL
        ]
        unsure = [
            (int(row), f"{sure[row]} of {len(names)} points are sure")
            for row in np.argsort(sure, kind="stable")[: SHOWN * APART]
            if self.known[row].any() and sure[row] < len(names)
        ]
        chosen: list[tuple[int, str]] = []
        for candidates in (jumps, unsure):
            room = SHOWN // 2 if candidates is jumps else SHOWN - len(chosen)
            for row, reason in candidates:
                if room and all(abs(row - other) >= APART for other, _ in chosen):
                    chosen.append((row, reason))
                    room -= 1
        return chosen

    def swaps(self) -> str:
        """The list that tracking left."""
        from dlcx.formats.swap_candidates import read_swap_candidates
        from dlcx.visuals.page import paragraph, table

        if self.found.file.tracker not in TRACK_ENDINGS:
            return ""
        path = self.found.files.linked(self.found.file.tracker).swaps
        if not path.is_file():
            return ""
        swaps = read_swap_candidates(path)
        if not swaps:
            return paragraph("No frame where two tracks come close enough to be mistaken.")
        likely = sorted(swaps, key=lambda one: -one.score)[:LISTED]
        rows = [(str(one.frame), one.one, one.other, f"{one.score:.2f}") for one in likely]
        return table(("frame", "animal", "and", "how likely"), rows, numbers=(0, 3))

    def making(self) -> str:
        """Files, net and time."""
        from dlcx.visuals.page import values

        rows = [
            ("video", str(self.found.video)),
            ("size", f"{self.video.width} x {self.video.height} px"),
            ("poses", str(self.found.file.path)),
        ]
        if self.meta is not None:
            rows += [*self._speed(self.meta), ("batch size", str(self.meta.batch_size))]
        bad = np.zeros(0, int) if self.unreadable is None else np.flatnonzero(self.unreadable) + self.tracks.first
        if len(bad):
            rows.append(("unreadable frames", ", ".join(map(str, bad[:50])) + (" ..." if len(bad) > 50 else "")))
        return values(rows)

    def _speed(self, meta: AnalysisMeta) -> list[tuple[str, str]]:
        """How long the frames of the poses took, in all runs and parts of the analysis together; nothing if unknown."""
        from dlcx.store.chunks import analysis_seconds, written_frames

        files = self.found.files
        if written := written_frames(files.store):
            seconds, frames = analysis_seconds(files.store), written[1] - written[0]
        else:  # DeepLabCut's tracks end with the last animal
            seconds, frames = meta.seconds, meta.frames if self.found.file.tracker else len(self.tracks)
        if seconds is None or not 0 < seconds < math.inf:
            return []
        return [("analyzed in", f"{seconds:.1f} s in all runs and parts together, {frames / seconds:.1f} frames/s")]


def _median(values: np.ndarray, axis: int) -> np.ndarray:
    """The median of known values; nan, without a warning, where there are none."""
    known = np.isfinite(values).any(axis)
    filled = np.where(np.expand_dims(known, axis), values, 0.0)
    return np.where(known, np.nanmedian(filled, axis), np.nan)


def _middle(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


def _digits(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "-"
