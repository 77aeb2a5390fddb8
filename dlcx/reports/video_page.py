"""The page on a video: an interactive timeline, suspicious frames and possible swaps with their fixes, trajectories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlcx.analysis.lookup.find_poses import FoundPoses
from dlcx.options.commands.extract_outliers import ExtractOutliersOptions
from dlcx.options.commands.report import ReportOptions
from dlcx.progress import SILENT, Progress
from dlcx.project import Project
from dlcx.reports.commands import PoseCommands
from dlcx.reports.frame_reader import FrameReader
from dlcx.reports.suspect_frames import Suspect, find_suspects
from dlcx.reports.swap_strips import SwapStrips
from dlcx.reports.timeline import Mark, TimelinePictures, timeline_data
from dlcx.reports.video_statistics import VideoStatistics

if TYPE_CHECKING:
    from dlcx.formats.predictions.analysis_pickles import AnalysisMeta
    from dlcx.visuals.labeled_video import PosePainter

#: Width in pixels of pictures of suspicious frames.
WIDTH = 560
#: Scripts of the timeline, in order of execution.
SCRIPTS = ("poses.js", "charts.js", "painter.js", "stage.js", "timeline.js")


def page_path(found: FoundPoses) -> Path:
    """Return the path of the page on a video's poses, beside them."""
    return found.file.path.with_name(f"{found.file.path.stem}_report.html")


def read_video_statistics(found: FoundPoses, pcutoff: float) -> VideoStatistics:
    """Compute the statistics of a video's poses.

    Raises
    ------
    DlcxError
        If the poses or the video cannot be read.
    """
    from dlcx.data.video import open_video

    return VideoStatistics(found, pcutoff, open_video(found.video), found.in_frame())


def video_page(
    found: FoundPoses, project: Project, pcutoff: float, commands: PoseCommands, progress: Progress = SILENT
) -> Path:
    """Write the page on a video beside its poses.

    Parameters
    ----------
    found
        The poses.
    project
        Gives colors, skeleton and dot size.
    pcutoff
        Likelihood from which a point counts as confident.
    commands
        Builds the commands that the page prints.
    progress
        Reports the frames read.

    Returns
    -------
    Path
        The HTML file.

    Raises
    ------
    DlcxError
        If the poses or the video cannot be read, or the page cannot be written.
    """
    from dlcx import __version__
    from dlcx.formats.predictions.analysis_pickles import read_meta_pickle
    from dlcx.reports.page import Section, write_page

    facts = read_video_statistics(found, pcutoff)
    stored = found.files.stored_meta
    meta = read_meta_pickle(stored) if stored.is_file() else None
    parts = _Sections(facts, project, commands, meta)
    parts.read_pictures(progress)
    path = page_path(found)
    kind = f", tracked by {found.file.tracker}" if found.file.tracker else ""
    write_page(
        path,
        f"{found.video.name}",
        f"{found.file.path.name}{kind}{', filtered' if found.file.filtered else ''}",
        f"Snapshot {made_by['snapshot']}." if (made_by := found.file.made_by) else "",
        parts.numbers(),
        [
            Section("Timeline", parts.timeline(), anchor="timeline"),
            Section("Possible identity swaps", parts.swaps.html() if parts.swaps else ""),
            Section("Suspicious frames", parts.suspicious()),
            Section("Trajectories", parts.trajectories()),
            Section("Confidence", parts.confidence()),
            Section("Speed", parts.speed()),
            Section("Analysis", parts.provenance()),
        ],
        version=__version__,
        styles=("timeline.css",),
        scripts=SCRIPTS,
        wide=True,
    )
    return path


