"""Options of ``dlcx extract-outliers``."""

from dataclasses import dataclass
from typing import Literal

from dlcx.options.base import Need, needs, option, same_as
from dlcx.options.formats import NUMBERS
from dlcx.options.limits import FRACTION, FRAME, MANY, Range, whole
from dlcx.options.picking import CopyVideosOptions, Method, PickingOptions
from dlcx.options.poses import BodypartsOptions, PosesOptions, VideosOptions

_PICKED = Need(lambda options: options.algorithm != "list", "another --algorithm than list, which takes all its frames")
_FITTED = needs("algorithm", "fitting")


@dataclass(frozen=True, kw_only=True)
class ExtractOutliersOptions(CopyVideosOptions, PickingOptions, BodypartsOptions, PosesOptions, VideosOptions):
    """Save frames whose poses look wrong, so that you can correct them and train again."""

    algorithm: Literal["jump", "uncertain", "fitting", "list"] = option(
        "jump",
        "What counts as an outlier: a jump between frames, a low likelihood (uncertain), a deviation from a fitted "
        "ARIMA model (fitting), or the frames of --frame-numbers (list).",
    )
    epsilon: float = option(
        20.0,
        "For jump and fitting: distance in pixels above which a pose is an outlier.",
        limits=Range(0, MANY),
        need=needs("algorithm", "jump", "fitting"),
    )
    p_bound: float = option(
        0.01,
        "For uncertain: likelihood below which a pose is an outlier. For fitting: ignore poses below it.",
        limits=FRACTION,
        need=needs("algorithm", "uncertain", "fitting"),
    )
    ar: int = option(3, "For fitting: order of the autoregressive part.", limits=whole(1, 10), need=_FITTED)
    ma: int = option(1, "For fitting: order of the moving-average part.", limits=whole(0, 5), need=_FITTED)
    frame_numbers: tuple[int, ...] = option((), "For list: frames to save.", format=NUMBERS, limits=FRAME)
    method: Method = same_as(PickingOptions, "method", need=_PICKED)
    frames: int | None = same_as(PickingOptions, "frames", need=_PICKED)
    seed: int = same_as(PickingOptions, "seed", need=_PICKED)
    plot: bool = option(False, "Also save the images with the poses drawn on them.")
