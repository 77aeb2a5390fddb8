"""Test images that are nearly identical to training images, and their effect on the test error."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlcx.metrics import evaluate_poses
from dlcx.poses import Labels, Prediction
from dlcx.project import Project

if TYPE_CHECKING:
    from dlcx.formats.shuffles.splits import Split

logger = logging.getLogger(__name__)

#: Minimum fraction of near-duplicates among the test images for a warning.
MIN_FRACTION = 0.1


@dataclass(frozen=True)
class NearDuplicatePair:
    """A test image and the training image it resembles; a difference of 1 is typical of two images of a video."""

    test: str
    train: str
    difference: float


@dataclass(frozen=True)
class NearDuplicateCheck:
    """Test images that are near-duplicates of training images, and mean errors with and without them.

    Attributes
    ----------
    images
        Number of test images.
    twins
        The near-duplicates among them.
    rmse_twins, rmse_others, rmse
        Mean error in pixels on the near-duplicates, the other test images, and all test images.
    """

    images: int
    twins: tuple[NearDuplicatePair, ...]
    rmse_twins: float
    rmse_others: float
    rmse: float

    def line(self) -> str:
        """Summarize the result in one line."""
        text = f"near-duplicates: {self._finding()}"
        if np.isfinite(self.rmse_twins) and np.isfinite(self.rmse_others):
            text += f" ({self.rmse_twins:.2f} px; others: {self.rmse_others:.2f} px)"
        return text

    def _finding(self) -> str:
        count = len(self.twins)
        one, training = ("is", "a training image") if count == 1 else ("are", "training images")
        return f"{count} of {self.images} test images {one} nearly identical to {training}"

    def warn(self, project: Project) -> None:
        """Warn if near-duplicates may make the test error too optimistic."""
        if len(self.twins) < max(1, MIN_FRACTION * self.images):
            return
        folders = project.labeled_data.iterdir() if project.labeled_data.is_dir() else ()
        several = sum((folder / f"CollectedData_{project.scorer}.h5").is_file() for folder in folders) > 1
        others = self.images - len(self.twins)
        if not np.isfinite(self.rmse_others):
            effect = "the test error says little about new videos"
        elif self.rmse_others - self.rmse >= 0.005:  # a difference that two decimals show
            effect = f"the error on the other {others} is {self.rmse_others:.2f} px"
        else:
            effect = f"the error on the other {others} is not larger"
        advice = "label another video to test on"
        if several:
            advice = "run `dlcx create-dataset --split-by video` to test on other videos"
        logger.warning("%s; %s; %s", self._finding(), effect, advice)


def check_near_duplicates(
    labels: Labels,
    split: Split,
    thumbnails: Mapping[int, np.ndarray],
    truth: Mapping[int, Prediction],
    found: Mapping[int, Prediction],
    *,
    single: bool,
) -> NearDuplicateCheck:
    """Find near-duplicates across a split, and compare the errors on them with the errors on the other test images.

    Parameters
    ----------
    labels, split
        The labels of the training dataset and its split.
    thumbnails, truth, found
        Thumbnails, labels and predictions by row of ``labels``.
    single
        Whether images show a single animal, so that labels and predictions are paired without matching.

    Returns
    -------
    NearDuplicateCheck
        The pairs and the errors.
    """
    from dlcx.data.near_duplicates import find_near_duplicates

    rows = sorted(thumbnails)
    position = {row: number for number, row in enumerate(rows)}
    twins = find_near_duplicates(
        np.stack([thumbnails[row] for row in rows]),
        [labels.images[row][1] for row in rows],
        [position[row] for row in split.train],
        [position[row] for row in split.test],
    )
    duplicates = {rows[twin.test] for twin in twins}

    def rmse(selected: list[int]) -> float:
        return evaluate_poses([truth[row] for row in selected], [found[row] for row in selected], single=single).rmse

    test = split.test.tolist()
    return NearDuplicateCheck(
        images=len(test),
        twins=tuple(
            NearDuplicatePair(
                "/".join(labels.images[rows[twin.test]]), "/".join(labels.images[rows[twin.train]]), twin.difference
            )
            for twin in twins
        ),
        rmse_twins=rmse([row for row in test if row in duplicates]),
        rmse_others=rmse([row for row in test if row not in duplicates]),
        rmse=rmse(test),
    )
