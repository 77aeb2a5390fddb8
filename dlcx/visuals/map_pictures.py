"""Pictures of what a net answers: score maps over the image, offsets around their peaks, fields between keypoints."""

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
_CELLS = 7  # cells on either side of a peak that a picture of offsets shows
_LEAST = 0.1  # of the best score, from which an offset is drawn
_ARROWS, _STRONG = 24, 0.4  # arrows across a picture of a field; how strong it is there, compared with the strongest

#: Centres from which offsets are drawn, the best ones.
_CENTRES = 12


@dataclass(frozen=True)
class _Tile:
    """A picture of one map and its caption."""

    image: np.ndarray
    caption: str


def draw_scores(image: np.ndarray, maps: HeadMaps, names: Sequence[str], chosen: Sequence[int]) -> np.ndarray:
    """The score maps of some keypoints over the image (h, w, 3), with a cross at each best cell."""
    tiles = []
    for part in chosen:
        scores = maps.scores[part]
        tile, scale = _enlarged(image)
        tile = _shaded(tile, _spread(scores, maps.stride, scale, tile))
        _cross(tile, _peak(maps, part) * scale)
        tiles.append(_Tile(tile, f"{names[part]}  {scores.max():.2f}"))
    return _sheet(tiles, "score maps: dark 0, yellow 1; + best cell and its score")


def draw_offsets(image: np.ndarray, maps: HeadMaps, names: Sequence[str], chosen: Sequence[int]) -> np.ndarray:
    """Around the best cell of each keypoint: the cells, and from those with a score arrows to where it should be."""
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
    return _sheet(tiles, f"offsets: a cell is {maps.stride[0]:g} px; arrows from cells to the keypoint")


def draw_center_offsets(image: np.ndarray, maps: HeadMaps, names: Sequence[str], chosen: Sequence[int]) -> np.ndarray:
    """Where animals have their centres, and from the best cells there arrows to some keypoints of theirs."""
    assert maps.center_offsets is not None
    centre = maps.scores[-1]
    high = cv2.dilate(centre, np.ones((3, 3), np.uint8)) == centre
    good = np.argwhere(high & (centre >= max(_STRONG * centre.max(), 1e-6)))
    best = good[np.argsort(-centre[tuple(good.T)])][:_CENTRES]
    tiles = []
    for part in chosen:
        tile, scale = _enlarged(image)
        tile = _shaded(tile, _spread(centre, maps.stride, scale, tile))
        for y, x in best:
            middle = np.array([(x + 0.5) * maps.stride[0], (y + 0.5) * maps.stride[1]])
            _arrow(tile, middle * scale, (middle + maps.center_offsets[part, y, x]) * scale)
        tiles.append(_Tile(tile, f"{names[part]}  {centre.max():.2f}"))
    return _sheet(tiles, "offsets: centres from dark 0 to yellow 1; arrows from the best to the keypoint")


def draw_fields(image: np.ndarray, maps: HeadMaps, names: Sequence[str], chosen: Sequence[int]) -> np.ndarray:
    """The fields of some edges: their strength over the image, and arrows along them."""
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
    return _sheet(
        tiles, "affinity fields: strength from dark 0 to yellow 1; arrows from the first bodypart to the second"
    )


def _peak(maps: HeadMaps, part: int) -> np.ndarray:
    """x and y of the middle of the best cell, in pixels of the network input."""
    scores = maps.scores[part]
    row, column = np.unravel_index(scores.argmax(), scores.shape)
    return (np.array([column, row]) + 0.5) * maps.stride


def _spread(
    values: np.ndarray, stride: tuple[float, float], scale: float, tile: np.ndarray, how: int = cv2.INTER_LINEAR
) -> np.ndarray:
    """Cells (h, w) as large as they are in a tile, cut or filled with 0 to its size."""
    size = [max(1, round(cells * pixels * scale)) for cells, pixels in zip(values.shape[::-1], stride, strict=True)]
    spread = cv2.resize(values.astype(np.float32), size, interpolation=how)[: tile.shape[0], : tile.shape[1]]
    return np.pad(spread, [(0, want - got) for want, got in zip(tile.shape[:2], spread.shape, strict=True)])


def _enlarged(image: np.ndarray) -> tuple[np.ndarray, float]:
    """The image as large as a tile, and by how much it grew."""
    scale = _TILE / max(image.shape[:2])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    how = cv2.INTER_NEAREST if scale > 4 else cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=how), scale


def _shaded(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A grey image with the heat (h, w), 0 to 1, over it; where there is none, the image stays to be seen."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    level = np.round(255 * heat.clip(0, 1)).astype(np.uint8)
    shade = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    weight = np.sqrt(heat.clip(0, 1))[..., None] * 0.85
    result: np.ndarray = np.round((1 - weight) * 0.6 * grey + weight * shade).astype(np.uint8)
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
    """Tiles in rows below a title, about as wide as high."""
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
