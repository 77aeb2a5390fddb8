"""Accuracy of identity scores for each bodypart.

The results equal DeepLabCut 3.0.2's ``id_head_<bodypart>_accuracy``: labels and predictions of a bodypart are paired by
distance alone, regardless of the animals they belong to, and the individual with the highest identity score is compared
with the individual of the label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlcx.poses import Instances

#: Number of nearest predictions that a label may be paired with.
MAX_NEAREST = 3


def identity_accuracy(truth: Sequence[Instances], predicted: Sequence[Instances]) -> tuple[float, ...]:
    """Compute the share of keypoints whose highest identity score is that of the correct individual.

    Parameters
    ----------
    truth
        Labels of each image; row i is the project's i-th individual.
    predicted
        Predictions of each image, in the same order, in pixels of the same image.

    Returns
    -------
    tuple of float
        Accuracy of each bodypart from 0 to 1, nan without pairs; empty if no prediction has identity scores.
    """
    if not any(found.identity is not None for found in predicted):
        return ()
    parts = truth[0].xy.shape[1]
    correct: list[list[bool]] = [[] for _ in range(parts)]
    for labels, found in zip(truth, predicted, strict=True):
        if found.identity is None:
            continue
        for part, hits in enumerate(correct):
            mine = np.flatnonzero((labels.score[:, part] > 0) & np.isfinite(labels.xy[:, part]).all(-1))
            theirs = np.flatnonzero(np.isfinite(found.xy[:, part]).all(-1))
            named = found.identity[theirs, part].argmax(-1)
            for label, prediction in _pairs(labels.xy[mine, part], found.xy[theirs, part]):
                hits.append(bool(named[prediction] == mine[label]))
    return tuple(float(np.mean(hits)) if hits else np.nan for hits in correct)


def _pairs(labels: np.ndarray, found: np.ndarray) -> list[tuple[int, int]]:
    """Pair labels (n, 2) with predictions (m, 2); labels with the nearest predictions choose first."""
    if not len(labels) or not len(found):
        return []
    distance = np.linalg.norm(labels[:, None] - found[None], axis=-1)
    taken: set[int] = set()
    pairs = []
    for label in np.argsort(distance.min(1), kind="stable").tolist():
        near = np.argsort(distance[label], kind="stable")[:MAX_NEAREST].tolist()
        if free := [prediction for prediction in near if prediction not in taken]:
            taken.add(free[0])
            pairs.append((label, free[0]))
    return pairs
