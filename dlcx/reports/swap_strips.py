"""Possible identity swaps: pictures before, at and after each one, and the command that swaps the identities back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dlcx.analysis_files import TRACK_ENDINGS
from dlcx.options.command_line import command_line
from dlcx.options.commands.swap_tracks import SwapTracksOptions
from dlcx.poses import SwapCandidate, Tracks
from dlcx.project import Project
from dlcx.reports.commands import PoseCommands
from dlcx.reports.frame_reader import FrameReader
from dlcx.reports.video_statistics import VideoStatistics

if TYPE_CHECKING:
    from dlcx.visuals.labeled_video import PosePainter

#: Maximum number of candidates shown in pictures, and in pictures and the list together.
MAX_STRIPS, MAX_LISTED = 10, 40
#: Seconds between the outer pictures of a strip and the swap.
STRIP_SECONDS = 1 / 3
#: Width of a picture in pixels, and the minimum side of its region in pixels and as a fraction of the frame.
WIDTH, MIN_SIDE, MIN_SIDE_FRACTION = 300, 48, 0.1
#: Margin around the two animals in pixels and as a fraction of their extent.
MARGIN, MARGIN_FRACTION = 6, 0.2
#: Length of the trails in seconds.
TRAIL = 1 / 3


@dataclass(frozen=True)
class SwapStrips:
    """The swap candidates of a file of tracks, most likely first."""

    facts: VideoStatistics
    project: Project
    commands: PoseCommands
    swaps: tuple[SwapCandidate, ...]
    pictures: dict[tuple[int, int], str] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: VideoStatistics, project: Project, commands: PoseCommands) -> SwapStrips | None:
        """The candidates found by tracking and not yet swapped back; None if animals were not linked."""
        from dlcx.analysis.tracking import unmended_swaps
        from dlcx.formats.predictions.swap_candidates import read_swap_candidates

        tracker, layout = facts.found.file.tracker, facts.tracks.layout
        if tracker not in TRACK_ENDINGS:
            return None
        files = facts.found.files.track_files(tracker)
        if not files.swaps.is_file():
            return None
        first, stop = facts.tracks.first, facts.tracks.first + len(facts.tracks)
        left = [
            swap
            for swap in unmended_swaps(files, read_swap_candidates(files.swaps))
            if first <= swap.frame < stop and {swap.one, swap.other} <= set(layout.individuals)
        ]
        return cls(facts, project, commands, tuple(sorted(left, key=lambda swap: (-swap.score, swap.frame))))

    @property
    def pictured(self) -> tuple[SwapCandidate, ...]:
        """The candidates shown in pictures."""
        return self.swaps[:MAX_STRIPS]

    def frames(self, swap: SwapCandidate) -> list[int]:
        """The frames of a strip: some time before, the last before, the first swapped, and some time after."""
        first, stop = self.facts.tracks.first, self.facts.tracks.first + len(self.facts.tracks)
        apart = max(2, round(STRIP_SECONDS * self.facts.video.fps))
        wanted = (swap.frame - apart, swap.frame - 1, swap.frame, swap.frame + apart)
        return sorted({min(max(frame, first), stop - 1) for frame in wanted})

    def join(self, reader: FrameReader) -> None:
        """Register the frames of the strips."""
        for at, swap in enumerate(self.pictured):
            frames, pair = self.frames(swap), _Pair.of(self.facts, swap)
            region = pair.region(frames, self.facts.video.width, self.facts.video.height)
            paint = pair.painter(self.project, region, round(TRAIL * self.facts.video.fps))
            for frame in frames:
                reader.add(frame, _StripPainter(self.pictures, at, paint, region))

    def html(self) -> str:
        """Render the strips and a list of further candidates."""
        from dlcx.reports.page import paragraph

        if not self.swaps:
            return paragraph("No possible swaps remain.")
        note = "Each strip shows two animals before, at and after a possible swap. Check that each color stays with "
        note += "its animal. If not, run the command below the strip: it swaps the two from that frame on; run it "
        note += "again to undo."
        if len(self.facts.tracks.layout.individuals) > 2:
            note += " Run several commands in descending order of their frames: names refer to the current tracks."
        strips = "".join(self._strip(at, swap) for at, swap in enumerate(self.pictured))
        return paragraph(note, "soft") + strips + self._more()

    def command(self, swap: SwapCandidate) -> str:
        """Return the command that swaps two individuals; if the page shows filtered poses, filtering follows."""
        found = self.facts.found
        again = found.file.filtered and found.file.source.is_file()
        source = found.file.source if again else found.file.path
        swap_back = command_line(
            SwapTracksOptions(file=source.absolute(), one=swap.one, other=swap.other, first=swap.frame)
        )
        return f"{swap_back}\n{self.commands.filtering(found)}" if again else swap_back

    def _strip(self, at: int, swap: SwapCandidate) -> str:
        from dlcx.reports.page import command, figure, paragraph, seek_button

        figures = []
        for frame in self.frames(swap):
            if (at, frame) in self.pictures:
                away = frame - swap.frame
                when = "swapped from here on?" if not away else f"{abs(away)} {'before' if away < 0 else 'after'}"
                figures.append(figure(self.pictures[at, frame], f"frame {frame}: {when}"))
        title = f"Frame {swap.frame}: {swap.one} and {swap.other}, score {swap.score:.2f}"
        shown = f"<div class=strip>{''.join(figures)}</div>" if figures else paragraph("The frames are unreadable.")
        return (
            f"<div class=swap>{paragraph(title, 'title')}{shown}"
            f"<div class=actions>{command(self.command(swap))}{seek_button(swap.frame)}</div></div>"
        )

    def _more(self) -> str:
        from dlcx.reports.page import collapsible, command, paragraph

        rest = self.swaps[MAX_STRIPS:MAX_LISTED]
        if not rest:
            return ""
        items = [
            paragraph(f"Frame {swap.frame}: {swap.one} and {swap.other}, score {swap.score:.2f}", "title")
            + command(self.command(swap))
            for swap in rest
        ]
        left = len(self.swaps) - MAX_LISTED
        more = paragraph(f"{left} less likely candidates are in the file of swaps.", "soft") if left > 0 else ""
        return collapsible(f"{len(rest)} less likely candidates", "".join(items) + more)


@dataclass(frozen=True)
class _Pair:
    """The tracks (A = 2) and colors (2, 3) of the two animals of a candidate."""

    tracks: Tracks
    colors: np.ndarray

    @classmethod
    def of(cls, facts: VideoStatistics, swap: SwapCandidate) -> _Pair:
        from dlcx.visuals.colors import PAIR

        tracks, layout = facts.tracks, facts.tracks.layout
        two = [layout.individuals.index(swap.one), layout.individuals.index(swap.other)]
        own = replace(layout, individuals=(swap.one, swap.other), unique=())
        return cls(Tracks(own, tracks.xy[:, two], tracks.score[:, two], first=tracks.first), PAIR)

    def region(self, frames: Sequence[int], width: int, height: int) -> tuple[int, int, int, int]:
        """x1, x2, y1, y2 of the region, about 4:3, that contains both animals in all the frames."""
        rows = np.asarray(frames) - self.tracks.first
        points = self.tracks.xy[rows].reshape(-1, 2)
        known = points[np.isfinite(points).all(-1)]
        if not len(known):
            return 0, width, 0, height
        low = np.clip(known.min(0), 0, (width, height))
        high = np.clip(known.max(0), 0, (width, height))
        margin = MARGIN + MARGIN_FRACTION * float((high - low).max())
        min_side = max(MIN_SIDE, MIN_SIDE_FRACTION * max(width, height))
        size = np.maximum(high - low + 2 * margin, min_side)
        size = np.minimum(np.maximum(size, (size[1] * 4 / 3, size[0] * 3 / 4)), (width, height))
        begin = np.clip((low + high - size) / 2, 0, np.array([width, height]) - size)
        (x1, y1), (x2, y2) = np.floor(begin).astype(int), np.ceil(begin + size).astype(int)
        return int(x1), int(min(x2, width)), int(y1), int(min(y2, height))

    def painter(self, project: Project, region: tuple[int, int, int, int], trail: int) -> PosePainter:
        """Return the painter that paints both animals into the enlarged region."""
        from dlcx.visuals.labeled_video import PosePainter

        x1, x2, y1, _ = region
        scale = WIDTH / (x2 - x1)
        moved = (self.tracks.xy - np.array([x1, y1], self.tracks.xy.dtype) + 0.5) * scale - 0.5
        return PosePainter(
            replace(self.tracks, xy=moved),
            pcutoff=0.0,
            color_by="individual",
            individual_colors=self.colors,
            dotsize=8,
            skeleton=project.skeleton,
            skeleton_color=project.skeleton_color,
            trail=trail,
            boxes="too",
        )


@dataclass(frozen=True)
class _StripPainter:
    """Paints the frames of a strip and keeps the pictures."""

    pictures: dict[tuple[int, int], str]
    strip: int
    paint: PosePainter
    region: tuple[int, int, int, int]

    def __call__(self, frame: int, image: np.ndarray) -> None:
        import cv2

        from dlcx.reports.page import jpeg_text

        x1, x2, y1, y2 = self.region
        size = WIDTH, max(1, round(WIDTH * (y2 - y1) / (x2 - x1)))
        enlarged = cv2.resize(image[y1:y2, x1:x2], size, interpolation=cv2.INTER_CUBIC)
        self.pictures[self.strip, frame] = jpeg_text(self.paint(enlarged, frame), WIDTH, quality=78)
