"""Pictures of network outputs: score maps, offsets and part-affinity fields over the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dlcx.predictors.maps import HeadMaps

_TILE = 320  # pixels of a tile's longer side
_CAPTION = 24
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SHIFT = 4
_GROUND = 30
_WORDS = (235, 235, 235)
_CELLS = 7  # cells shown on each side of a maximum in pictures of offsets
_LEAST = 0.1  # minimum score of a painted offset, as a fraction of the maximum
_ARROWS, _STRONG = 24, 0.4  # arrows across a field; minimum magnitude as a fraction of the maximum

#: Maximum number of centers from which offsets are painted.
_MAX_CENTERS = 12


@dataclass(frozen=True)
class _Tile:
    """Picture of one map with its caption."""

    image: np.ndarray
    caption: str


def paint_scores(image: np.ndarray, maps: HeadMaps, names: Sequence[str], chosen: Sequence[int]) -> np.ndarray:
    """Paint the score maps of some keypoints over an image, with a cross at each maximum.

    Parameters
    ----------
    image
        Network input (h, w, 3), uint8 RGB.
    maps
        Outputs of one head.
    names
        Names of the keypoints.
    chosen
        Indices of the keypoints to paint.

    Returns
    -------
    numpy.ndarray
        Picture with one tile per keypoint, uint8 RGB.
    """
    tiles = []
    for part in chosen:
        scores = maps.scores[part]
        tile, scale = _enlarged(image)
        tile = _shaded(tile, _spread(scores, maps.stride, scale, tile))
        _cross(tile, _peak(maps, part) * scale)
        tiles.append(_Tile(tile, f"{names[part]}  {scores.max():.2f}"))
    return _sheet(tiles, "score maps: dark = 0, yellow = 1; + marks the maximum")


def paint_offsets(image: np.ndarray, maps: HeadMaps, names: Sequence[str], chosen: Sequence[int]) -> np.ndarray:
    """Paint the offsets around each keypoint's maximum: arrows from cells with a score to the predicted position.

    Parameters and return value as in :func:`paint_scores`.
    """
    assert maps.keypoint_offsets is not None
    tiles = []
    for part in chosen:
        scores = maps.scores[part]
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        rows = slice(max(0, row - _CELLS), row + _CELLS + 1)
        columns = slice(max(0, column - _CELLS), column + _CELLS + 1)
        sx, sy = maps.stride
        left, right = round(columns.start * sx), round(columns.stop * sx)
        tile, scale = _enlarged(image[round(rows.start * sy) : round(rows.stop * sy), left:right])
        tile = _shaded(tile, _spread(scores[rows, columns], maps.stride, scale, tile, cv2.INTER_NEAREST))
        good = np.argwhere(scores[rows, columns] >= max(_LEAST * scores.max(), 1e-6))
        for y, x in good:
            middle = np.array([(x + 0.5) * sx, (y + 0.5) * sy])
            tip = middle + maps.keypoint_offsets[part, rows, columns][y, x]
            _arrow(tile, middle * scale, tip * scale)
        tiles.append(_Tile(tile, f"{names[part]}  {scores.max():.2f}"))
    return _sheet(tiles, f"offsets: {maps.stride[0]:g} px per cell; arrows point to the keypoint")


def paint_center_offsets(image: np.ndarray, maps: HeadMaps, names: Sequence[str], chosen: Sequence[int]) -> np.ndarray:
    """Paint the score map of animal centers, with arrows from the best centers to the keypoints.

    Parameters and return value as in :func:`paint_scores`.
    """
    assert maps.center_offsets is not None
    center = maps.scores[-1]
    high = cv2.dilate(center, np.ones((3, 3), np.uint8)) == center
    good = np.argwhere(high & (center >= max(_STRONG * center.max(), 1e-6)))
    best = good[np.argsort(-center[tuple(good.T)])][:_MAX_CENTERS]
    tiles = []
    for part in chosen:
        tile, scale = _enlarged(image)
        tile = _shaded(tile, _spread(center, maps.stride, scale, tile))
        for y, x in best:
            middle = np.array([(x + 0.5) * maps.stride[0], (y + 0.5) * maps.stride[1]])
            _arrow(tile, middle * scale, (middle + maps.center_offsets[part, y, x]) * scale)
        tiles.append(_Tile(tile, f"{names[part]}  {center.max():.2f}"))
    return _sheet(tiles, "offsets: center scores, dark = 0, yellow = 1; arrows point to the keypoint")


def paint_fields(image: np.ndarray, maps: HeadMaps, names: Sequence[str], chosen: Sequence[int]) -> np.ndarray:
    """Paint the part-affinity fields of some edges: their magnitude over the image, and arrows in their direction.

    Parameters and return value as in :func:`paint_scores`; ``chosen`` are indices of edges.
    """
    assert maps.fields is not None
    tiles = []
    for edge in chosen:
        field = maps.fields[edge]
        strength = np.linalg.norm(field, axis=-1)
        tile, scale = _enlarged(image)
        tile = _shaded(tile, _spread(strength, maps.stride, scale, tile))
        step = max(1, round(max(strength.shape) / _ARROWS))
        strong = max(_STRONG * strength.max(), _LEAST)
        for y, x in np.argwhere(strength[::step, ::step] > strong) * step:
            middle = np.array([(x + 0.5) * maps.stride[0], (y + 0.5) * maps.stride[1]]) * scale
            _arrow(tile, middle, middle + field[y, x] / strength[y, x] * _TILE / _ARROWS)
        one, other = maps.edges[edge]
        tiles.append(_Tile(tile, f"{names[one]} > {names[other]}  {strength.max():.2f}"))
    return _sheet(tiles, "part-affinity fields: magnitude, dark = 0, yellow = 1; arrows point to the second bodypart")


def _peak(maps: HeadMaps, part: int) -> np.ndarray:
    """x and y of the center of the best cell, in pixels of the network input."""
    scores = maps.scores[part]
    row, column = np.unravel_index(scores.argmax(), scores.shape)
    return (np.array([column, row]) + 0.5) * maps.stride


def _spread(
    values: np.ndarray, stride: tuple[float, float], scale: float, tile: np.ndarray, how: int = cv2.INTER_LINEAR
) -> np.ndarray:
    """Scale cells (h, w) to the pixels of a tile; crop or zero-pad to its size."""
    size = [max(1, round(cells * pixels * scale)) for cells, pixels in zip(values.shape[::-1], stride, strict=True)]
    spread = cv2.resize(values.astype(np.float32), size, interpolation=how)[: tile.shape[0], : tile.shape[1]]
    return np.pad(spread, [(0, want - got) for want, got in zip(tile.shape[:2], spread.shape, strict=True)])


def _enlarged(image: np.ndarray) -> tuple[np.ndarray, float]:
    """Scale an image to the size of a tile; returns the image and the scale."""
    scale = _TILE / max(image.shape[:2])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    how = cv2.INTER_NEAREST if scale > 4 else cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=how), scale


def _shaded(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Blend a grayscale image with a heatmap (h, w) from 0 to 1."""
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    level = np.round(255 * heat.clip(0, 1)).astype(np.uint8)
    shade = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    weight = np.sqrt(heat.clip(0, 1))[..., None] * 0.85
    result: np.ndarray = np.round((1 - weight) * 0.6 * gray + weight * shade).astype(np.uint8)
    return result