@dataclass(frozen=True)
class _Sections:
    """The sections of the page."""

    facts: VideoStatistics
    project: Project
    commands: PoseCommands
    meta: AnalysisMeta | None
    shown: dict[int, str] = field(default_factory=dict)

    @cached_property
    def suspects(self) -> list[Suspect]:
        """The most suspicious frames, worst first."""
        return find_suspects(self.facts)

    @cached_property
    def swaps(self) -> SwapStrips | None:
        """The swap candidates."""
        return SwapStrips.of(self.facts, self.project, self.commands)

    @cached_property
    def timeline_pictures(self) -> TimelinePictures:
        """The pictures of the timeline."""
        first = self.facts.tracks.first
        swaps = self.swaps.pictured if self.swaps else ()
        return TimelinePictures(
            self.facts, [*(first + one.row for one in self.suspects), *(one.frame for one in swaps)]
        )

    def read_pictures(self, progress: Progress) -> None:
        """Decode all frames that the page shows."""
        reader = FrameReader(self.facts.video)
        self.timeline_pictures.join(reader)
        if self.swaps:
            self.swaps.join(reader)
        if self.suspects:
            visitor = partial(self._show, self._painter())
            for one in self.suspects:
                reader.add(self.facts.tracks.first + one.row, visitor)
        reader.run(progress)

    def _painter(self) -> PosePainter:
        from dlcx.visuals.labeled_video import PosePainter

        return PosePainter(
            self.facts.tracks,
            pcutoff=0.0,
            colormap=self.project.colormap,
            dotsize=min(
                self.project.dotsize, max(4, self.facts.video.width // 50)
            ),  # dots must not cover small animals
            skeleton=self.project.skeleton,
            skeleton_color=self.project.skeleton_color,
            boxes="too" if self.facts.tracks.layout.multi else "no",
        )

    def _show(self, paint: PosePainter, frame: int, image: np.ndarray) -> None:
        from dlcx.reports.page import jpeg_text

        self.shown[frame] = jpeg_text(paint(image.copy(), frame), WIDTH, quality=78)

    def numbers(self) -> list[tuple[str, str]]:
        """Facts at the top of the page."""
        facts = self.facts
        count, video = len(facts.tracks), facts.video
        return [
            ("frames", f"{count}" if count == video.frames else f"{count} of {video.frames}"),
            ("length", f"{count / video.fps:.1f} s at {video.fps:.4g}/s"),
            (f"confident (at least {facts.pcutoff:g})", f"{100 * facts.confident.mean():.0f} %"),
            ("missing", f"{100 * (~facts.known).mean():.1f} %"),
            ("unreadable frames", "-" if facts.unreadable is None else str(int(facts.unreadable.sum()))),
        ]

    def timeline(self) -> str:
        """The timeline's container and data."""
        from dlcx.reports.page import data_block, paragraph

        first = self.facts.tracks.first
        marks = [Mark(first + one.row, "suspect", one.reason) for one in self.suspects]
        swaps = self.swaps.swaps if self.swaps else ()
        marks += [Mark(swap.frame, "swap", f"{swap.one} and {swap.other} may be swapped") for swap in swaps]
        data = timeline_data(self.facts, self.project, self.timeline_pictures.chosen(), marks)
        sampled = ""
        if data["step"] > 1:
            sampled = (
                f"This page contains one of every {data['step']} of {len(self.facts.tracks)} frames, and all frames "
                f"near the marks. It shows the minimum likelihood and the maximum speed since the previous frame shown."
            )
        note = "The timeline needs JavaScript; the charts below show the same data."
        return (
            f"<p class='soft no-script'>{escape(note)}</p><div class='explorer needs-script' id=explorer></div>"
            + (paragraph(sampled, "soft needs-script") if sampled else "")
            + data_block("poses", data)
        )

    def trajectories(self) -> str:
        """Paths over a frame of the video, one picture per animal."""
        from dlcx.reports.page import embedded_pngs, paragraph
        from dlcx.visuals.trajectories import Paths, middle_frame, trajectory_png

        tracks, pcutoff = self.facts.tracks, self.facts.pcutoff
        ground = middle_frame(self.facts.found.video, tracks)
        shown = []
        for number, name in enumerate(tracks.layout.individuals):
            paths = Paths(
                tracks.layout.bodyparts,
                tracks.xy[:, number],
                tracks.score[:, number],
                self.shades[: len(tracks.layout.bodyparts)],
                pcutoff,
                tracks.first,
                ground=ground,
                opacity=self.project.alphavalue,
            )
            shown.append((trajectory_png(paths), name if tracks.layout.multi else ""))
        note = (
            ""
            if self.facts.confident.any()
            else paragraph(f"No point has a likelihood of at least {pcutoff:g}.", "warn")
        )
        return note + self.legend(tracks.layout.bodyparts) + embedded_pngs(shown)

    @cached_property
    def shades(self) -> np.ndarray:
        """Colors (K + U, 3) of the bodyparts, followed by the unique bodyparts."""
        from dlcx.visuals.colors import part_colors

        layout = self.facts.tracks.layout
        return part_colors(len(layout.bodyparts) + len(layout.unique), self.project.colormap)

    def legend(self, names: Sequence[str]) -> str:
        """Legend of the first bodyparts."""
        from dlcx.reports.page import colors

        return colors(names, self.shades[: len(names)])

    def confidence(self) -> str:
        """Likelihood over time, and percentages of confident and missing points by animal and bodypart."""
        from dlcx.reports.charts import Series, line_chart
        from dlcx.reports.page import collapsible, print_only, table

        facts = self.facts
        chart = line_chart(
            [
                Series("median bodypart", facts.numbers, facts.likelihood(0.5)),
                Series("10 % quantile", facts.numbers, facts.likelihood(0.1)),
            ],
            x_label="frame",
            y_label="likelihood",
            y_range=(0, 1),
            whole=True,
        )
        shares = (f"at least {facts.pcutoff:g}", "missing", "median likelihood")
        points = [self._shares(name, [point]) for point, name in enumerate(facts.names)]
        each = table(("bodypart", *shares), points, numbers=(1, 2, 3))
        layout = facts.tracks.layout
        if not layout.multi:
            return print_only(chart) + each
        count = len(layout.bodyparts)
        owners = [(name, range(n * count, (n + 1) * count)) for n, name in enumerate(layout.individuals)]
        if layout.unique:
            owners.append(("unique bodyparts", range(len(owners) * count, len(facts.names))))
        animals = [self._shares(name, list(of)) for name, of in owners]
        return (
            print_only(chart)
            + table(("animal", *shares), animals, numbers=(1, 2, 3))
            + collapsible("Each bodypart", each)
        )

    def _shares(self, name: str, points: list[int]) -> tuple[str, str, str, str]:
        """A row of the confidence table for some of the points."""
        confident, missing = self.facts.confident[:, points].mean(), (~self.facts.known[:, points]).mean()
        return name, f"{100 * confident:.0f} %", f"{100 * missing:.1f} %", f"{_median(self.facts.score[:, points]):.2f}"

    def speed(self) -> str:
        """Speed of each animal's center in pixels per second."""
        from dlcx.reports.charts import Series, line_chart
        from dlcx.reports.page import paragraph, print_only, table

        fps, layout = self.facts.video.fps, self.facts.tracks.layout
        speed = self.facts.speed[1:]
        seconds = self.facts.numbers[1:] / fps
        names = layout.individuals if layout.multi else ("animal",)
        known = speed[np.isfinite(speed)]
        scale = (0.0, float(known.max(initial=0)) or 1.0)  # one scale for all animals
        charts = [
            line_chart(
                [Series("", seconds, one)], x_label="time (s)", y_label=f"{name} (px/s)", y_range=scale, height=200
            )
            for name, one in zip(names, speed.T, strict=True)
        ]
        rows = [
            (name, _digits(np.nansum(one) / fps), _digits(_median(one)), _digits(np.nanmax(one, initial=0)))
            for name, one in zip(names, speed.T, strict=True)
        ]
        note = "Speed of the median of the confident bodyparts. Filter the poses first: noise lengthens the path."
        return (
            print_only("".join(charts))
            + table(("animal", "path length (px)", "median (px/s)", "maximum (px/s)"), rows, (1, 2, 3))
            + paragraph(note, "soft")
        )

    def suspicious(self) -> str:
        """Pictures of the most suspicious frames, and the command that extracts the selected ones."""
        from dlcx.reports.page import command, figure, paragraph, seek_button

        frames = {self.facts.tracks.first + one.row: one for one in self.suspects}
        figures = [
            figure(
                self.shown[frame],
                f"frame {frame}: {one.reason}",
                f"<div class=actions><label class=needs-script><input type=checkbox class=pick checked "
                f"data-frame={frame}> extract</label>{seek_button(frame)}</div>",
            )
            for frame, one in frames.items()
            if frame in self.shown
        ]
        if not figures:
            return paragraph("No frame stands out.")
        note = "Worst first: missing animals, uncertain points, or jumps of confident points. Pictures show all points."
        layout = self.facts.tracks.layout
        video = self.facts.found.video
        extract = f"{self.commands.on(ExtractOutliersOptions, [video], algorithm='list')} --frame-numbers"
        numbers = ",".join(str(frame) for frame in sorted(frame for frame in frames if frame in self.shown))
        return (
            paragraph(note, "soft")
            + self.legend((*layout.bodyparts, *layout.unique))
            + f"<div class='pictures suspects'>{''.join(figures)}</div>"
            + paragraph("Extract the selected frames and their poses for correction and training:")
            + command(f"{extract} {numbers}", before=extract)
        )

    def provenance(self) -> str:
        """Files, batch size and duration of the analysis."""
        from dlcx.reports.page import command, paragraph, values

        facts, found = self.facts, self.facts.found
        rows = [
            ("video", str(found.video)),
            ("size", f"{facts.video.width} x {facts.video.height} px"),
            ("poses", str(found.file.path)),
        ]
        if self.meta is not None:
            rows += [*_time(facts, self.meta), ("batch size", str(self.meta.batch_size))]
        bad = np.zeros(0, int) if facts.unreadable is None else facts.numbers[facts.unreadable]
        if len(bad):
            rows.append(("unreadable frames", ", ".join(map(str, bad[:50])) + (" ..." if len(bad) > 50 else "")))
        pcutoff = None if facts.pcutoff == self.project.pcutoff else facts.pcutoff
        again = self.commands.on(ReportOptions, [found.video], pcutoff=pcutoff)
        return values(rows) + paragraph("After a correction, create this page again:") + command(again)


def _time(facts: VideoStatistics, meta: AnalysisMeta) -> list[tuple[str, str]]:
    """Duration of the analysis over all runs and parts; empty if unknown."""
    from dlcx.store.chunks import analysis_seconds
    from dlcx.store.manifest import written_frames

    files = facts.found.files
    if written := written_frames(files.store):
        seconds, frames = analysis_seconds(files.store), written[1] - written[0]
    else:  # DeepLabCut's tracks end with the last detection
        seconds, frames = meta.seconds, meta.frames if facts.found.file.tracker else len(facts.tracks)
    if seconds is None or not 0 < seconds < math.inf:
        return []
    return [("analyzed in", f"{seconds:.1f} s over all runs and parts, {frames / seconds:.1f} frames/s")]


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


def _digits(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "-"
