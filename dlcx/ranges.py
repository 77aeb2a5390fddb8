"""What numbers the commands take: one table for the flags and for the functions of the same names.

A command line reads its limits from here (:func:`dlcx.cli.options.command`), and the function that does the work
refuses the rest (:func:`within_ranges`), so that Python, workers and shells get the same answer.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ParamSpec, TypeVar

from dlcx.errors import DlcxError

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


@dataclass(frozen=True)
class Range:
    """From ``low`` to ``high``, both included unless ``open`` says that neither is; ``whole``: integers only."""

    low: float
    high: float
    whole: bool = False
    open: bool = False
    flag: str = ""

    def __contains__(self, value: Any) -> bool:
        if not math.isfinite(value) or (self.whole and value != int(value)):
            return False
        return bool(self.low < value < self.high if self.open else self.low <= value <= self.high)

    def __str__(self) -> str:
        if self.open:
            return f"more than {self.low:g} and less than {self.high:g}"
        return f"{self.low} to {self.high}" if self.whole else f"{self.low:g} to {self.high:g}"


def whole(low: int, high: int, flag: str = "") -> Range:
    """Integers from ``low`` to ``high``."""
    return Range(low, high, whole=True, flag=flag)


#: A limit for counts and numbers of frames that no video reaches.
MANY = 10**9
SHARE = Range(0, 1)
SHUFFLE = whole(0, 10**6)
FRAME = whole(0, MANY)
SIDE = whole(0, 10**5)

#: The range of each numeric parameter, or of each of its values in order.  ``command.parameter`` goes before
#: ``parameter``.
RANGES: dict[str, Range | tuple[Range, ...]] = {
    "animals": whole(1, 1000),
    "demo.animals": whole(1, 8),
    "ar": whole(1, 10),  # without an autoregressive part a process expects positions between the corner and the animal
    "array_parallel": whole(1, 10**5),
    "batch_size": whole(1, 10**5),
    "cpus": whole(1, 4096),
    "crop": (SIDE, SIDE, SIDE, SIDE),
    "detector_epochs": whole(0, 10**6),
    "devices": whole(1, 1024),
    "dotsize": whole(1, 1000),
    "dpi": whole(20, 1200),
    "dynamic_crop": (SHARE, Range(0, 10**5)),
    "early_stop": whole(1, 10**6),
    "epochs": whole(0, 10**6),
    "epsilon": Range(0, MANY),
    "first": whole(0, MANY, flag="--from"),
    "fps": Range(0.01, 10**4),
    "frame_numbers": FRAME,
    "frames": (FRAME, FRAME),
    "extract_frames.frames": whole(1, 10**6),
    "extract_outliers.frames": whole(1, 10**6),
    "from_shuffle": SHUFFLE,
    "gpus": whole(1, 1024),
    "iteration": whole(0, 10**6),
    "last": whole(0, MANY, flag="--to"),
    "linewidth": Range(0.1, 100),
    "ma": whole(0, 5),
    "max_age": FRAME,
    "max_gap": whole(1, MANY),
    "min_hits": FRAME,
    "min_length": whole(3, MANY),
    "nets": SHUFFLE,
    "nodes": whole(1, 10**4),
    "offset": whole(-MANY, MANY),
    "p_bound": SHARE,
    "part": (whole(1, 10**5), whole(1, 10**5)),
    "pcutoff": SHARE,
    "scale": Range(0.001, 10**6),
    "seed": whole(0, 2**32 - 1),
    "shares": whole(1, 10**5),
    "shuffle": SHUFFLE,
    "sigma": Range(0.0001, 100),
    "start": SHARE,
    "step": whole(1, 10**6),
    "stop": SHARE,
    "test_indices": FRAME,
    "threshold": SHARE,
    "evaluate_tracks.threshold": Range(0, 1, open=True),
    "train_fraction": Range(0.01, 1),
    "train_indices": FRAME,
    "trainset_index": whole(0, 1000),
    "trail": whole(0, 10**4),
    "width": whole(1, 10**4),
    "window": whole(0, 9999),
    "workers": whole(0, 1024),
}


def range_of(command: str, parameter: str) -> Range | tuple[Range, ...] | None:
    """The range of a command's parameter; None when there is none in the table."""
    return RANGES.get(f"{command}.{parameter}", RANGES.get(parameter))


def within_ranges(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Refuse numbers out of range, before the function is called."""
    signature = inspect.signature(function)
    name = function.__name__

    @functools.wraps(function)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
        for parameter, value in signature.bind(*args, **kwargs).arguments.items():
            if (limits := range_of(name, parameter)) is not None:
                _check(parameter, value, limits)
        return function(*args, **kwargs)

    return checked


def _check(parameter: str, value: Any, limits: Range | tuple[Range, ...]) -> None:
    several = isinstance(value, Sequence) and not isinstance(value, str)
    values = list(value) if several else [value]
    ranges = limits if isinstance(limits, tuple) else (limits,) * len(values)
    for one, limit in zip(values, ranges, strict=False):
        if isinstance(one, Real) and one not in limit:
            flag = limit.flag or f"--{parameter.replace('_', '-')}"
            raise DlcxError(f"{flag} {one}: expected {limit}")
