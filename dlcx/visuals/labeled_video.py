"""Poses drawn into the frames of a video: a dot a bodypart, lines for the skeleton, a trail of earlier frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from dlcx.errors import DlcxError
from dlcx.outputs import whole_file
from dlcx.poses import Layout, Tracks
from dlcx.visuals.colors import part_colors

_SHIFT = 4  # OpenCV draws at 1/16 pixel, so that dots move smoothly
_BONE = (255, 255, 255)


class PosePainter:
    """Draws the poses of a video's frames; colours go by bodypart.

    Parameters
    ----------
    tracks
        Poses in pixels of the whole frame.
    pcutoff
        Only points with a higher score are drawn.
    colormap
        Name of one of matplotlib's.
    dotsize
        Diameter of a dot in pixels.
    skeleton
        Pairs of bodyparts to join by lines; those of unknown bodyparts are left out.
    trail
        Over how many earlier frames the path of each point is drawn.
    """

    def __init__(
        self,
        tracks: Tracks,
        *,
        pcutoff: float,
        colormap: str = "rainbow",
        dotsize: int = 12,
        skeleton: Sequence[tuple[str, str]] = (),
        trail: int = 0,
    ) -> None:
        layout = tracks.layout
        self._first = tracks.first
        self._points = _shown_points(tracks, pcutoff)
        shades = part_colors(len(layout.bodyparts) + len(layout.unique), colormap)
        own, unique = np.split(shades, [len(layout.bodyparts)])
        self._colors = np.concatenate([np.tile(own, (len(layout.individuals), 1)), unique])
        self._bones = _bones(layout, skeleton)
        self._radius = max(dotsize / 2, 1.0)
        self._trail = trail

    def __call__(self, image: np.ndarray, frame: int) -> np.ndarray:
        """Draw the poses of a frame into its image (H, W, 3) uint8 RGB, in place."""
        at = frame - self._first
        self._draw_trails(image, self._points[max(0, at - self._trail) : at + 1])
        points = self._points[at]
        seen = np.isfinite(points).all(-1)
        fixed = np.rint(np.where(seen[:, None], points, 0) * 2**_SHIFT).astype(int)
        thickness = max(1, round(self._radius / 3))
        for one, other in self._bones[seen[self._bones].all(-1)]:
            cv2.line(image, fixed[one], fixed[other], _BONE, thickness, cv2.LINE_AA, _SHIFT)
        radius = round(self._radius * 2**_SHIFT)
        for point in np.flatnonzero(seen):
            cv2.circle(image, fixed[point], radius, self._colors[point].tolist(), -1, cv2.LINE_AA, _SHIFT)
        return image

    def _draw_trails(self, image: np.ndarray, path: np.ndarray) -> None:
        """Lines along the points (1 + trail, P, 2)."""
        for before, after in pairwise(path):
            seen = np.isfinite(before).all(-1) & np.isfinite(after).all(-1)
            ends = np.rint(np.stack([before[seen], after[seen]], 1) * 2**_SHIFT).astype(int)
            for (start, stop), color in zip(ends, self._colors[seen].tolist(), strict=True):
                cv2.line(image, start, stop, color, max(1, round(self._radius / 3)), cv2.LINE_AA, _SHIFT)


def write_video(path: Path, images: Iterable[np.ndarray], *, fps: float, size: tuple[int, int]) -> int:
    """Write images (h, w, 3) uint8 RGB of ``size`` (w, h) as an MPEG-4 video, whole or not at all; how many there were.

    The codec knows even sizes only: it leaves out the last row or column of odd ones.

    Raises
    ------
    DlcxError
        When OpenCV cannot write mp4, or the file does not read back with as many frames.
    """
    with whole_file(path) as beside:
        writer = cv2.VideoWriter(str(beside), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        if not writer.isOpened():
            raise DlcxError(
                f"OpenCV cannot write {path}",
                hint="Is the folder writable? The opencv-python wheel of PyPI writes mp4.",
            )
        count = 0
        for image in images:
            writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            count += 1
        writer.release()
        capture = cv2.VideoCapture(str(beside))
        there = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if there != count:
            raise DlcxError(f"{path}: {count} frames were written, {there} are there", hint="Is the disk full?")
    return count


def _shown_points(tracks: Tracks, pcutoff: float) -> np.ndarray:
    """Points (T, A * K + U, 2) of all animals, then the unique bodyparts; nan where the score is not above pcutoff."""
    points = np.concatenate([tracks.xy.reshape(len(tracks), -1, 2), tracks.unique_xy], 1)
    score = np.concatenate([tracks.score.reshape(len(tracks), -1), tracks.unique_score], 1)
    return np.where((score > pcutoff)[..., None], points, np.nan)


def _bones(layout: Layout, skeleton: Sequence[tuple[str, str]]) -> np.ndarray:
    """The skeleton's lines (S, 2) between points of the same animal."""
    number = {name: index for index, name in enumerate(layout.bodyparts)}
    known = [(number[one], number[other]) for one, other in skeleton if one in number and other in number]
    animals = np.arange(len(layout.individuals))[:, None, None] * len(layout.bodyparts)
    return (np.array(known, int).reshape(1, -1, 2) + animals).reshape(-1, 2)
