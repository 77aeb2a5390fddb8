"""Test images that are nearly identical to training images: which are found, and what is said about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.splits import Split
from dlcx.poses import Instances, Labels, Layout, Prediction
from dlcx.training.leakage import NearDuplicateCheck, NearDuplicatePair, check_near_duplicates


def warning(count: int, others: float, caplog: pytest.LogCaptureFixture, project: Path) -> str:
    pairs = (NearDuplicatePair("a", "b", 0.1),) * count
    caplog.clear()
    NearDuplicateCheck(10, pairs, 1.0, others, 2.0).warn(open_project(project))
    return caplog.text


def test_the_warning_states_the_error_on_the_other_images(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert warning(0, 3.0, caplog, project) == ""
    text = warning(1, 3.0, caplog, project)
    assert "1 of 10 test images is nearly identical to a training image; the error on the other 9 is 3.00 px" in text
    assert "label another video" in text
    text = warning(2, 1.5, caplog, project)
    assert "2 of 10 test images are nearly identical to training images; the error on the other 8 is not larger" in text
    assert "says little about new videos" in warning(10, np.nan, caplog, project)
    (project / "labeled-data" / "w").mkdir()
    (project / "labeled-data" / "w" / "CollectedData_me.h5").touch()
    assert "--split-by video" in warning(2, 3.0, caplog, project)


def test_few_near_duplicates_among_many_images_are_not_warned_of(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = (NearDuplicatePair("a", "b", 0.1),)
    NearDuplicateCheck(11, pairs, 1.0, 3.0, 2.0).warn(open_project(project))
    assert caplog.text == ""


def test_errors_with_and_without_near_duplicates() -> None:
    """Four training images; of two test images the first repeats a training image."""
    layout = Layout(("nose",), ("a",))
    rng = np.random.default_rng(0)
    thumbnails = {row: rng.uniform(0, 255, 768).astype(np.float32) for row in range(6)}
    thumbnails[4] = thumbnails[1] + 1e-3
    images = tuple(("labeled-data", "video", f"img{row}.png") for row in range(6))
    truth = {row: pose(10.0) for row in range(6)}
    found = {row: pose(10.0) for row in range(4)} | {4: pose(11.0), 5: pose(14.0)}
    labels = Labels(layout, images, np.full((6, 1, 1, 2), 10.0), np.zeros((6, 0, 2)))
    split = Split(np.arange(4), np.array([4, 5]), 0.67)
    check = check_near_duplicates(labels, split, thumbnails, truth, found, single=True)
    assert [(pair.test, pair.train) for pair in check.twins] == [
        ("labeled-data/video/img4.png", "labeled-data/video/img1.png")
    ]
    assert (check.images, check.rmse_twins, check.rmse_others, check.rmse) == (2, 1.0, 4.0, 2.5)
    assert check.line() == (
        "near-duplicates: 1 of 2 test images is nearly identical to a training image (1.00 px; others: 4.00 px)"
    )


def pose(x: float) -> Prediction:
    return Prediction(Instances(np.array([[[x, 0.0]]]), np.ones((1, 1))))
