"""The learning curve shows what there is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dlcx.visuals.learning_curve import CONFIDENT, TEST, TRAIN, plot_learning_curve

ROWS = [
    {"step": epoch, "losses/train.total_loss": 1.0 / epoch}
    | (
        {"losses/eval.total_loss": 2.0 / epoch, "metrics/test.rmse": 30.0 / epoch, "metrics/test.rmse_pcutoff": value}
        if epoch % 2 == 0
        else {}
    )
    for epoch, value in zip(range(1, 9), [0, np.nan, 0, 6.0, 0, 4.0, 0, 3.0], strict=True)
]


def count(image: np.ndarray, color: str) -> int:
    """Pixels of exactly this color."""
    rgb = [int(color[start : start + 2], 16) for start in (1, 3, 5)]
    return int((image[..., ::-1] == rgb).all(-1).sum())


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[:2]])
def test_each_number_has_its_color(tmp_path, rows):
    path = tmp_path / "curve.png"
    plot_learning_curve(rows, path, title="a training", best=2)
    image = cv2.imread(str(path))
    assert image.shape[:2] == (900, 1080)
    assert count(image, TRAIN) > 10
    assert (count(image, TEST) > 50) is (len(rows) > 1)
    assert (count(image, CONFIDENT) > 50) is (len(rows) > 2)


def test_a_detector_has_its_map(tmp_path):
    names = ("metrics/test.mAP@50", "metrics/test.mAP@50:95")
    rows = [
        {
            "step": epoch,
            "losses/train.total_loss": 1 / epoch,
            **dict(zip(names, (9.0 * epoch, 7.0 * epoch), strict=True)),
        }
        for epoch in range(1, 9)
    ]
    plot_learning_curve(rows, tmp_path / "curve.png", best=8)
    image = cv2.imread(str(tmp_path / "curve.png"))
    assert min(count(image, color) for color in (TRAIN, TEST, CONFIDENT)) > 50
