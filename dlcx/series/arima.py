"""Each coordinate as an ARIMA process: the state-space model with missing values of statsmodels' SARIMAX.

Durbin & Koopman, Time Series Analysis by State Space Methods, 2012.  Settings as DeepLabCut 3.0.2 uses them: no
differencing, no season, one-step predictions from the frames before.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from dlcx.errors import DlcxError

#: A column with no more known frames is not fitted.
FEW = 10
#: Steps of the search for a process, statsmodels' own number; what it has found by then is used.
STEPS = 50


@dataclass(frozen=True)
class Fit:
    """What the process expects: mean, low and high, each (T, ...) as the values.

    nan up to the first known value, before which nothing is expected, and in columns that no process can be fitted to.

    low and high bound the interval in which a value lies with probability 1 - alpha.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def check_arima() -> None:
    """Whether processes can be fitted here.

    Raises
    ------
    DlcxError
        When statsmodels is not installed.
    """
    try:
        import statsmodels.tsa.statespace.sarimax  # noqa: F401
    except ImportError as error:
        raise DlcxError(
            "fitting an ARIMA process needs statsmodels, which is not installed",
            hint="Install it with: pip install 'dlcx[arima]'",
        ) from error


def fit_arima(
    values: np.ndarray,
    known: np.ndarray,
    *,
    ar: int = 3,
    ma: int = 1,
    alpha: float = 0.01,
    fitted: Callable[[], object] = lambda: None,
) -> Fit:
    """Fit a process of its own to each column of values (T, ...).

    Parameters
    ----------
    known
        (T, ...) bool: which values count; the others, and nan, are bridged.
    ar, ma
        Degrees of the autoregressive and the moving-average part.
    alpha
        Probability of a value outside of the interval.
    fitted
        Called after each column.

    Raises
    ------
    DlcxError
        When statsmodels is not installed or a degree is out of range.
    """
    check_arima()
    from threadpoolctl import threadpool_limits

    columns = values.reshape(len(values), math.prod(values.shape[1:])).astype(np.float64)
    columns[~(known.reshape(columns.shape) & np.isfinite(columns))] = np.nan
    found = np.full((3, *columns.shape), np.nan)
    # statsmodels solves systems of a few equations, thousands of times: threads would wait for each other, and on busy
    # cores for seconds a column
    with threadpool_limits(1, user_api="blas"):
        for column in range(columns.shape[1]):
            series = columns[:, column]
            there = np.flatnonzero(np.isfinite(series))
            if len(there) > FEW:
                found[:, :, column] = _expected(series, ar, ma, alpha)
                found[:, : there[0] + 1, column] = np.nan  # the process begins at 0, the corner of the image
            fitted()
    mean, low, high = found.reshape(3, *values.shape)
    return Fit(mean, low, high)


def _expected(series: np.ndarray, ar: int, ma: int, alpha: float) -> np.ndarray:
    """Mean, low and high (3, T) of a process fitted to a series (T,); nan when none can be fitted."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    # warnings are of starting values and convergence: such fits are used all the same
    with warnings.catch_warnings(), suppress(np.linalg.LinAlgError):
        warnings.simplefilter("ignore")
        result = SARIMAX(series, order=(ar, 0, ma), simple_differencing=True).fit(disp=False, maxiter=STEPS)
        prediction = result.get_prediction(0, len(series) - 1)
        return np.stack([prediction.predicted_mean, *prediction.conf_int(alpha=alpha).T])
    return np.full((3, len(series)), np.nan)
