"""Temporal predictors are reset at fixed frames, regardless of the frames before."""

import numpy as np

from dlcx.poses import Instances, Prediction
from dlcx.predictors import temporal
from dlcx.predictors.temporal import ResettingPredictor


class Counts:
    """In place of a memory: how many images it has seen since it began."""

    def reset(self):
        self.count = 0

    def predict_next(self, image, condition=None):
        self.count += 1
        shown = float(image.flat[0] if condition is None else condition.xy[0, 0, 0])
        return Prediction(Instances(np.array([[[self.count, shown]]]), np.ones((1, 1))))


def seen(predictor, first: int, count: int, conditions=None) -> list[int]:
    images = np.arange(first, first + count).astype(np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    found = [one.animals.xy[0, 0] for one in predictor.predict(first, images, conditions)]
    assert conditions or [shown for _, shown in found] == list(range(first, first + count))
    return [int(number) for number, _ in found]


def test_a_memory_begins_anew_at_multiples_and_where_frames_go_back(monkeypatch):
    monkeypatch.setattr(temporal, "RESET_INTERVAL", 10)
    predictor = ResettingPredictor(Counts())
    assert [predictor.warm_up_start(frame) for frame in (0, 9, 10, 25)] == [0, 0, 10, 20]
    assert seen(predictor, 0, 12) == [*range(1, 11), 1, 2]  # also within a batch
    assert seen(predictor, 12, 1) == [3]
    assert seen(predictor, 14, 1) == [4]  # frame 13 could not be decoded
    assert seen(predictor, 10, 3) == [1, 2, 3]  # back, in the same stretch
    assert seen(predictor, 12, 2) == [1, 2]  # the last frame once more
    assert seen(predictor, 31, 2) == [1, 2]  # frames 20 and 30 could not be decoded
    told = [Instances(np.full((1, 1, 2), 7.0), np.ones((1, 1)))] * 2
    assert [one.animals.xy[0, 0, 1] for one in predictor.predict(33, np.zeros((2, 4, 4, 3), np.uint8), told)] == [7, 7]
