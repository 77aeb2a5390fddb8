"""Build tracklets from identity scores alone, or from the only animal of each frame."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax

from dlcx.trackers.detections import Detections
from dlcx.trackers.tracklets import Tracklet


def identity_tracklets(detections: Detections, individuals: int) -> list[Tracklet]:
    """Assign the animals of every frame to individuals by their identity scores.

    The identity score of an animal for an individual is the sum of the scores of the keypoints that name the
    individual, passed through a softmax over the named individuals.

    Parameters
    ----------
    detections
        Detections of a network with an identity head.
    individuals
        Number of individuals.

    Returns
    -------
    list of Tracklet
        One tracklet for each individual that was seen; its number is that of the individual.
    """
    named = detections.identity[..., None] == np.arange(individuals)
    scores = np.where(named, detections.score[..., None], 0).sum(1)
    with np.errstate(invalid="ignore"):
        identity_scores = np.nan_to_num(softmax(np.where(named.any(1), scores, -np.inf), axis=1))
    found: dict[int, list[int]] = {}
    for frame in detections.by_frame():
        one, individual = linear_sum_assignment(identity_scores[frame], maximize=True)
        for row, key in zip((one + frame.start).tolist(), individual.tolist(), strict=True):
            found.setdefault(key, []).append(row)
    return [Tracklet(key, np.array(rows)) for key, rows in found.items()]


def single_animal_tracklets(detections: Detections) -> list[Tracklet]:
    """Build one tracklet from the first animal of every frame; an empty list if there is no animal."""
    rows = [frame.start for frame in detections.by_frame()]
    return [Tracklet(0, np.array(rows))] if rows else []
