"""Ranges of numeric options."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """From ``low`` to ``high``, including both unless ``open``; ``whole`` accepts only integers."""

    low: float
    high: float
    whole: bool = False
    open: bool = False

    def __contains__(self, value: Any) -> bool:
        if not math.isfinite(value) or (self.whole and value != int(value)):
            return False
        return bool(self.low < value < self.high if self.open else self.low <= value <= self.high)

    def __str__(self) -> str:
        if self.open:
            return f"more than {self.low:g} and less than {self.high:g}"
        return f"{self.low} to {self.high}" if self.whole else f"{self.low:g} to {self.high:g}"


def whole(low: int, high: int) -> Range:
    """Return the range of integers from ``low`` to ``high``."""
    return Range(low, high, whole=True)


#: Upper limit for counts and frame numbers, beyond any video.
MANY = 10**9
FRACTION = Range(0, 1)
SHUFFLE = whole(0, 10**6)
FRAME = whole(0, MANY)
PIXEL = whole(0, 10**5)
SEED = whole(0, 2**32 - 1)
