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
    guesses: Sequence[Instances] | None = None,
    *,
    device: str,
    precision: str,
) -> tuple[str, Predictor]:
    """The engine's name and its predictor, tried on images (B, H, W, 3) uint8 RGB; says what it chose and why.

    ``load`` makes the predictor of an engine.
    """
    from dlcx.engines.onnx import farthest

    best = "torch"
    predictor = load(best)
    expected = predictor.predict(images, guesses)
    times = {best: _seconds(predictor, images, guesses)}
    refused: list[str] = []
    if not _shows(expected):
        logger.info("--engine auto: nothing is seen in the first images, so torch is taken")
        return best, predictor
    for kind in _others(device, precision, refused):
        try:
            other = load(kind)
            found = other.predict(images, guesses)
        except Exception as error:  # whatever an optional engine fails with, torch works
            refused.append(str(error) if isinstance(error, DlcxError) else f"{kind}: {type(error).__name__}: {error}")
            continue
        if not (gap := farthest(expected, found)) <= PIXELS:
            refused.append(f"{kind}: keypoints differ from torch's by up to {gap:.2g} px")
            continue
        times[kind] = _seconds(other, images, guesses)
        if times[kind] < times[best] * (WORTH if best == "torch" else 1):
            best, predictor = kind, other
        del other
    said = ", ".join(f"{kind} {1e3 * spent / len(images):.0f} ms" for kind, spent in times.items())
    logger.warning("--engine auto: takes %s (an image: %s)", best, said)
    for reason in refused:
        logger.warning("--engine auto: left out: %s", reason)
    return best, predictor


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


def _seconds(predictor: Predictor, images: np.ndarray, guesses: Sequence[Instances] | None) -> float:
    """The shortest of a few passes."""
    spent: list[float] = []
    while len(spent) < ROUNDS and sum(spent) < SECONDS:
        begun = time.perf_counter()
        predictor.predict(images, guesses)
        spent.append(time.perf_counter() - begun)
    return min(spent)


def _shows(found: Sequence[Prediction]) -> bool:
    return any(len(one.animals) or one.unique is not None for one in found)
