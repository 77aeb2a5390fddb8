"""Filter and analyze time series of poses; arrays of T frames and N points or columns."""

from dlcx.series.arima import ArimaFit, fit_arima
from dlcx.series.displacement import squared_displacements
from dlcx.series.median import median_filter
from dlcx.series.spline import fill_gaps

__all__ = ["ArimaFit", "fill_gaps", "fit_arima", "median_filter", "squared_displacements"]
