"""Dynamic cropping: follow one animal by predicting only around its last pose, and search the full frame if it is lost.

Corresponds to DeepLabCut 3.0.2's ``dynamic`` and ``top_down_dynamic``. The frame in which the animal is lost is
searched at once, whereas DeepLabCut searches the next one.
"""

from __future__ import annotations

import numpy as np

from dlcx.data.crops import boxes_around
from dlcx.poses import Instances, Prediction
from dlcx.predictors.local_views import best_animal
from dlcx.predictors.predictor import LocalView


class DynamicCropPredictor:
    """Follows one animal; see :class:`dlcx.predictors.temporal.FramePredictor`.

    Parameters
    ----------
    view
        How the network is applied to a part of a frame.
    min_score
        A pose is accepted if one of its keypoints has at least this score.
    margin
        Pixels around the keypoints of the last pose, in which the next one is searched.
    """

    def __init__(self, view: LocalView, *, min_score: float, margin: float) -> None:
        self.view, self.min_score, self.margin = view, min_score, margin
        self.box: np.ndarray | None = None

    def reset(self) -> None:
        """Forget where the animal was."""
        self.box = None

    def predict_next(self, image: np.ndarray, condition: Instances | None = None) -> Prediction:
        """Return the pose in pixels of the image (H, W, 3) uint8 RGB; ``condition`` is ignored."""
        if self.box is not None:
            found = best_animal(self.view.predict_in_box(image, self.box))
            if self._accept(found, image):
                return found
        found = best_animal(self.view.predict_anywhere(image))
        self._accept(found, image)
        return found

    def _accept(self, found: Prediction, image: np.ndarray) -> bool:
        """Whether the pose is accepted; if so, the next frame is searched around it."""
        score = np.where(np.isfinite(found.animals.xy).all(-1), found.animals.score, 0.0)
        self.box = None
        if accepted := bool((score >= self.min_score).any()):
            self.box = boxes_around(found.animals.xy, (image.shape[1], image.shape[0]), self.margin)[0]
        return accepted
