"""Mean average precision and recall of boxes, as COCO defines them.

The results equal those of DeepLabCut 3.0.2 (``metrics/test.mAP@50:95`` and so on).  Shapes: M images, G true boxes,
P predicted boxes; images with fewer boxes than others are padded with nan.

Lin et al., Microsoft COCO (ECCV 2014); cocodataset.org/#detection-eval, for boxes of all sizes, one class, no crowds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.poses import Instances

#: IoU thresholds over which mAP and mAR are averaged.
THRESHOLDS = np.linspace(0.5, 0.95, 10)
#: Recalls at which precision is sampled.
RECALLS = np.linspace(0, 1, 101)
#: Maximum number of predicted boxes per image; the most confident ones count.
MAX_DETECTIONS = 100
#: Value of all metrics if there is no true box.
UNDEFINED = -1.0


@dataclass(frozen=True)
class BoxMetrics:
    """Average precision and recall, from 0 to 100; -1 if there is no true box.

    Parameters
    ----------
    mAP, mAR
        Means over IoU thresholds from 0.50 to 0.95.
    mAP_50, mAP_75, mAR_50, mAR_75
        At an IoU threshold of 0.50 and 0.75.
    images, boxes
        Number of images and of true boxes.
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
        """The metrics under DeepLabCut's names, such as ``mAP@50:95``."""
        return {
            "mAP@50:95": self.mAP,
            "mAP@50": self.mAP_50,
            "mAP@75": self.mAP_75,
            "mAR@50:95": self.mAR,
            "mAR@50": self.mAR_50,
            "mAR@75": self.mAR_75,
        }


def evaluate_boxes(truth: Sequence[np.ndarray], found: Sequence[Instances]) -> BoxMetrics:
    """Compare predicted boxes with true boxes.

    Parameters
    ----------
    truth
        True boxes of each image, (G, 4) as x, y, width, height in pixels.
    found
        Animals with ``box`` and ``box_score`` of each image, in the same order.

    Returns
    -------
    BoxMetrics
        Average precision and recall.

    Raises
    ------
    ValueError
        If the numbers of images differ, or animals have no boxes.
    """
    if len(truth) != len(found):
        raise ValueError(f"evaluate_boxes: expected boxes of {len(truth)} images, got {len(found)}")
    count = sum(map(len, truth))
    if not count:
        return BoxMetrics(images=len(truth))
    boxes, scores = zip(*map(_most_confident, found), strict=True)
    score = _stack(scores)  # (M, P)
    hit = _hits(_iou(_stack(boxes), _stack(truth)))  # (T, M, P)
    counted = np.isfinite(score)
    order = np.argsort(-score[counted], kind="stable")
    precision, recall = _precision_and_recall(hit[:, counted][:, order], count)
    at_50, at_75 = 0, 5  # indices of the thresholds 0.50 and 0.75
    return BoxMetrics(
        mAP=float(100 * precision.mean()),
        mAP_50=float(100 * precision[at_50]),
        mAP_75=float(100 * precision[at_75]),
        mAR=float(100 * recall.mean()),
        mAR_50=float(100 * recall[at_50]),
        mAR_75=float(100 * recall[at_75]),
        images=len(truth),
        boxes=count,
    )


def _most_confident(found: Instances) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (P, 4) and scores (P,) that count, most confident first."""
    if not len(found):
        return np.zeros((0, 4)), np.zeros(0)
    if found.box is None or found.box_score is None:
        raise ValueError("evaluate_boxes: expected animals with box and box_score")
    order = np.argsort(-found.box_score, kind="stable")[:MAX_DETECTIONS]
    return found.box[order], found.box_score[order]


def _stack(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays (N, ...) of M images as (M, largest N, ...), padded with nan."""
    longest = max(map(len, arrays))
    stacked = np.full((len(arrays), longest, *arrays[0].shape[1:]), np.nan)
    for row, values in zip(stacked, arrays, strict=True):
        row[: len(values)] = values
    return stacked


def _iou(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Intersection over union (M, P, G) of boxes (M, P, 4) and (M, G, 4) as x, y, width, height; 0 where one is nan."""
    one, other = boxes[:, :, None], truth[:, None]
    low = np.maximum(one[..., :2], other[..., :2])
    high = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
    shared = np.maximum(high - low, 0).prod(-1)
    union = one[..., 2:].prod(-1) + other[..., 2:].prod(-1) - shared
    result: np.ndarray = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def _hits(iou: np.ndarray) -> np.ndarray:
    """Whether each predicted box, most confident first, gets a true box: (M, P, G) -> (T, M, P) for T thresholds.

    Each takes the free true box with the highest IoU, the last one of equals.
    """
    images, found, boxes = iou.shape
    hit = np.zeros((len(THRESHOLDS), images, found), bool)
    free = np.ones((len(THRESHOLDS), images, boxes), bool)
    for rank in range(found):  # one at a time, because more confident boxes choose first
        offered = np.where(free, iou[:, rank], -1.0)
        choice = boxes - 1 - offered[..., ::-1].argmax(-1)
        best = np.take_along_axis(offered, choice[..., None], -1)[..., 0]
        hit[..., rank] = best >= THRESHOLDS[:, None]
        threshold, image = np.nonzero(hit[..., rank])
        free[threshold, image, choice[threshold, image]] = False
    return hit


def _precision_and_recall(hit: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Average precision and final recall (T,) of hits (T, D), most confident of all images first."""
    if not hit.shape[1]:
        return np.zeros(len(hit)), np.zeros(len(hit))
    hits = hit.cumsum(1)
    precision = hits / np.arange(1, hit.shape[1] + 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    padded = np.concatenate([envelope, np.zeros((len(hit), 1))], 1)
    at = np.stack([np.searchsorted(row / count, RECALLS, side="left") for row in hits])
    return np.take_along_axis(padded, at, 1).mean(1), hits[:, -1] / count
