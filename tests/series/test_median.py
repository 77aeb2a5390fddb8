from __future__ import annotations

import numpy as np
import pytest
from golden_series import NAMES, gappy, poses
from hypothesis import given, settings
from hypothesis import strategies as st

from dlcx.errors import DlcxError
from dlcx.series import median_filter


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("window", [3, 5, 9])
def test_median(name, window):
    """Of points without gaps, which spoil DeepLabCut's, away from the ends, beyond which DeepLabCut sees zeros."""
    expected, _ = poses(f"median{window}.{name}")
    xy, _ = poses(name)
    gaps = np.isnan(xy).any(-1)
    found = median_filter(xy, window)
    inner, there = slice(window // 2, -(window // 2)), ~gaps.any(0)
    assert there.sum() >= 2
    np.testing.assert_array_equal(found[inner, there], expected[inner, there])
    np.testing.assert_array_equal(np.isnan(found).any(-1), gaps)


def test_median_of_a_video_shorter_than_the_window():
    np.testing.assert_array_equal(median_filter(np.array([[3.0], [4.0]]), 5), [[3.0], [4.0]])


@pytest.mark.parametrize("way", [1, -1])
def test_median_invents_nothing_at_the_ends(way):
    gap = np.nan
    series = np.array([[190, gap, 192, 193, 194, 195, 196.0], [gap, gap, 5, 6, 7, 8, 9], [7, gap, gap, gap, 8, 9, 9]]).T
    expected = np.array(
        [[190, gap, 192.5, 193.5, 194, 195, 196], [gap, gap, 6, 6.5, 7, 8, 9], [7, gap, gap, gap, 9, 9, 9.0]]
    )
    np.testing.assert_array_equal(median_filter(series[::way], 5)[::way].T, expected)


@settings(max_examples=60, deadline=None)
@given(gappy(axes=2), st.integers(0, 20))
def test_median_is_numpys_of_the_known(xy, half):
    before = xy.copy()
    found = median_filter(xy, 2 * half + 1)
    np.testing.assert_array_equal(xy, before)
    for frame, point, axis in np.ndindex(xy.shape):
        if np.isnan(xy[frame, point, axis]):
            assert np.isnan(found[frame, point, axis])
            continue
        window = np.clip(np.arange(frame - half, frame + half + 1), 0, len(xy) - 1)
        assert found[frame, point, axis] == pytest.approx(np.nanmedian(xy[window, point, axis]), rel=1e-12)


def test_median_in_blocks_is_the_same(monkeypatch):
    xy = np.random.default_rng(0).uniform(0, 9, (50, 2))
    at_once = median_filter(xy, 7)
    monkeypatch.setattr("dlcx.series.median.BLOCK", 30)
    np.testing.assert_array_equal(median_filter(xy, 7), at_once)


@pytest.mark.parametrize("window", [0, 4, -3])
def test_median_needs_an_odd_window(window):
    with pytest.raises(DlcxError, match=f"odd number of frames, got {window}"):
        median_filter(np.zeros((9, 2)), window)
