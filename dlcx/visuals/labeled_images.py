"""Pictures of labeled images: + is a label, a dot a prediction, x a prediction below the p-cutoff."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dlcx.poses import Instances, Layout, Prediction
from dlcx.visuals.colors import part_colors

Color = tuple[int, int, int]

_MIN_SIDE = 1000  # minimum pixels of the longer side, so that marks do not cover small animals
#: Minimum radius of a dot as a fraction of the picture's longer side.
_MIN_RADIUS = 0.007
#: OpenCV draws at 1/16 pixel.
SHIFT = 4
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LINE = 26  # height of a line of the legend


class LabeledImagePainter:
    """Paints labels and predictions, colored by bodypart, with a legend below the image.

    Parameters
    ----------
    layout
        Names of the bodyparts.
    pcutoff
        Predictions with a lower likelihood are painted as x.
    colormap
        A matplotlib colormap.
    dotsize
        Minimum diameter of a dot in pixels of the picture; dots are larger in large pictures.
    opacity
        Opacity of the marks, from 0 to 1.
    named
        Whether to add the legend.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        pcutoff: float,
        colormap: str = "rainbow",
        dotsize: int = 12,
        opacity: float = 1.0,
        named: bool = True,
    ) -> None:
        self._named = named
        self._names = (*layout.bodyparts, *layout.unique)
        self._split = len(layout.bodyparts)
        self._colors = [(int(r), int(g), int(b)) for r, g, b in part_colors(len(self._names), colormap)]
        self._pcutoff = pcutoff
        self._dotsize = dotsize
        self._opacity = opacity

    def __call__(self, image: np.ndarray, label: Prediction | None, found: Prediction) -> np.ndarray:
        """Paint the labels and predictions of one image.

        Parameters
        ----------
        image
            Image (H, W, 3), uint8 RGB.
        label
            Labels in pixels of the image; None if it has none.
        found
            Predictions in pixels of the image.

        Returns
        -------
        numpy.ndarray
            Picture (h, w, 3), uint8 RGB.
        """
        labels = label or Prediction(Instances.empty(self._split))
        ground, scale = enlarged(image)
        picture = ground.copy()
        radius = max(self._dotsize / 2, _MIN_RADIUS * max(picture.shape[:2]))
        for start, truth, poses in ((0, labels.animals, found.animals), (self._split, labels.unique, found.unique)):
            if truth is not None:
                for part in range(truth.xy.shape[1]):
                    self._labels(picture, truth, part, self._colors[start + part], scale, radius)
            if poses is not None:
                for part in range(poses.xy.shape[1]):
                    self._predictions(picture, poses, part, self._colors[start + part], scale, radius)
        picture = translucent(picture, ground, self._opacity)
        if not self._named:
            return picture
        return np.concatenate([picture, self._legend(picture.shape[1], labels=label is not None)])

    def _predictions(
        self, picture: np.ndarray, poses: Instances, part: int, color: Color, scale: int, radius: float
    ) -> None:
        seen = np.isfinite(poses.xy[:, part]).all(-1) & (poses.score[:, part] >= 0)
        for xy, score in zip(poses.xy[seen, part], poses.score[seen, part], strict=True):
            if score >= self._pcutoff:
                center = fixed_point(xy, scale)
                size = round(radius * 2**SHIFT)
                cv2.circle(picture, center, size, color, cv2.FILLED, cv2.LINE_AA, SHIFT)
                cv2.circle(picture, center, size, _BLACK, max(1, round(radius / 5)), cv2.LINE_AA, SHIFT)
            else:
                cross(picture, xy, scale, radius, color, diagonal=True)

    def _labels(
        self, picture: np.ndarray, truth: Instances, part: int, color: Color, scale: int, radius: float
    ) -> None:
        for xy in truth.xy[np.isfinite(truth.xy[:, part]).all(-1) & (truth.score[:, part] > 0), part]:
            cross(picture, xy, scale, 2 * radius, color, diagonal=False, rim=_WHITE)

    def _legend(self, width: int, *, labels: bool) -> np.ndarray:
        marks = ("+ label (white rim)   " if labels else "") + f"o score >= {self._pcutoff:g}   x below"
        words: list[tuple[str, Sequence[int]]] = [(marks, (235, 235, 235))]
        words += list(zip(self._names, self._colors, strict=True))
        return legend(width, words)


def enlarged(image: np.ndarray) -> tuple[np.ndarray, int]:
    """Copy an image (H, W, 3), enlarging small ones so that marks do not cover the animal.

    Returns
    -------
    tuple
        The copy and its integer scale.
    """
    scale = max(1, round(_MIN_SIDE / max(image.shape[:2])))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), scale


def translucent(picture: np.ndarray, ground: np.ndarray, opacity: float) -> np.ndarray:
    """Blend ``picture`` with ``ground``, the same picture without marks; both (h, w, 3), uint8."""
    return cv2.addWeighted(picture, opacity, ground, 1 - opacity, 0)


def legend(width: int, words: Sequence[tuple[str, Sequence[int]]]) -> np.ndarray:
    """Render words in their colors on a dark strip.

    Returns
    -------
    numpy.ndarray
        (h, width, 3), uint8 RGB.
    """
    lines: list[list[tuple[int, str, Sequence[int]]]] = [[]]
    x = 10
    for text, color in words:
        wide = cv2.getTextSize(text, _FONT, 0.5, 1)[0][0]
        if lines[-1] and x + wide > width - 10:
            lines.append([])
            x = 10
        lines[-1].append((x, text, color))
        x += wide + 20
    strip = np.full((_LINE * len(lines), width, 3), 30, np.uint8)
    for number, line in enumerate(lines):
        for x, text, color in line:
            cv2.putText(strip, text, (x, _LINE * number + 18), _FONT, 0.5, color, 1, cv2.LINE_AA)
    return strip


def fixed_point(xy: np.ndarray, scale: int) -> tuple[int, int]:
    """Convert a point of the image to OpenCV's fixed-point pixels of the enlarged picture."""
    x, y = np.round(((np.asarray(xy, float) + 0.5) * scale - 0.5) * 2**SHIFT).astype(int)
    return int(x), int(y)


def cross(
    picture: np.ndarray,
    xy: np.ndarray,
    scale: int,
    size: float,
    color: Sequence[int],
    *,
    diagonal: bool,
    rim: Sequence[int] = _BLACK,
) -> None:
    """Draw a + or an x with a rim, so that it is visible on any background.

    Parameters
    ----------
    picture
        Picture to draw into.
    xy
        Position in pixels of the image.
    scale
        Scale of the picture relative to the image.
    size
        Half the length of the lines in pixels of the picture, which also determines their width.
    color, rim
        Colors of the lines and of their rim.
    diagonal
        True for an x.
    """
    x, y = fixed_point(xy, scale)
    reach = round(size * 2**SHIFT * (0.9 if diagonal else 1))
    tips = ((reach, reach), (reach, -reach)) if diagonal else ((reach, 0), (0, reach))
    line = max(1, round(size / (3 if diagonal else 6)))
    for shade, thickness in ((rim, line + 2), (color, line)):
        for dx, dy in tips:
            cv2.line(picture, (x - dx, y - dy), (x + dx, y + dy), shade, thickness, cv2.LINE_AA, SHIFT)
