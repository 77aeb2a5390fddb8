"""Validation of values that several parts of the SimCC head's block share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlcx.errors import DlcxError


def size_pair(value: Any, where: str) -> tuple[int, int]:
    """Return ``[width, height]`` as a tuple; ``where`` is its place in pytorch_config.yaml.

    Raises
    ------
    DlcxError
        If it is not a pair of integers.
    """
    if not (isinstance(value, Sequence) and len(value) == 2 and all(isinstance(item, int) for item in value)):
        raise DlcxError(f"{where}: expected [width, height], got {value!r}")
    return value[0], value[1]


def sigma_pair(value: Any, where: str) -> tuple[float, float]:
    """Return the standard deviations for x and y, in bins, from one number for both axes or a pair.

    Raises
    ------
    DlcxError
        If they are not positive numbers.
    """
    pair = value if isinstance(value, Sequence) else [value, value]
    if len(pair) != 2 or not all(isinstance(item, (int, float)) and item > 0 for item in pair):
        raise DlcxError(f"{where}: expected a number of bins, or two for x and y, got {value!r}")
    return float(pair[0]), float(pair[1])
