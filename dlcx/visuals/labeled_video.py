"""Paint poses into video frames: dots, skeleton, boxes and trails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from dlcx.poses import Layout, Tracks
from dlcx.visuals.colors import contrasting, named_color, point_colors

ColorBy = Literal["bodypart", "individual"]
Boxes = Literal["no", "too", "only"]

_SHIFT = 4  # OpenCV's fixed-point resolution of 1/16 pixel, so that dots move smoothly
_RIM = (0, 0, 0)
_MARGIN = 0.1  # of the longer side, around the points of an animal
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class PosePainter:
    """Paints the poses of a video's frames.

    Parameters
    ----------
    tracks
        Poses in pixels of the full frame.
    pcutoff
        Only points with a higher likelihood are painted.
    colormap
        A matplotlib colormap.
    color_by
        Color points by ``bodypart`` or by ``individual``.
    individual_colors
        Colors (A, 3), uint8 RGB, of the individuals; default: from the colormap.
    dotsize
        Diameter of a dot in pixels.
    skeleton
        Pairs of bodyparts to connect by lines; unknown bodyparts are ignored.
    skeleton_color
        Color of these lines; any matplotlib color.
    trail
        Number of earlier frames over which to draw the path of each point.
    boxes
        ``too`` adds a box with the individual's name; ``only`` paints nothing else.
    """

    def __init__(
        self,
        tracks: Tracks,
        *,
        pcutoff: float,
        colormap: str = "rainbow",
        color_by: ColorBy = "bodypart",
        individual_colors: np.ndarray | None = None,
        dotsize: int = 12,
        skeleton: Sequence[tuple[str, str]] = (),
        skeleton_color: str = "white",
        trail: int = 0,
        boxes: Boxes = "no",
    ) -> None:
        layout = tracks.layout
        self._layout = layout
        self._first = tracks.first
        self._by = color_by
        self._points = _shown_points(tracks, pcutoff)
        owners = point_colors(layout, colormap, by="individual")
        parts = len(layout.bodyparts)
        if individual_colors is not None:
            owners[: len(layout.individuals) * parts] = np.repeat(individual_colors, parts, axis=0)
        self._colors = owners if color_by == "individual" else point_colors(layout, colormap)
        self._bones = _bones(layout, skeleton)
        self._bone_color = named_color(skeleton_color)
        self._radius = max(dotsize / 2, 1.0)
        self._line = max(1, round(self._radius / 3))
        self._trail = trail
        self._boxes = boxes
        self._box_colors = owners[:: max(1, parts)]

    @property
    def names(self) -> list[tuple[str, Sequence[int]]]:
        """The bodyparts or individuals that have a color of their own, with their colors."""
        layout, parts = self._layout, len(self._layout.bodyparts)
        if self._by == "bodypart":
            words = [*layout.bodyparts, *layout.unique]
            rows = [*range(parts), *range(parts * len(layout.individuals), len(self._colors))]
        else:
            words = [*layout.individuals, *(["unique bodyparts"] if layout.unique else [])]
            rows = [parts * number for number in range(len(words))]
        return [(word, self._colors[row].tolist()) for word, row in zip(words, rows, strict=True)]

    def __call__(self, image: np.ndarray, frame: int) -> np.ndarray:
        """Paint the poses of a frame into its image (H, W, 3), uint8 RGB, in place."""
        at = frame - self._first
        if self._boxes != "only":
            self._paint_trails(image, self._points[max(0, at - self._trail) : at + 1])
            self._paint_points(image, self._points[at])
        if self._boxes != "no":
            self._paint_boxes(image, self._points[at])
        return image

    def _paint_points(self, image: np.ndarray, points: np.ndarray) -> None:
        """Draw bones and dots of the points (P, 2), with a dark rim for light backgrounds."""
        seen = np.isfinite(points).all(-1)
        fixed = _fixed(np.where(seen[:, None], points, 0))
        bones = fixed[self._bones[seen[self._bones].all(-1)]]
        for shade, thickness in self._strokes(self._bone_color):
            cv2.polylines(image, list(bones), False, shade, thickness, cv2.LINE_AA, _SHIFT)
        radius = round(self._radius * 2**_SHIFT)
        for point in np.flatnonzero(seen):
            center = fixed[point].tolist()
            if self._line > 1:
                cv2.circle(image, center, radius + 2**_SHIFT, _RIM, -1, cv2.LINE_AA, _SHIFT)
            cv2.circle(image, center, radius, self._colors[point].tolist(), -1, cv2.LINE_AA, _SHIFT)

    def _paint_trails(self, image: np.ndarray, path: np.ndarray) -> None:
        """Draw lines along the points (1 + trail, P, 2)."""
        if len(path) < 2:
            return
        ends = np.stack([path[:-1], path[1:]], 2)  # (trail, P, 2 ends, 2)
        seen = np.isfinite(ends).all((-1, -2))
        fixed = _fixed(np.where(seen[..., None, None], ends, 0))
        for point in np.flatnonzero(seen.any(0)):
            lines = list(fixed[seen[:, point], point])
            cv2.polylines(image, lines, False, self._colors[point].tolist(), self._line, cv2.LINE_AA, _SHIFT)

    def _paint_boxes(self, image: np.ndarray, points: np.ndarray) -> None:
        """Draw a rectangle around the points of each individual, with its name if there are several."""
        animals, parts = len(self._layout.individuals), len(self._layout.bodyparts)
        own = points[: animals * parts].reshape(animals, parts, 2)
        seen = np.isfinite(own).all(-1)
        for animal in np.flatnonzero(seen.any(1)):
            low, high = own[animal, seen[animal]].min(0), own[animal, seen[animal]].max(0)
            margin = max(_MARGIN * (high - low).max(), self._radius)
            corners = _fixed(np.stack([low - margin, high + margin]))
            color = self._box_colors[animal].tolist()
            for shade, thickness in self._strokes(color):
                cv2.rectangle(image, corners[0], corners[1], shade, thickness, cv2.LINE_AA, _SHIFT)
            if animals > 1:
                self._paint_name(image, self._layout.individuals[animal], low - margin, high + margin, color)

    def _paint_name(self, image: np.ndarray, name: str, low: np.ndarray, high: np.ndarray, color: list[int]) -> None:
        """Write a name on a background of its color, above the box, or below it if there is no space above."""
        size = max(0.35, image.shape[0] / 1500)
        (wide, tall), base = cv2.getTextSize(name, _FONT, size, 1)
        x = int(np.clip(low[0], 2, max(2, image.shape[1] - wide - 2)))
        y = int(low[1]) - base
        if y < tall:
            y = min(int(high[1]) + tall + base, image.shape[0] - base)
        cv2.rectangle(image, (x - 2, y - tall - 2), (x + wide + 1, y + base - 1), color, -1)
        cv2.putText(image, name, (x, y), _FONT, size, contrasting(color), 1, cv2.LINE_AA)

    def _strokes(self, color: Sequence[int]) -> tuple[tuple[Sequence[int], int], ...]:
        """Color and thickness of the strokes of a line; thick lines get a contrasting rim."""
        line = (color, self._line)
        return (line,) if self._line == 1 else ((contrasting(color), self._line + 2), line)


def with_frame_number(image: np.ndarray, frame: int) -> np.ndarray:
    """Write ``frame N`` on a dark background into the top left corner of an image (H, W, 3), uint8 RGB, in place."""
    size = max(0.4, image.shape[0] / 1200)
    (width, height), base = cv2.getTextSize(f"frame {frame}", _FONT, size, 1)
    image[: height + base + 6, : width + 10] = _RIM
    cv2.putText(image, f"frame {frame}", (5, height + 4), _FONT, size, (255, 255, 255), 1, cv2.LINE_AA)
    return image


def even_rows(strip: np.ndarray, above: int) -> np.ndarray:
    """Repeat the last row of a strip (h, W, 3) if needed to make the total height even, as codecs require.

    Parameters
    ----------
    strip
        The strip below an image.
    above
        Height of the image.
    """
    return np.concatenate([strip, strip[-1:]]) if (len(strip) + above) % 2 else strip


def _fixed(points: np.ndarray) -> np.ndarray:
    """Convert points to OpenCV's fixed-point pixels."""
    result: np.ndarray = np.rint(np.clip(points, -1e6, 1e6) * 2**_SHIFT).astype(np.int32)
    return result


def _shown_points(tracks: Tracks, pcutoff: float) -> np.ndarray:
    """Points (T, A * K + U, 2) of all animals and the unique bodyparts; nan if the likelihood is not above pcutoff."""
    return np.where((tracks.point_scores > pcutoff)[..., None], tracks.points, np.nan)


def _bones(layout: Layout, skeleton: Sequence[tuple[str, str]]) -> np.ndarray:
    """Bones (S, 2) as pairs of points of the same animal."""
    number = {name: index for index, name in enumerate(layout.bodyparts)}
    known = [(number[one], number[other]) for one, other in skeleton if one in number and other in number]
    animals = np.arange(len(layout.individuals))[:, None, None] * len(layout.bodyparts)
    return (np.array(known, int).reshape(1, -1, 2) + animals).reshape(-1, 2)
