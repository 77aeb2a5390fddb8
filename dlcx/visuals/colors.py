"""Colours of bodyparts and individuals, the same in pictures, videos and curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlcx.errors import DlcxError, did_you_mean
from dlcx.poses import Layout

#: Two colors (2, 3) uint8 RGB that differ for everybody, for two individuals that are compared.
PAIR = np.array([[255, 150, 0], [60, 150, 255]], np.uint8)


def part_colors(count: int, colormap: str = "rainbow") -> np.ndarray:
    """``count`` colours (count, 3), uint8 RGB, spread over one of matplotlib's colormaps.

    Raises
    ------
    DlcxError
        When matplotlib knows no such colormap.
    """
    from matplotlib import colormaps

    if colormap not in colormaps:
        raise DlcxError(f"colormap: matplotlib has no '{colormap}'", hint=did_you_mean(colormap, list(colormaps)))
    shades = colormaps[colormap](np.linspace(0, 1, max(count, 1)))[:count, :3]
    return np.round(255 * shades).astype(np.uint8)


def named_color(name: str) -> tuple[int, int, int]:
    """A color of matplotlib's (``white``, ``#ff8000``, ``0.5`` ...) as red, green and blue from 0 to 255.

    Raises
    ------
    DlcxError
        When matplotlib knows no such color.
    """
    from matplotlib import colors

    if not colors.is_color_like(name):
        raise DlcxError(
            f"skeleton_color: matplotlib has no '{name}'",
            hint=did_you_mean(name, list(colors.get_named_colors_mapping())),
        )
    red, green, blue = (round(255 * share) for share in colors.to_rgb(name))
    return red, green, blue


def contrasting(color: Sequence[int]) -> tuple[int, int, int]:
    """Black or white, whichever shows beside a color."""
    return (255,) * 3 if float(np.dot(color, (0.299, 0.587, 0.114))) < 128 else (0,) * 3


def point_colors(layout: Layout, colormap: str = "rainbow", *, by: str = "bodypart") -> np.ndarray:
    """Colours (A * K + U, 3), uint8 RGB, of the points of all individuals, then of the unique bodyparts.

    By ``bodypart`` those of a bodypart share one, by ``individual`` those of an individual (unique ones together).
    """
    parts, animals, unique = len(layout.bodyparts), len(layout.individuals), len(layout.unique)
    if by == "individual":
        shades = part_colors(animals + bool(unique), colormap)
        return np.repeat(shades, [parts] * animals + [unique] * bool(unique), axis=0)
    own, others = np.split(part_colors(parts + unique, colormap), [parts])
    return np.concatenate([np.tile(own, (animals, 1)), others])
