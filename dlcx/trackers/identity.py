"""Tracklets by looks alone: in every frame the animals go to the individuals that their keypoints' votes name."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax

from dlcx.trackers.detections import Detections
from dlcx.trackers.tracklets import Tracklet


def identity_tracklets(detections: Detections, individuals: int) -> list[Tracklet]:
    """One tracklet an individual that is seen; its number is the individual's.

    An animal's votes are the softmax of the summed scores of the keypoints that name an individual, over those named.
    """
    named = detections.identity[..., None] == np.arange(individuals)
    scores = np.where(named, detections.score[..., None], 0).sum(1)
    with np.errstate(invalid="ignore"):
        votes = np.nan_to_num(softmax(np.where(named.any(1), scores, -np.inf), axis=1))
    found: dict[int, list[int]] = {}
    for frame in detections.by_frame():
        one, individual = linear_sum_assignment(votes[frame], maximize=True)
        for row, key in zip((one + frame.start).tolist(), individual.tolist(), strict=True):
            found.setdefault(key, []).append(row)
    return [Tracklet(key, np.array(rows)) for key, rows in found.items()]


def single_animal_tracklets(detections: Detections) -> list[Tracklet]:
    """For a single animal: the first one of every frame."""
    rows = [frame.start for frame in detections.by_frame()]
    return [Tracklet(0, np.array(rows))] if rows else []
