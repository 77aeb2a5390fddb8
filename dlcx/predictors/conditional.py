"""Conditional top-down prediction (BUCTD): refine given poses, which the network sees together with a crop around each.

Zhou et al., Rethinking pose estimation in crowds: overcoming the detection information bottleneck and ambiguity
(ICCV 2023), arXiv:2306.07879. Rules and constants are DeepLabCut 3.0.2's.
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

#: Minimum score of the best keypoint of a condition.
MIN_CONDITION_SCORE = 0.05
#: Minimum score of keypoints that contribute to the score of a pose.
MIN_KEYPOINT_SCORE = 0.2


class Conditional(TopDown):
    """Like :class:`TopDown`, with poses as conditions instead of boxes.

    All keypoints of a pose get the same score: the mean score of its condition times that of the predicted keypoints.

    Parameters
    ----------
    *args, **options
        Parameters of :class:`TopDown`; its detector detects poses.
    margin
        Pixels around the keypoints of a condition, which form its box.
    """

    def __init__(self, *args: Any, margin: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self.margin = margin

    @torch.inference_mode()
    def predict(self, images: np.ndarray, conditions: Sequence[Instances] | None = None) -> list[Prediction]:
        """Refine poses.

        Parameters
        ----------
        images
            (B, H, W, 3) uint8 RGB.
        conditions
            Poses in each image, in pixels of the images; None to detect them.

        Returns
        -------
        list of Prediction
            One per image, in pixels of the images: the refined poses with the boxes of their conditions.

        Raises
        ------
        DlcxError
            If conditions are neither given nor can be detected.
        """
        boxed = self._boxes(images, conditions)
        found = self.refine(images, boxed)
        return [Prediction(combine_scores(one.animals, given)) for one, given in zip(found, boxed, strict=True)]

    def refine(self, images: np.ndarray, conditions: Sequence[Instances]) -> list[Prediction]:
        """Refine poses that have boxes; scores are those of the predicted keypoints."""
        return super().predict(images, conditions)

    def detect(self, images: np.ndarray) -> Sequence[Instances]:
        """Detect the conditions in images (B, H, W, 3) uint8 RGB.

        Raises
        ------
        DlcxError
            If there is no source of conditions.
        """
        if self.detector is None:
            raise DlcxError(
                "a BUCTD network refines poses, and no source of them is given",
                hint="Pass the shuffle or the file they come from: --conditions SHUFFLE|FILE.",
            )
        return self.detector(images)

    def _boxes(self, images: np.ndarray, conditions: Sequence[Instances] | None) -> Sequence[Instances]:
        """The conditions that show an animal, with their boxes."""
        size = images.shape[2], images.shape[1]
        found = self.detect(images) if conditions is None else conditions
        return [add_boxes(given, size, self.margin)[0] for given in found]

    def _crop_inputs(self, images: np.ndarray, boxes: Sequence[Instances]) -> Inputs:
        inputs = super()._crop_inputs(images, boxes)
        poses = [np.concatenate([given.xy, given.score[..., None]], -1) for given in boxes]
        conditions = np.concatenate([np.zeros((0, self.bodyparts, 3)), *poses])
        for condition, geometry in zip(conditions, inputs.geometries, strict=True):
            condition[:, :2] = geometry.to_net(condition[:, :2])
        tensor = torch.from_numpy(conditions.astype(np.float32)).to(self.device)
        return replace(inputs, tensors=(*inputs.tensors, tensor))


def add_boxes(conditions: Instances, image: tuple[int, int], margin: int) -> tuple[Instances, np.ndarray]:
    """Select the conditions that show an animal, and add boxes around their keypoints.

    Parameters
    ----------
    conditions
        Poses in pixels of the image. Keypoints that are nan get score 0 and are ignored.
    image
        Width and height of the image.
    margin
        Pixels around the keypoints.

    Returns
    -------
    conditions
        The selected poses with boxes.
    indices
        Their indices in ``conditions``.
    """
    score = np.where(np.isfinite(conditions.xy).all(-1), conditions.score, 0.0)
    box = boxes_around(np.where(score[..., None] > 0, conditions.xy, np.nan), image, margin)
    kept = (score.max(1, initial=0.0) >= MIN_CONDITION_SCORE) & (box[:, 2:].prod(-1) >= 1)
    return Instances(conditions.xy[kept], score[kept], box=box[kept]), np.flatnonzero(kept)


def combine_scores(found: Instances, conditions: Instances) -> Instances:
    """Set all keypoints of a pose to the mean score of its condition times the mean of its own confident scores."""
    confident = found.score >= MIN_KEYPOINT_SCORE
    mean = (found.score * confident).sum(1) / np.maximum(confident.sum(1), 1)
    score = (conditions.score.mean(1) * mean).astype(np.float32)
    return replace(found, score=np.repeat(score[:, None], found.score.shape[1], 1))
