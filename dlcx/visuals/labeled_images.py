"""Pictures of labelled images: + with a white rim: label; dot: prediction; x: unsure prediction, with black rims."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from dlcx.outputs import atomic_file
from dlcx.poses import Instances, Layout, Prediction
from dlcx.visuals.colors import part_colors

#: Bytes of a png before which nothing else may stand: its signature and header.
PNG_HEADER = 33

Color = tuple[int, int, int]

_SHOWN = 1000  # pixels the longer side has at least, so that marks do not hide small animals
#: Least radius of a dot as a share of the picture's longer side.
_LEAST = 0.007
#: OpenCV draws at 1/16 pixel.
SHIFT = 4
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LINE = 26  # height of a line of the legend


class LabeledImagePainter:
    """Draws labels and predictions with one colour a bodypart, and a legend below the image.

    Parameters
    ----------
    layout
        Names of the bodyparts; unique ones come last.
    pcutoff
        Predictions with a lower score are an x.
    colormap
        Name of one of matplotlib's.
    dotsize
        Least diameter of a dot in pixels of the picture; in large pictures it is larger, so that its shape shows.
    opacity
        Of the marks, from 0 to 1.
    named
        False leaves out the legend.
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
        """The picture (h, w, 3), uint8 RGB, of an image (H, W, 3) whose poses are in its pixels; None: no labels."""
        labels = label or Prediction(Instances.empty(self._split))
        ground, scale = enlarged(image)
        picture = ground.copy()
        radius = max(self._dotsize / 2, _LEAST * max(picture.shape[:2]))
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
    """A copy of an image (H, W, 3), small ones enlarged so that marks do not hide what they mark, and by how much."""
    scale = max(1, round(_SHOWN / max(image.shape[:2])))
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), scale


def translucent(picture: np.ndarray, ground: np.ndarray, opacity: float) -> np.ndarray:
    """``picture``, which is ``ground`` with marks (both (h, w, 3) uint8), with marks of this opacity (0 to 1)."""
    return cv2.addWeighted(picture, opacity, ground, 1 - opacity, 0)


def legend(width: int, words: Sequence[tuple[str, Sequence[int]]]) -> np.ndarray:
    """A dark strip (h, width, 3) uint8 with words in their colours, in as many lines as they need."""
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


def write_picture(picture: np.ndarray, path: Path, **texts: str) -> None:
    """Write a picture (uint8 RGB) in the format of the file's suffix; a png holds ``texts``, too.

    Raises
    ------
    DlcxError
        When the file cannot be written.
    """
    _, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    content = data.tobytes()
    if path.suffix == ".png":
        chunks = b"".join(_text_chunk(key, text) for key, text in texts.items())
        content = content[:PNG_HEADER] + chunks + content[PNG_HEADER:]
    with atomic_file(path, len(content)) as beside:
        beside.write_bytes(content)


def read_texts(path: Path) -> dict[str, str]:
    """The texts that a png holds; none of a file that is no png."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as picture:
            return {str(key): str(text) for key, text in picture.info.items() if isinstance(text, str)}
    except (OSError, ValueError, SyntaxError):
        return {}


def _text_chunk(key: str, text: str) -> bytes:
    """An iTXt chunk, not compressed and of no language: PNG specification, 11.3.4.5."""
    body = b"iTXt" + key.encode("ascii") + b"\0\0\0\0\0" + text.encode()
    return (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def fixed_point(xy: np.ndarray, scale: int) -> tuple[int, int]:
    """A point of the image in OpenCV's fixed-point pixels of the enlarged picture."""
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
    """A + or an x with a rim, so that it shows on every ground; its lines are as thick as ``size`` asks for."""
    x, y = fixed_point(xy, scale)
    reach = round(size * 2**SHIFT * (0.9 if diagonal else 1))
    tips = ((reach, reach), (reach, -reach)) if diagonal else ((reach, 0), (0, reach))
    line = max(1, round(size / (3 if diagonal else 6)))
    for shade, thickness in ((rim, line + 2), (color, line)):
        for dx, dy in tips:
            cv2.line(picture, (x - dx, y - dy), (x + dx, y + dy), shade, thickness, cv2.LINE_AA, SHIFT)
