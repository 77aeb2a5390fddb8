"""Model coordinates as ARIMA processes, with the state-space model of statsmodels' SARIMAX that permits missing values.

Durbin & Koopman, Time Series Analysis by State Space Methods, 2012.  The settings are those of DeepLabCut 3.0.2: no
differencing, no seasonality, one-step predictions from the previous frames.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from dlcx.errors import DlcxError

#: Columns with at most this number of known frames are not fitted.
MAX_UNFITTED = 10
#: Maximum number of iterations of the fit, the default of statsmodels; the result is used even without convergence.
MAX_ITERATIONS = 50


@dataclass(frozen=True)
class ArimaFit:
    """Predictions of fitted ARIMA models; nan up to the first known value, and in columns that cannot be fitted.

    Parameters
    ----------
    mean
        Predicted values (T, ...).
    low, high
        Bounds (T, ...) of the interval that contains a value with probability 1 - alpha.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def check_arima() -> None:
    """Check that ARIMA models can be fitted.

    Raises
    ------
    DlcxError
        If statsmodels is not installed.
    """
    try:
        import statsmodels.tsa.statespace.sarimax  # noqa: F401
    except ImportError as error:
        raise DlcxError(
            "fitting ARIMA models requires statsmodels, which is not installed",
            hint="Install it with `pip install 'dlcx[arima]'`.",
        ) from error


def fit_arima(
    values: np.ndarray,
    known: np.ndarray,
    *,
    ar: int = 3,
    ma: int = 1,
    alpha: float = 0.01,
    fitted: Callable[[], object] = lambda: None,
) -> ArimaFit:
    """Fit a separate ARIMA model to each column and predict every value from the previous ones.

    Parameters
    ----------
    values
        Time series (T, ...) along the first axis.
    known
        Values to use, (T, ...) bool; the others, and nan, count as missing.
    ar, ma
        Orders of the autoregressive and the moving-average part.
    alpha
        Probability that a value lies outside the interval.
    fitted
        Called after each column.

    Returns
    -------
    ArimaFit
        Predicted values and intervals.

    Raises
    ------
    DlcxError
        If statsmodels is not installed.
    """
    check_arima()
    from threadpoolctl import threadpool_limits

    columns = values.reshape(len(values), math.prod(values.shape[1:])).astype(np.float64)
    columns[~(known.reshape(columns.shape) & np.isfinite(columns))] = np.nan
    found = np.full((3, *columns.shape), np.nan)
    # statsmodels solves thousands of small systems of equations; several threads would only wait for each other, for
    # seconds per column on busy cores
    with threadpool_limits(1, user_api="blas"):
        for column in range(columns.shape[1]):
            series = columns[:, column]
            observed = np.flatnonzero(np.isfinite(series))
            if len(observed) > MAX_UNFITTED:
                found[:, :, column] = _predict(series, ar, ma, alpha)
                found[:, : observed[0] + 1, column] = np.nan  # the model starts at 0, the corner of the image
            fitted()
    mean, low, high = found.reshape(3, *values.shape)
    return ArimaFit(mean, low, high)


def _predict(series: np.ndarray, ar: int, ma: int, alpha: float) -> np.ndarray:
    """Mean, low and high (3, T) of a model fitted to a series (T,); nan if the fit fails."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    # the warnings concern starting values and convergence; the fits are used nevertheless
    with warnings.catch_warnings(), suppress(np.linalg.LinAlgError):
        warnings.simplefilter("ignore")
        result = SARIMAX(series, order=(ar, 0, ma), simple_differencing=True).fit(disp=False, maxiter=MAX_ITERATIONS)
        prediction = result.get_prediction(0, len(series) - 1)
        return np.stack([prediction.predicted_mean, *prediction.conf_int(alpha=alpha).T])
    return np.full((3, len(series)), np.nan)
