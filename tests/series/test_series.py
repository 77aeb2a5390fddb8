"""The filters against what DeepLabCut 3.0.2 makes of the same poses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.series import fill_gaps, fit_arima, median_filter, squared_steps

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
    """Away from the ends, beyond which DeepLabCut sees zeros."""
    expected, _ = poses(filters, f"median{window}.{name}")
    inner = slice(window // 2, -(window // 2))
    np.testing.assert_array_equal(median_filter(poses(filters, name)[0], window)[inner], expected[inner])


def test_median_of_a_video_shorter_than_the_window():
    np.testing.assert_array_equal(median_filter(np.array([[3.0], [4.0]]), 5), [[3.0], [4.0]])


@pytest.mark.parametrize("way", [1, -1])
def test_median_invents_nothing_at_the_ends(way):
    gap = np.nan
    series = np.array([[190, gap, 192, 193, 194, 195, 196.0], [gap, gap, 5, 6, 7, 8, 9], [7, gap, gap, gap, 8, 9, 9]]).T
    expected = np.array([[190, gap, 193, 193, 194, 195, 196.0], [gap, gap, 6, 6, 7, 8, 9], [7, gap, gap, gap, 8, 9, 9]])
    found = median_filter(series[::way], 5)[::way].T
    np.testing.assert_array_equal(found[:, :2], expected[:, :2])
    np.testing.assert_array_equal(found[:, -2:], expected[:, -2:])


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
    np.testing.assert_allclose(fit.mean, poses(filters, key)[0], rtol=1e-3)
    for point in range(xy.shape[1]):
        for axis in range(2):
            interval = filters[f"{key}.ci_{point}_{axis}"]
            np.testing.assert_allclose(fit.low[:, point, axis], interval[:, 0], rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(fit.high[:, point, axis], interval[:, 1], rtol=1e-3, atol=1e-3)


def test_arima_leaves_out_columns_of_few_frames():
    values = np.sin(np.arange(40.0))[:, None].repeat(2, 1)
    values[10:, 0] = np.nan
    values[11:, 1] = np.nan
    counted = []
    fit = fit_arima(values, np.ones_like(values, bool), fitted=lambda: counted.append(1))
    assert np.isnan(fit.mean[:, 0]).all()
    assert np.isfinite(fit.mean[:, 1]).all()
    assert (fit.low[:, 1] < fit.high[:, 1]).all()
    assert len(counted) == 2


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
    steps = squared_steps(poses(filters, name)[0])
    assert np.flatnonzero((steps > epsilon**2).any(1)).tolist() == expected
