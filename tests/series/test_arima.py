from __future__ import annotations

import sys

import numpy as np
import pytest
from golden_series import NAMES, filters, poses
from threadpoolctl import threadpool_info, threadpool_limits

from dlcx.errors import DlcxError
from dlcx.series import fit_arima


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("ar", "ma", "least"), [(3, 1, 0.001), (2, 0, 0.1)])
def test_arima(name, ar, ma, least):
    xy, score = poses(name)
    known = np.broadcast_to((score >= least)[..., None], xy.shape)
    fit = fit_arima(xy, known, ar=ar, ma=ma)
    key = f"arima_{ar}_{ma}_{least}.{name}"
    np.testing.assert_allclose(fit.mean[1:], poses(key)[0][1:], rtol=1e-3)
    for point in range(xy.shape[1]):
        for axis in range(2):
            interval = filters()[f"{key}.ci_{point}_{axis}"]
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


def test_arima_without_statsmodels_explains_how_to_install_it(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("statsmodels")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    with pytest.raises(DlcxError, match="statsmodels") as caught:
        fit_arima(np.zeros((20, 1)), np.ones((20, 1), bool))
    assert "dlcx[arima]" in caught.value.hint
