"""First guesses of poses to better ones: the net sees a crop around each guess, and the guess (BUCTD).

Zhou et al., Rethinking pose estimation in crowds: overcoming the detection information bottleneck and ambiguity
(ICCV 2023), arXiv:2306.07879.  Rules and numbers are DeepLabCut 3.0.2's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from dlcx.data.crops import boxes_around
from dlcx.errors import DlcxError
from dlcx.poses import Instances, Prediction
from dlcx.predictors.predictor import Inputs
from dlcx.predictors.top_down import TopDown

#: A guess with no better keypoint is none.
LEAST = 0.05
#: Keypoints from which a pose's score is made.
GOOD = 0.2


class Conditional(TopDown):
    """Takes poses where :class:`TopDown` takes boxes; ``margin`` pixels around a pose make its box.

    All keypoints of a pose get one score: that of its guess times that of the keypoints found.
    """

    def __init__(self, *args: Any, margin: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self.margin = margin

    @torch.inference_mode()
    def predict(self, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> list[Prediction]:
        """Poses in pixels of the images (B, H, W, 3) uint8 RGB, with the boxes of their guesses."""
        conditions = self._boxes(images, guesses)
        found = self.correct(images, conditions)
        return [Prediction(rescored(one.animals, given)) for one, given in zip(found, conditions, strict=True)]

    def correct(self, images: np.ndarray, conditions: Sequence[Instances]) -> list[Prediction]:
        """One pose a condition, which has its box; the scores are those of the keypoints found."""
        return super().predict(images, conditions)

    def find(self, images: np.ndarray) -> Sequence[Instances]:
        """The guesses of whatever finds them.

        Raises
        ------
        DlcxError
            When nothing does.
        """
        if self.finder is None:
            raise DlcxError(
                "a BUCTD net needs conditions, the poses that it is to correct, and none are named",
                hint="Name the shuffle or file they come from: --conditions SHUFFLE|FILE.",
            )
        return self.finder(images)

    def _boxes(self, images: np.ndarray, guesses: Sequence[Instances] | None) -> Sequence[Instances]:
        """The guesses that are worth a crop, with their boxes."""
        size = images.shape[2], images.shape[1]
        found = self.find(images) if guesses is None else guesses
        return [with_boxes(given, size, self.margin)[0] for given in found]

    def _rows(self, images: np.ndarray, boxes: Sequence[Instances]) -> Inputs:
        rows = super()._rows(images, boxes)
        poses = [np.concatenate([given.xy, given.score[..., None]], -1) for given in boxes]
        conditions = np.concatenate([np.zeros((0, self.parts, 3)), *poses])
        for row, place in zip(conditions, rows.geometries, strict=True):
            row[:, :2] = place.to_net(row[:, :2])
        return replace(rows, tensors=(*rows.tensors, torch.from_numpy(conditions.astype(np.float32)).to(self.device)))


def with_boxes(guesses: Instances, image: tuple[int, int], margin: int) -> tuple[Instances, np.ndarray]:
    """The guesses that show something, with boxes around their keypoints, and which ones (their indices) these are.

    ``image`` is (width, height).  Keypoints that are nan get score 0: they count for nothing.
    """
    score = np.where(np.isfinite(guesses.xy).all(-1), guesses.score, 0.0)
    box = boxes_around(np.where(score[..., None] > 0, guesses.xy, np.nan), image, margin)
    kept = (score.max(1, initial=0.0) >= LEAST) & (box[:, 2:].prod(-1) >= 1)
    return Instances(guesses.xy[kept], score[kept], box=box[kept]), np.flatnonzero(kept)


def rescored(found: Instances, guesses: Instances) -> Instances:
    """All keypoints of a pose with its score: mean score of the guess times mean of the found scores that are good."""
    good = found.score >= GOOD
    mean = (found.score * good).sum(1) / np.maximum(good.sum(1), 1)
    score = (guesses.score.mean(1) * mean).astype(np.float32)
    return replace(found, score=np.repeat(score[:, None], found.score.shape[1], 1))
