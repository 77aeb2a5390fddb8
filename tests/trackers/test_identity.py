from __future__ import annotations

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.identity import identity_tracklets, single_animal_tracklets


def found(identity: list[list[float]], score: list[list[float]], frame: list[int]) -> Detections:
    xy = np.zeros((len(frame), len(identity[0]), 2))
    return Detections(xy, np.array(score), np.array(identity), np.array(frame), max(frame) + 1)


def test_animals_go_to_the_individuals_with_the_highest_scores() -> None:
    """In the second frame both animals name individual 0; the more confident one gets it."""
    detections = found([[1, 1], [0, 0], [0, 0], [0, 1]], [[0.9, 0.9], [0.8, 0.8], [0.9, 0.9], [0.3, 0.2]], [0, 0, 1, 1])
    tracklets = {one.number: one.rows.tolist() for one in identity_tracklets(detections, 2)}
    assert tracklets == {0: [1, 2], 1: [0, 3]}


def test_individuals_that_are_never_seen_have_no_tracklet() -> None:
    detections = found([[2], [2]], [[0.9], [0.9]], [0, 3])
    assert [(one.number, one.rows.tolist()) for one in identity_tracklets(detections, 3)] == [(2, [0, 1])]


def test_a_single_animal_is_the_first_one_of_every_frame() -> None:
    detections = found([[-1], [-1], [-1]], [[0.9], [0.9], [0.9]], [0, 0, 4])
    (tracklet,) = single_animal_tracklets(detections)
    assert tracklet.rows.tolist() == [0, 2]
    empty = Detections(np.zeros((0, 1, 2)), np.zeros((0, 1)), np.zeros((0, 1)), np.zeros(0, int), 5)
    assert single_animal_tracklets(empty) == []
