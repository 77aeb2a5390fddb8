"""The filters against what DeepLabCut 3.0.2 makes of the same poses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from dlcx.errors import DlcxError
from dlcx.series import fill_gaps, fit_arima, median_filter, squared_displacements

NAMES = ("with_gaps", "clean")


@pytest.fixture(scope="module")
def filters(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "post" / "filters.npz") as stored:
        return dict(stored)


def poses(filters: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """xy (T, N, 2) and score (T, N)."""
    values = filters[name].reshape(len(filters[name]), -1, 3)
    return values[..., :2], values[..., 2]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("window", [3, 5, 9])
def test_median(filters, name, window):
    """Of points without gaps, which spoil DeepLabCut's, away from the ends, beyond which DeepLabCut sees zeros."""
    expected, _ = poses(filters, f"median{window}.{name}")
    xy, _ = poses(filters, name)
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


@st.composite
def gappy(draw, axes=1):
    """Positions (T, N, axes) with gaps, T from 0."""
    frames, points = draw(st.integers(0, 30)), draw(st.integers(1, 3))
    seed, share = draw(st.integers(0, 2**16)), draw(st.sampled_from([0.0, 0.2, 0.6, 0.95, 1.0]))
    random = np.random.default_rng(seed)
    xy = random.uniform(-50, 700, (frames, points, axes))
    xy[random.random((frames, points)) < share] = np.nan
    return xy


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


@settings(max_examples=60, deadline=None)
@given(gappy(axes=2), st.integers(0, 12))
def test_spline_moves_no_known_and_fills_short_gaps_only(xy, longest):
    found = fill_gaps(xy, longest)
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
                and (longest == 0 or len(gaps[:at]) - len(gaps[:at].rstrip(".")) + _run(gaps, at) <= longest)
            )
            for at in range(len(gaps))
        ]
        assert filled.tolist() == expected


def _run(gaps: str, at: int) -> int:
    """How many unknown frames follow from frame ``at`` on."""
    return len(gaps[at:]) - len(gaps[at:].lstrip("."))


@pytest.mark.parametrize("window", [0, 4, -3])
def test_median_needs_an_odd_window(window):
    with pytest.raises(DlcxError, match=f"odd number of frames, got {window}"):
        median_filter(np.zeros((9, 2)), window)


@pytest.mark.parametrize("longest", [0, 2, 5, 12])
def test_spline(filters, longest):
    xy, _ = poses(filters, "with_gaps")
    expected = filters[f"spline{longest}.xy"].reshape(xy.shape)
    np.testing.assert_allclose(fill_gaps(xy, longest), expected, rtol=1e-12)


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


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("ar", "ma", "least"), [(3, 1, 0.001), (2, 0, 0.1)])
def test_arima(filters, name, ar, ma, least):
    xy, score = poses(filters, name)
    known = np.broadcast_to((score >= least)[..., None], xy.shape)
    fit = fit_arima(xy, known, ar=ar, ma=ma)
    key = f"arima_{ar}_{ma}_{least}.{name}"
    np.testing.assert_allclose(fit.mean[1:], poses(filters, key)[0][1:], rtol=1e-3)
    for point in range(xy.shape[1]):
        for axis in range(2):
            interval = filters[f"{key}.ci_{point}_{axis}"]
            np.testing.assert_allclose(fit.low[1:, point, axis], interval[1:, 0], rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(fit.high[1:, point, axis], interval[1:, 1], rtol=1e-3, atol=1e-3)


def test_arima_leaves_out_columns_of_few_frames():
    values = np.sin(np.arange(40.0))[:, None].repeat(2, 1)
    values[10:, 0] = np.nan
    values[11:, 1] = np.nan
    counted = []
    fit = fit_arima(values, np.ones_like(values, bool), fitted=lambda: counted.append(1))
    assert np.isnan(fit.mean[:, 0]).all()
    assert np.isfinite(fit.mean[1:, 1]).all()
    assert (fit.low[1:, 1] < fit.high[1:, 1]).all()
    assert len(counted) == 2


def test_arima_expects_nothing_before_the_first_known_frame():
    """The process begins at 0, so that it would put the first positions into the corner of the image."""
    values = 300 + 20 * np.sin(np.arange(60.0) / 5)[:, None]
    values[:7] = values[55:] = np.nan
    fit = fit_arima(values, np.isfinite(values))
    for part in (fit.mean, fit.low, fit.high):
        assert np.flatnonzero(np.isnan(part[:, 0])).tolist() == list(range(8))
    np.testing.assert_allclose(fit.mean[9:55], values[9:55], atol=5)


def test_arima_leaves_out_columns_that_cannot_be_fitted():
    values = np.random.default_rng(0).normal(0, 1, (50, 2)) * [1, 1e200]
    fit = fit_arima(values, np.ones_like(values, bool))
    assert np.isfinite(fit.mean[1:, 0]).all()
    assert np.isnan(fit.mean[:, 1]).all()


def test_arima_of_a_short_video_expects_animals_that_rest_walk_or_jump():
    time = np.arange(12.0)
    values = np.stack([np.full(12, 50.0), 5 + 3 * time, np.zeros(12), np.where(time < 6, 50.0, 51.0)], 1)
    known = np.ones_like(values, bool)
    known[5, 0] = False
    fit = fit_arima(values, known)
    before = np.roll(values, 1, axis=0)  # a jump is expected from where the animal was
    expected = np.concatenate([values[:, :3], before[:, 3:]], 1)
    np.testing.assert_allclose(fit.mean[2:], expected[2:], atol=0.02)
    inside = (fit.low <= expected) & (expected <= fit.high)
    assert inside[2:].all()


def test_arima_is_fitted_on_one_core_and_leaves_the_threads_as_they_were():
    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    values = np.random.default_rng(0).normal(0, 1, (15, 2))
    during = []
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        fit_arima(values, np.ones_like(values, bool), fitted=lambda: during.extend(threads()))
        after = threads()
    assert set(during) == {1}
    assert after[: len(before)] == before


def test_arima_without_statsmodels_says_how_to_get_it(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("statsmodels")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    with pytest.raises(DlcxError, match="statsmodels") as caught:
        fit_arima(np.zeros((20, 1)), np.ones((20, 1), bool))
    assert "dlcx[arima]" in caught.value.hint


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("epsilon", [5, 20])
def test_jumps(filters, golden, name, epsilon):
    expected = json.loads((golden / "post" / "outliers.json").read_text())[f"jump_{epsilon}.{name}"]
    steps = squared_displacements(poses(filters, name)[0])
    assert np.flatnonzero((steps > epsilon**2).any(1)).tolist() == expected
