"""Time series of DeepLabCut 3.0.2 and random ones with gaps."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

POST = Path(__file__).parent / "golden" / "post"
NAMES = ("with_gaps", "clean")


@cache
def filters() -> dict[str, np.ndarray]:
    with np.load(POST / "filters.npz") as stored:
        return dict(stored)


def poses(name: str) -> tuple[np.ndarray, np.ndarray]:
    """xy (T, N, 2) and score (T, N)."""
    values = filters()[name].reshape(len(filters()[name]), -1, 3)
    return values[..., :2], values[..., 2]


@st.composite
def gappy(draw, axes=1):
    """Positions (T, N, axes) with gaps, T from 0."""
    frames, points = draw(st.integers(0, 30)), draw(st.integers(1, 3))
    seed, share = draw(st.integers(0, 2**16)), draw(st.sampled_from([0.0, 0.2, 0.6, 0.95, 1.0]))
    random = np.random.default_rng(seed)
    xy = random.uniform(-50, 700, (frames, points, axes))
    xy[random.random((frames, points)) < share] = np.nan
    return xy
