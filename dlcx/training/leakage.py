"""Whether the test images of a shuffle are near-duplicates of training images, and what that hides of the error."""

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

#: Share of twins among the test images from which there is a warning.
WARNED = 0.1


@dataclass(frozen=True)
class NearDuplicatePair:
    """A test image and the training image that it looks like; 1 is the usual difference of two images of a video."""

    test: str
    train: str
    difference: float


@dataclass(frozen=True)
class NearDuplicateCheck:
    """Test images that look like a training image; the mean errors in pixels on them, on the others and on all."""

    images: int
    twins: tuple[NearDuplicatePair, ...]
    rmse_twins: float
    rmse_others: float
    rmse: float

    def line(self) -> str:
        """The finding in one line."""
        text = f"near-duplicates: {len(self.twins)} of {self.images} test images look like a training image"
        if np.isfinite(self.rmse_twins) and np.isfinite(self.rmse_others):
            text += f" ({self.rmse_twins:.2f} px; the others {self.rmse_others:.2f} px)"
        return text

    def warn(self, project: Project) -> None:
        """Warn where twins may make the test error look better than it is."""
        if len(self.twins) < max(1, WARNED * self.images):
            return
        folders = project.labeled_data.iterdir() if project.labeled_data.is_dir() else ()
        several = sum((folder / f"CollectedData_{project.scorer}.h5").is_file() for folder in folders) > 1
        hidden = self.rmse_others - self.rmse
        if not np.isfinite(self.rmse_others):
            what = "so the test error says little about new videos"
        elif hidden >= 0.005:  # else it would be told as 0.00
            what = f"which may hide {hidden:.2f} px of the test error (the others: {self.rmse_others:.2f} px)"
        else:
            what = "though the error on the others is not larger"
        way = "label another video to test on"
        if several:
            way = "`dlcx create-dataset --split-by video` tests on other videos"
        count = len(self.twins)
        logger.warning("%d of %d test images look like a training image, %s; %s", count, self.images, what, way)


def check_near_duplicates(
    labels: Labels,
    split: Split,
    thumbnails: Mapping[int, np.ndarray],
    truth: Mapping[int, Prediction],
    found: Mapping[int, Prediction],
    *,
    single: bool,
) -> NearDuplicateCheck:
    """Look for twins among the images of a split; the mappings go by the rows of the labels."""
    from dlcx.data.near_duplicates import find_near_duplicates

    rows = sorted(thumbnails)
    place = {row: number for number, row in enumerate(rows)}
    twins = find_near_duplicates(
        np.stack([thumbnails[row] for row in rows]),
        [labels.images[row][1] for row in rows],
        [place[row] for row in split.train],
        [place[row] for row in split.test],
    )
    alike = {rows[twin.test] for twin in twins}

    def rmse(some: list[int]) -> float:
        return evaluate_poses([truth[row] for row in some], [found[row] for row in some], single=single).rmse

    test = split.test.tolist()
    return NearDuplicateCheck(
        images=len(test),
        twins=tuple(
            NearDuplicatePair(
                "/".join(labels.images[rows[twin.test]]), "/".join(labels.images[rows[twin.train]]), twin.difference
            )
            for twin in twins
        ),
        rmse_twins=rmse([row for row in test if row in alike]),
        rmse_others=rmse([row for row in test if row not in alike]),
        rmse=rmse(test),
    )
