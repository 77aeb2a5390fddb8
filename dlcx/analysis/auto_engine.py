"""Which engine ``--engine auto`` means for a net: the fastest of those that give the same keypoints."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlcx.errors import DlcxError
from dlcx.poses import Instances, Prediction

if TYPE_CHECKING:
    from dlcx.predictors import Predictor

logger = logging.getLogger(__name__)

#: Pixels of the image by which keypoints may differ from those of plain torch.
PIXELS = 0.01
#: Seconds after which a trial has been repeated often enough, and repetitions at most.
SECONDS, ROUNDS = 2.0, 3
#: An engine has to need less than this share of plain torch's time to be taken.
WORTH = 0.95


def choose_engine(
    load: Callable[[str], Predictor],
    images: np.ndarray,
    conditions: Sequence[Instances] | None = None,
    *,
    device: str,
    precision: str,
) -> str:
    """Try the engines and log the choice.

    Parameters
    ----------
    load
        Makes the predictor of an engine.
    images
        (B, H, W, 3) uint8 RGB.
    conditions
        Boxes or initial poses in these images, if the predictor needs them.

    Returns
    -------
    str
        The fastest engine whose keypoints are those of torch.
    """
    from dlcx.engines.onnx import max_keypoint_distance

    best = "torch"
    predictor = load(best)
    expected = predictor.predict(images, conditions)
    times = {best: _seconds(predictor, images, conditions)}
    refused: list[str] = []
    if not _shows(expected):
        logger.info("--engine auto: nothing is seen in the first images, so torch is taken")
        return best
    for kind in _others(device, precision, refused):
        try:
            other = load(kind)
            found = other.predict(images, conditions)
        except Exception as error:  # whatever an optional engine fails with, torch works
            refused.append(str(error) if isinstance(error, DlcxError) else f"{kind}: {type(error).__name__}: {error}")
            continue
        if not (gap := max_keypoint_distance(expected, found)) <= PIXELS:
            refused.append(f"{kind}: keypoints differ from torch's by up to {gap:.2g} px")
            continue
        times[kind] = _seconds(other, images, conditions)
        if times[kind] < times[best] * (WORTH if best == "torch" else 1):
            best = kind
        del other
    measured = ", ".join(f"{kind} {1e3 * spent / len(images):.0f} ms" for kind, spent in times.items())
    logger.warning("--engine auto: takes %s (an image: %s)", best, measured)
    for reason in refused:
        logger.warning("--engine auto: left out: %s", reason)
    return best


def _others(device: str, precision: str, refused: list[str]) -> list[str]:
    """What can be tried beside torch; why not is added to ``refused``.

    Compiling takes a CPU longer than most videos give back.
    """
    from dlcx.engines.torch import check_engine

    kinds = ["onnx", "compile"] if device.startswith("cuda") else ["onnx"]
    there = []
    for kind in kinds:
        try:
            check_engine(kind, precision, device)
        except DlcxError as error:
            refused.append(f"{error} {error.hint}".strip())
        else:
            there.append(kind)
    return there


def _seconds(predictor: Predictor, images: np.ndarray, conditions: Sequence[Instances] | None) -> float:
    """The shortest of a few passes."""
    spent: list[float] = []
    while len(spent) < ROUNDS and sum(spent) < SECONDS:
        begun = time.perf_counter()
        predictor.predict(images, conditions)
        spent.append(time.perf_counter() - begun)
    return min(spent)


def _shows(found: Sequence[Prediction]) -> bool:
    return any(len(one.animals) or one.unique is not None for one in found)