def _cross(image: np.ndarray, xy: np.ndarray) -> None:
    x, y = np.rint(xy).astype(int).tolist()
    for color, thickness in (((0, 0, 0), 3), ((80, 220, 255), 1)):
        cv2.line(image, (x - 7, y), (x + 7, y), color, thickness, cv2.LINE_AA)
        cv2.line(image, (x, y - 7), (x, y + 7), color, thickness, cv2.LINE_AA)


def _arrow(image: np.ndarray, start: np.ndarray, tip: np.ndarray) -> None:
    one, other = (np.rint(point * 2**_SHIFT).astype(int).tolist() for point in (start, tip))
    cv2.arrowedLine(image, one, other, (80, 220, 255), 1, cv2.LINE_AA, _SHIFT, 0.25)


def _sheet(tiles: Sequence[_Tile], title: str) -> np.ndarray:
    """Arrange tiles in rows below a title."""
    height, width = (max(tile.image.shape[axis] for tile in tiles) for axis in (0, 1))
    columns = min(len(tiles), max(1, round(np.sqrt(len(tiles) * 1.6 * height / width))))
    rows = -(-len(tiles) // columns)
    wide = max(columns * (width + 6) + 6, cv2.getTextSize(title, _FONT, 0.45, 1)[0][0] + 12)
    sheet = np.full((_CAPTION + rows * (height + _CAPTION + 6), wide, 3), _GROUND, np.uint8)
    cv2.putText(sheet, title, (6, 16), _FONT, 0.45, _WORDS, 1, cv2.LINE_AA)
    for number, tile in enumerate(tiles):
        y = _CAPTION + number // columns * (height + _CAPTION + 6)
        x = 6 + number % columns * (width + 6)
        cv2.putText(sheet, tile.caption, (x, y + 16), _FONT, 0.45, _WORDS, 1, cv2.LINE_AA)
        sheet[y + _CAPTION : y + _CAPTION + tile.image.shape[0], x : x + tile.image.shape[1]] = tile.image
    return sheet
