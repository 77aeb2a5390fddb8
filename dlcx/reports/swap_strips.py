"""Where identities may be swapped: pictures before, at and after each place, and the command that swaps back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dlcx.analysis_files import TRACK_ENDINGS
from dlcx.next_steps import swap_command
from dlcx.poses import SwapCandidate, Tracks
from dlcx.project import Project
from dlcx.reports.commands import PoseCommands
from dlcx.reports.frame_visits import FrameVisits
from dlcx.reports.video_statistics import VideoFacts

if TYPE_CHECKING:
    from dlcx.visuals.labeled_video import PosePainter

#: Swaps that are shown in pictures, and those that are listed below them.
PICTURED, LISTED = 10, 40
#: Seconds between the outer pictures of a strip and the swap.
BEFORE_AND_AFTER = 1 / 3
#: Width of a picture in pixels, and the least part of the frame that it shows, in pixels and as a share.
WIDTH, LEAST, LEAST_SHARE = 300, 48, 0.1
#: Pixels and share of their extent that are shown around the two animals.
MARGIN, MARGIN_SHARE = 6, 0.2
#: Earlier frames whose path is drawn, in seconds.
TRAIL = 1 / 3


@dataclass(frozen=True)
class SwapStrips:
    """The suspected swaps of a file of tracks, most likely first."""

    facts: VideoFacts
    project: Project
    commands: PoseCommands
    swaps: tuple[SwapCandidate, ...]
    pictures: dict[tuple[int, int], str] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: VideoFacts, project: Project, commands: PoseCommands) -> SwapStrips | None:
        """Those that tracking has suspected and nobody has swapped back yet; None where no animals were linked."""
        from dlcx.analysis.tracking import unmended_swaps
        from dlcx.formats.predictions.swap_candidates import read_swap_candidates

        tracker, layout = facts.found.file.tracker, facts.tracks.layout
        if tracker not in TRACK_ENDINGS:
            return None
        own = facts.found.files.track_files(tracker)
        if not own.swaps.is_file():
            return None
        first, stop = facts.tracks.first, facts.tracks.first + len(facts.tracks)
        left = [
            swap
            for swap in unmended_swaps(own, read_swap_candidates(own.swaps))
            if first <= swap.frame < stop and {swap.one, swap.other} <= set(layout.individuals)
        ]
        return cls(facts, project, commands, tuple(sorted(left, key=lambda swap: (-swap.score, swap.frame))))

    @property
    def pictured(self) -> tuple[SwapCandidate, ...]:
        """Those shown in pictures."""
        return self.swaps[:PICTURED]

    def frames(self, swap: SwapCandidate) -> list[int]:
        """The frames of a strip: some time before, the last before, the first to be swapped, and some time after."""
        first, stop = self.facts.tracks.first, self.facts.tracks.first + len(self.facts.tracks)
        apart = max(2, round(BEFORE_AND_AFTER * self.facts.video.fps))
        wanted = (swap.frame - apart, swap.frame - 1, swap.frame, swap.frame + apart)
        return sorted({min(max(frame, first), stop - 1) for frame in wanted})

    def join(self, visits: FrameVisits) -> None:
        """Ask for the frames of the strips."""
        for at, swap in enumerate(self.pictured):
            frames, pair = self.frames(swap), _Pair.of(self.facts, swap)
            region = pair.region(frames, self.facts.video.width, self.facts.video.height)
            paint = pair.painter(self.project, region, round(TRAIL * self.facts.video.fps))
            for frame in frames:
                visits.add(frame, _Visit(self.pictures, at, paint, region))

    def html(self) -> str:
        """The strips, and a table of further swaps."""
        from dlcx.reports.page import paragraph

        if not self.swaps:
            return paragraph("No frame is left where two tracks come close enough to be mistaken.")
        note = "Each strip shows the two animals before, at and after the place. Do the names stay with the animals? If"
        note += " not, the command below the strip swaps them from there on; the same command swaps them back."
        if len(self.facts.tracks.layout.individuals) > 2:
            note += " Of several commands, run the one with the latest frame first: names mean the tracks as they are."
        strips = "".join(self._strip(at, swap) for at, swap in enumerate(self.pictured))
        return paragraph(note, "soft") + strips + self._more()

    def command(self, swap: SwapCandidate) -> str:
        """What swaps the two back; filtered poses are then filtered again, for they come of the swapped ones."""
        found = self.facts.found
        again = found.file.filtered and found.file.source.is_file()
        source = found.file.source if again else found.file.path
        said = swap_command(source.absolute(), swap.one, swap.other, swap.frame)
        return f"{said}\n{self.commands.filtering(found)}" if again else said

    def _strip(self, at: int, swap: SwapCandidate) -> str:
        from dlcx.reports.page import command, figure, paragraph, seek_button

        figures = []
        for frame in self.frames(swap):
            if (at, frame) in self.pictures:
                away = frame - swap.frame
                when = "swapped from here on?" if not away else f"{abs(away)} {'before' if away < 0 else 'after'}"
                figures.append(figure(self.pictures[at, frame], f"frame {frame}: {when}"))
        title = f"Frame {swap.frame}: {swap.one} and {swap.other}, score {swap.score:.2f}"
        shown = f"<div class=strip>{''.join(figures)}</div>" if figures else paragraph("Its frames are unreadable.")
        return (
            f"<div class=swap>{paragraph(title, 'title')}{shown}"
            f"<div class=actions>{command(self.command(swap))}{seek_button(swap.frame)}</div></div>"
        )

    def _more(self) -> str:
        from dlcx.reports.page import command, folded, paragraph

        rest = self.swaps[PICTURED:LISTED]
        if not rest:
            return ""
        said = [
            paragraph(f"Frame {swap.frame}: {swap.one} and {swap.other}, score {swap.score:.2f}", "title")
            + command(self.command(swap))
            for swap in rest
        ]
        left = len(self.swaps) - LISTED
        more = paragraph(f"{left} less likely ones are in the file of swaps.", "soft") if left > 0 else ""
        return folded(f"{len(rest)} less likely ones", "".join(said) + more)


@dataclass(frozen=True)
class _Pair:
    """The two animals of a swap: their own tracks (A = 2), and the colors (2, 3) of their names."""

    tracks: Tracks
    colors: np.ndarray

    @classmethod
    def of(cls, facts: VideoFacts, swap: SwapCandidate) -> _Pair:
        from dlcx.visuals.colors import PAIR

        tracks, layout = facts.tracks, facts.tracks.layout
        two = [layout.individuals.index(swap.one), layout.individuals.index(swap.other)]
        own = replace(layout, individuals=(swap.one, swap.other), unique=())
        return cls(Tracks(own, tracks.xy[:, two], tracks.score[:, two], first=tracks.first), PAIR)

    def region(self, frames: Sequence[int], width: int, height: int) -> tuple[int, int, int, int]:
        """x1, x2, y1, y2 of the part of the frame that holds both animals in all the frames, about 4:3."""
        rows = np.asarray(frames) - self.tracks.first
        points = self.tracks.xy[rows].reshape(-1, 2)
        known = points[np.isfinite(points).all(-1)]
        if not len(known):
            return 0, width, 0, height
        low = np.clip(known.min(0), 0, (width, height))
        high = np.clip(known.max(0), 0, (width, height))
        margin = MARGIN + MARGIN_SHARE * float((high - low).max())
        least = max(LEAST, LEAST_SHARE * max(width, height))
        size = np.maximum(high - low + 2 * margin, least)
        size = np.minimum(np.maximum(size, (size[1] * 4 / 3, size[0] * 3 / 4)), (width, height))
        begin = np.clip((low + high - size) / 2, 0, np.array([width, height]) - size)
        (x1, y1), (x2, y2) = np.floor(begin).astype(int), np.ceil(begin + size).astype(int)
        return int(x1), int(min(x2, width)), int(y1), int(min(y2, height))

    def painter(self, project: Project, region: tuple[int, int, int, int], trail: int) -> PosePainter:
        """Draws the two into the enlarged region, each in a color of its own."""
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
class _Visit:
    """Keeps the pictures of the frames of a strip."""

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
