"""Options of ``dlcx filter-predictions``."""

from dataclasses import dataclass
from typing import Literal

from dlcx.options.base import needs, option
from dlcx.options.limits import FRACTION, whole
from dlcx.options.output import TableOptions
from dlcx.options.poses import UnfilteredPosesOptions, VideosOptions

_ARIMA = needs("filter", "arima")


@dataclass(frozen=True, kw_only=True)
class FilterPredictionsOptions(TableOptions, UnfilteredPosesOptions, VideosOptions):
    """Smooth the poses of videos, or fill their gaps."""

    filter: Literal["median", "arima", "spline"] = option(
        "median", "Filter: a running median, an ARIMA model, or a spline that only fills gaps."
    )
    window: int = option(
        5,
        "For median: window length in frames, odd. For spline: longest gap to fill; 0 fills all.",
        limits=whole(0, 9999),
        need=needs("filter", "median", "spline"),
    )
    p_bound: float = option(0.001, "For arima: ignore poses with a lower likelihood.", limits=FRACTION, need=_ARIMA)
    ar: int = option(3, "For arima: order of the autoregressive part.", limits=whole(1, 10), need=_ARIMA)
    ma: int = option(1, "For arima: order of the moving-average part.", limits=whole(0, 5), need=_ARIMA)
