from __future__ import annotations

import numpy as np
import pytest
from golden_series import filters, gappy, poses
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcx.series import fill_gaps


@settings(max_examples=60, deadline=None)
@given(gappy(axes=2), st.integers(0, 12))
def test_spline_moves_no_known_and_fills_short_gaps_only(xy, max_gap):
    found = fill_gaps(xy, max_gap)
    known = np.isfinite(xy)
    np.testing.assert_array_equal(found[known], xy[known])
    for column in range(known[0].size if len(known) else 0):
        there = known.reshape(len(known), -1)[:, column]
        filled = np.isfinite(found.reshape(len(known), -1)[:, column])
        gaps = "".join("k" if frame else "." for frame in there)
        expected = [
            bool(there[at])
            or (
                there.sum() >= 4
                and (max_gap == 0 or len(gaps[:at]) - len(gaps[:at].rstrip(".")) + _run(gaps, at) <= max_gap)
            )
            for at in range(len(gaps))
        ]
        assert filled.tolist() == expected


def _run(gaps: str, at: int) -> int:
    """How many unknown frames follow from frame ``at`` on."""
    return len(gaps[at:]) - len(gaps[at:].lstrip("."))


@pytest.mark.parametrize("max_gap", [0, 2, 5, 12])
def test_spline(max_gap):
    xy, _ = poses("with_gaps")
    expected = filters()[f"spline{max_gap}.xy"].reshape(xy.shape)
    np.testing.assert_allclose(fill_gaps(xy, max_gap), expected, rtol=1e-12)


def test_spline_goes_on_beyond_the_ends_and_needs_four_frames():
    cubic = np.arange(12.0) ** 3
    ends = cubic.copy()
    ends[[0, 1, 10, 11]] = np.nan
    few = np.full(12, np.nan)
    few[4:7] = 1
    filled = fill_gaps(np.stack([ends, few], 1), 2)
    np.testing.assert_allclose(filled[:, 0], cubic, atol=1e-9)
    np.testing.assert_array_equal(filled[:, 1], few)
    np.testing.assert_array_equal(fill_gaps(ends, 1), ends)
