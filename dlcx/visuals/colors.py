"""Colors of bodyparts and individuals, the same in pictures, videos and charts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlcx.errors import DlcxError, did_you_mean
from dlcx.poses import Layout

#: Two colors (2, 3), uint8 RGB, that color-blind readers can distinguish.
PAIR = np.array([[255, 150, 0], [60, 150, 255]], np.uint8)


def part_colors(count: int, colormap: str = "rainbow") -> np.ndarray:
    """Sample ``count`` colors from a matplotlib colormap.

    Returns
    -------
    numpy.ndarray
        (count, 3), uint8 RGB.

    Raises
    ------
    DlcxError
        If matplotlib has no such colormap.
    """
    from matplotlib import colormaps

    if colormap not in colormaps:
        raise DlcxError(f"colormap: matplotlib has no '{colormap}'", hint=did_you_mean(colormap, list(colormaps)))
    shades = colormaps[colormap](np.linspace(0, 1, max(count, 1)))[:count, :3]
    return np.round(255 * shades).astype(np.uint8)


def named_color(name: str) -> tuple[int, int, int]:
    """Convert a matplotlib color (``white``, ``#ff8000``, ``0.5``) to red, green and blue from 0 to 255.

    Raises
    ------
    DlcxError
        If matplotlib has no such color.
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
    """Black or white, whichever contrasts more with a color."""
    return (255,) * 3 if float(np.dot(color, (0.299, 0.587, 0.114))) < 128 else (0,) * 3


def point_colors(layout: Layout, colormap: str = "rainbow", *, by: str = "bodypart") -> np.ndarray:
    """Colors of the keypoints of all individuals, followed by the unique bodyparts.

    Parameters
    ----------
    layout
        A individuals with K bodyparts, and U unique bodyparts.
    colormap
        A matplotlib colormap.
    by
        ``bodypart``: one color per bodypart. ``individual``: one per individual, and one for all unique bodyparts.

    Returns
    -------
    numpy.ndarray
        (A * K + U, 3), uint8 RGB.
    """
    parts, animals, unique = len(layout.bodyparts), len(layout.individuals), len(layout.unique)
    if by == "individual":
        shades = part_colors(animals + bool(unique), colormap)
        return np.repeat(shades, [parts] * animals + [unique] * bool(unique), axis=0)
    own, others = np.split(part_colors(parts + unique, colormap), [parts])
    return np.concatenate([np.tile(own, (animals, 1)), others])
