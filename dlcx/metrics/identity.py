"""How often the votes for an individual are right, keypoint by keypoint.

The numbers equal DeepLabCut 3.0.2's ``id_head_<bodypart>_accuracy``: labels of a bodypart and predictions of it are
paired by their distance alone, whatever animals they belong to, and the votes of the prediction are compared with the
individual of the label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlcx.poses import Instances

#: A label takes the nearest prediction that is free, of so many.
NEAREST = 3


def identity_accuracy(truth: Sequence[Instances], predicted: Sequence[Instances]) -> tuple[float, ...]:
    """Share of paired keypoints with most votes for the right individual, for each bodypart; nan without pairs.

    Row i of a truth's animals is the project's i-th individual.  Empty where predictions have no votes.
    """
    if not any(found.identity is not None for found in predicted):
        return ()
    parts = truth[0].xy.shape[1]
    right: list[list[bool]] = [[] for _ in range(parts)]
    for labels, found in zip(truth, predicted, strict=True):
        if found.identity is None:
            continue
        for part, hits in enumerate(right):
            mine = np.flatnonzero((labels.score[:, part] > 0) & np.isfinite(labels.xy[:, part]).all(-1))
            theirs = np.flatnonzero(np.isfinite(found.xy[:, part]).all(-1))
            voted = found.identity[theirs, part].argmax(-1)
            for label, prediction in _pairs(labels.xy[mine, part], found.xy[theirs, part]):
                hits.append(bool(voted[prediction] == mine[label]))
    return tuple(float(np.mean(hits)) if hits else np.nan for hits in right)


def _pairs(labels: np.ndarray, found: np.ndarray) -> list[tuple[int, int]]:
    """Numbers of labels (n, 2) and predictions (m, 2); labels whose prediction is nearest choose first."""
    if not len(labels) or not len(found):
        return []
    distance = np.linalg.norm(labels[:, None] - found[None], axis=-1)
    taken: set[int] = set()
    pairs = []
    for label in np.argsort(distance.min(1), kind="stable").tolist():
        near = np.argsort(distance[label], kind="stable")[:NEAREST].tolist()
        if free := [prediction for prediction in near if prediction not in taken]:
            taken.add(free[0])
            pairs.append((label, free[0]))
    return pairs
