"""Colours of bodyparts, the same in pictures, videos and curves."""

from __future__ import annotations

import numpy as np

from dlcx.errors import DlcxError, did_you_mean


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
