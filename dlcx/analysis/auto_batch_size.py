"""``--batch-size auto``: the fastest number of frames per forward pass that gives the same keypoints."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlcx.errors import DlcxError
from dlcx.poses import Instances, Prediction

if TYPE_CHECKING:
    from dlcx.predictors import Predictor

logger = logging.getLogger(__name__)

#: Maximum number of frames per forward pass; sizes are powers of two.
MAX_BATCH_SIZE = 64
#: Pixels of the image by which keypoints of the first frame may differ from those that it has alone.
PIXELS = 0.01
#: A larger batch has to need less than this share of the time an image that the best one needs.
WORTH = 0.95
#: Sizes in a row that are no better, after which larger ones are not tried; and seconds after which none is.
PATIENCE, SECONDS = 2, 15.0


def choose_batch_size(
    predictor: Predictor,
    images: np.ndarray,
    conditions: Sequence[Instances] | None = None,
) -> int:
    """Try several numbers of images per forward pass and log the choice.

    Parameters
    ----------
    predictor
        Predicts the images.
    images
        (B, H, W, 3) uint8 RGB, at most :data:`MAX_BATCH_SIZE`.
    conditions
        Boxes or initial poses in these images, if the predictor needs them.

    Returns
    -------
    int
        The fastest number with the same keypoints as a single image.
    """
    from dlcx.engines.onnx import max_keypoint_distance

    begun, times, expected = time.perf_counter(), dict[int, float](), list[Prediction]()
    best, worse, refused = 1, 0, ""
    for size in (1 << power for power in range(MAX_BATCH_SIZE.bit_length())):
        if size > len(images) or worse >= PATIENCE or time.perf_counter() - begun > SECONDS:
            break
        part, known = images[:size], None if conditions is None else conditions[:size]
        try:
            found = predictor.predict(part, known)  # the first pass of a size is slower than those that follow
            times[size] = _seconds(predictor, part, known) / size
        except (DlcxError, RuntimeError) as error:
            if size == 1:
                raise
            refused = f"{size}: {str(error).strip().splitlines()[0]}"
            break
        if size == 1:
            expected = found
            continue
        if not (gap := max_keypoint_distance(expected, found[:1])) <= PIXELS:
            refused = f"{size}: keypoints differ by up to {gap:.2g} px"
            break
        better = times[size] < WORTH * times[best]
        best, worse = (size, 0) if better else (best, worse + 1)
    said = ", ".join(f"{size}: {1e3 * spent:.0f} ms" for size, spent in times.items())
    logger.warning("--batch-size auto: takes %d (an image, at sizes of %s)", best, said)
    if refused:
        logger.warning("--batch-size auto: left out: %s", refused)
    return best


def _seconds(predictor: Predictor, images: np.ndarray, conditions: Sequence[Instances] | None) -> float:
    """The shorter of two passes."""
    spent = []
    for _ in range(2):
        begun = time.perf_counter()
        predictor.predict(images, conditions)
        spent.append(time.perf_counter() - begun)
    return min(spent)
