"""Boxes of images and those found in them -> mean average precision and recall, as COCO defines them.

The numbers equal those of DeepLabCut 3.0.2 (``metrics/test.mAP@50:95`` and so on).  M images, G true boxes,
P found ones; images with fewer boxes than the fullest are padded with nan.

Lin et al., Microsoft COCO (ECCV 2014); cocodataset.org/#detection-eval, boxes of all sizes, one class, no crowds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.poses import Instances

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
#: Found boxes of an image that count, the surest first.
MAX_DETECTIONS = 100
#: What a number is where there is no true box.
UNDEFINED = -1.0


@dataclass(frozen=True)
class BoxMetrics:
    """Average precision and recall, 0..100, and on how many images and true boxes they rest.

    ``mAP`` and ``mAR`` are means over overlaps (intersection over union) of 0.50 to 0.95 from which a box counts as
    found; the others ask for 0.50 and 0.75.  -1 where there is no true box.
    """

    mAP: float = UNDEFINED
    mAP_50: float = UNDEFINED
    mAP_75: float = UNDEFINED
    mAR: float = UNDEFINED
    mAR_50: float = UNDEFINED
    mAR_75: float = UNDEFINED
    images: int = 0
    boxes: int = 0

    def named(self) -> dict[str, float]:
        """The numbers by DeepLabCut's names, such as ``mAP@50:95``."""
        return {
            "mAP@50:95": self.mAP,
            "mAP@50": self.mAP_50,
            "mAP@75": self.mAP_75,
            "mAR@50:95": self.mAR,
            "mAR@50": self.mAR_50,
            "mAR@75": self.mAR_75,
        }


def evaluate_boxes(truth: Sequence[np.ndarray], found: Sequence[Instances]) -> BoxMetrics:
    """Compare the boxes found in M images with the true ones, all in pixels of the whole image.

    Parameters
    ----------
    truth
        Boxes (G, 4) of each image as x, y, width, height.
    found
        Of each image, in the same order, animals with ``box`` and ``box_score``.
    """
    if len(truth) != len(found):
        raise ValueError(f"evaluate_boxes: expected {len(truth)} images of found boxes, got {len(found)}")
    count = sum(map(len, truth))
    if not count:
        return BoxMetrics(images=len(truth))
    boxes, scores = zip(*map(_surest, found), strict=True)
    score = _stack(scores)  # (M, P)
    hit = _hits(_overlap(_stack(boxes), _stack(truth)))  # (T, M, P)
    counted = np.isfinite(score)
    order = np.argsort(-score[counted], kind="stable")
    precision, recall = _precision_and_recall(hit[:, counted][:, order], count)
    half, three_quarters = 0, 5  # places of 0.50 and 0.75
    return BoxMetrics(
        mAP=float(100 * precision.mean()),
        mAP_50=float(100 * precision[half]),
        mAP_75=float(100 * precision[three_quarters]),
        mAR=float(100 * recall.mean()),
        mAR_50=float(100 * recall[half]),
        mAR_75=float(100 * recall[three_quarters]),
        images=len(truth),
        boxes=count,
    )


def _surest(found: Instances) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (P, 4) and scores (P,) that count, the surest first."""
    if not len(found):
        return np.zeros((0, 4)), np.zeros(0)
    if found.box is None or found.box_score is None:
        raise ValueError("evaluate_boxes: expected animals with box and box_score")
    order = np.argsort(-found.box_score, kind="stable")[:MAX_DETECTIONS]
    return found.box[order], found.box_score[order]


def _stack(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays (N, ...) of M images as (M, largest N, ...), padded with nan."""
    most = max(map(len, arrays))
    stacked = np.full((len(arrays), most, *arrays[0].shape[1:]), np.nan)
    for row, values in zip(stacked, arrays, strict=True):
        row[: len(values)] = values
    return stacked


def _overlap(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Intersection over union (M, P, G) of boxes (M, P, 4) and (M, G, 4) as x, y, width, height; 0 where one is nan."""
    one, other = boxes[:, :, None], truth[:, None]
    low = np.maximum(one[..., :2], other[..., :2])
    high = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
    shared = np.maximum(high - low, 0).prod(-1)
    union = one[..., 2:].prod(-1) + other[..., 2:].prod(-1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _hits(overlap: np.ndarray) -> np.ndarray:
    """Which found boxes, the surest first, get a true one of their own: (M, P, G) -> (T, M, P) for T thresholds.

    Each takes the free true box that it overlaps most; of equal ones the last.
    """
    images, found, boxes = overlap.shape
    hit = np.zeros((len(THRESHOLDS), images, found), bool)
    free = np.ones((len(THRESHOLDS), images, boxes), bool)
    for rank in range(found):  # one after the other, because a surer box takes first
        offered = np.where(free, overlap[:, rank], -1.0)
        choice = boxes - 1 - offered[..., ::-1].argmax(-1)
        best = np.take_along_axis(offered, choice[..., None], -1)[..., 0]
        hit[..., rank] = best >= THRESHOLDS[:, None]
        threshold, image = np.nonzero(hit[..., rank])
        free[threshold, image, choice[threshold, image]] = False
    return hit


def _precision_and_recall(hit: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Average precision and last recall (T,) of hits (T, D), the surest of all images first."""
    if not hit.shape[1]:
        return np.zeros(len(hit)), np.zeros(len(hit))
    hits = hit.cumsum(1)
    precision = hits / np.arange(1, hit.shape[1] + 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    ended = np.concatenate([envelope, np.zeros((len(hit), 1))], 1)
    at = np.stack([np.searchsorted(row / count, RECALLS, side="left") for row in hits])
    return np.take_along_axis(ended, at, 1).mean(1), hits[:, -1] / count
