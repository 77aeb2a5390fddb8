"""Mathematics of poses over time, a file a method: numpy in, numpy out; T frames, N points or columns."""

from dlcx.series.arima import Fit, fit_arima
from dlcx.series.displacement import squared_displacements
from dlcx.series.median import median_filter
from dlcx.series.spline import fill_gaps

__all__ = ["Fit", "fill_gaps", "fit_arima", "median_filter", "squared_displacements"]
