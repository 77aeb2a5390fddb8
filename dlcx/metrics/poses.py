"""Errors of predicted poses: pixel errors, and mAP and mAR by object keypoint similarity (OKS).

The results equal those of DeepLabCut 3.0.2 (``evaluate_network``).  Shapes: M images, G labeled animals, P predicted
animals, K bodyparts, U unique bodyparts; images with fewer animals than others are padded with nan.

OKS and its use follow COCO (cocodataset.org/#keypoints-eval), with two exceptions: the area of an animal is that of the
box around its labeled keypoints, and a prediction competes only for the animal with which it has the highest OKS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dlcx.metrics.error_scale import ErrorScale, error_scale
from dlcx.metrics.identity import identity_accuracy
from dlcx.poses import Instances, Prediction

#: OKS thresholds over which mAP and mAR are averaged.
OKS_THRESHOLDS = np.linspace(0.5, 0.95, 10)
#: Recalls at which precision is sampled.
RECALLS = np.linspace(0, 1, 101)
#: Minimum OKS of a prediction and a label that are paired to compute pixel errors.
_MIN_OKS = 1e-6
#: Width of the OKS by which predictions and labels are paired; it does not depend on the width for mAP.
_PAIRING_SIGMA = 0.1


@dataclass(frozen=True)
class PoseMetrics:
    """Errors of predicted poses.

    Field names are keys of the JSON output.

    Parameters
    ----------
    rmse
        Mean Euclidean distance in pixels over all keypoints that are labeled and predicted; nan without any.
        DeepLabCut calls it RMSE.
    rmse_pcutoff
        The same over keypoints whose score reaches the cutoff.
    mAP, mAR
        Mean average precision and recall, from 0 to 100.
    per_bodypart, per_unique
        Mean distance of each bodypart and each unique bodypart in pixels.
    identity
        Accuracy of the identity scores of each bodypart, see :func:`dlcx.metrics.identity_accuracy`.
    images, animals, labelled
        Number of images, of labeled animals and of labeled keypoints.
    keypoints, keypoints_pcutoff
        Number of keypoints in ``rmse`` and ``rmse_pcutoff``.
    rmse_detections, rmse_detections_pcutoff
        Like ``rmse`` and ``rmse_pcutoff``, but with keypoints paired one by one, regardless of their animals.  The
        difference is the error caused by keypoints that were assigned to wrong animals.  nan for a single animal.
    yardstick
        Size of the animals and error of a trivial prediction, for comparison.
    """

    rmse: float
    rmse_pcutoff: float
    mAP: float
    mAR: float
    per_bodypart: tuple[float, ...] = ()
    per_unique: tuple[float, ...] = ()
    identity: tuple[float, ...] = ()
    images: int = 0
    animals: int = 0
    labelled: int = 0
    keypoints: int = 0
    keypoints_pcutoff: int = 0
    rmse_detections: float = np.nan
    rmse_detections_pcutoff: float = np.nan
    yardstick: ErrorScale = field(default_factory=ErrorScale)


def evaluate_poses(
    truth: Sequence[Prediction],
    predicted: Sequence[Prediction],
    *,
    pcutoff: float | Sequence[float] = 0.6,
    single: bool,
    sigma: float | Sequence[float] = 0.1,
    margin: float = 0,
) -> PoseMetrics:
    """Compare predicted poses with labels.

    Parameters
    ----------
    truth, predicted
        One entry per image, in the same order, in pixels of the full image.  Labels with a score above 0 count, and
        predicted keypoints with a score that is not negative; nan is unseen in both.
    pcutoff
        Score cutoff for all keypoints, or one per bodypart and then one per unique bodypart.
    single
        Pair the label and the prediction of each image directly, because there is only one animal.  Otherwise animals
        are paired by OKS.
    sigma
        Width of the OKS for mAP and mAR relative to the size of the animal, for all bodyparts or one per bodypart.
    margin
        Pixels added to each side of the box around the labeled keypoints, for mAP and mAR.

    Returns
    -------
    PoseMetrics
        Errors over all images; nan without images.

    Raises
    ------
    ValueError
        If the numbers of labels and predictions differ.

    Examples
    --------
    >>> one = Prediction(Instances(np.array([[[10.0, 10.0]]]), np.array([[1.0]])))
    >>> other = Prediction(Instances(np.array([[[13.0, 14.0]]]), np.array([[0.9]])))
    >>> evaluate_poses([one], [other], single=True).rmse
    5.0
    """
    if len(truth) != len(predicted):
        raise ValueError(f"evaluate_poses: expected {len(truth)} predictions, got {len(predicted)}")
    if not truth:
        return PoseMetrics(np.nan, np.nan, np.nan, np.nan)
    labels = _labels([pose.animals for pose in truth])
    xy, score, confidence = _predictions([pose.animals for pose in predicted])
    partner = _partner_labels(labels, xy, single)
    error, error_score = _errors(labels, xy, score, partner)

    unique_parts = 0 if truth[0].unique is None else truth[0].unique.score.shape[1]
    unique_labels = _labels([pose.unique or Instances.empty(unique_parts) for pose in truth])
    unique_xy, unique_score, _ = _predictions([pose.unique or Instances.empty(unique_parts) for pose in predicted])
    first = np.zeros(unique_xy.shape[:2], int)
    unique_error, unique_error_score = _errors(unique_labels, unique_xy, unique_score, first)

    parts = error.shape[1]
    cutoffs = np.broadcast_to(pcutoff, parts + unique_parts)
    errors = np.concatenate([error.ravel(), unique_error.ravel()])
    confident = [error_score >= cutoffs[:parts], unique_error_score >= cutoffs[parts:]]
    errors_pcutoff = errors[np.concatenate([group.ravel() for group in confident])]
    detections = detections_pcutoff = np.zeros(0)
    if not single:
        keypoint_error, keypoint_score = _detection_errors(labels, xy, score)
        detections = np.concatenate([keypoint_error.ravel(), unique_error.ravel()])
        detections_pcutoff = detections[
            np.concatenate([(keypoint_score >= cutoffs[:parts]).ravel(), confident[1].ravel()])
        ]
    seen, unique_seen = np.isfinite(labels).all(-1), np.isfinite(unique_labels).all(-1)
    mean_precision, mean_recall = _average_precision(seen, score, confidence, compute_oks(labels, xy, sigma, margin))
    return PoseMetrics(
        rmse=_mean(errors),
        rmse_pcutoff=_mean(errors_pcutoff),
        mAP=mean_precision,
        mAR=mean_recall,
        per_bodypart=tuple(map(_mean, error.T)),
        per_unique=tuple(map(_mean, unique_error.T)),
        identity=identity_accuracy([pose.animals for pose in truth], [pose.animals for pose in predicted]),
        images=len(truth),
        animals=int(seen.any(-1).sum()),
        labelled=int(seen.sum() + unique_seen.sum()),
        keypoints=int(np.isfinite(errors).sum()),
        keypoints_pcutoff=int(np.isfinite(errors_pcutoff).sum()),
        rmse_detections=_mean(detections),
        rmse_detections_pcutoff=_mean(detections_pcutoff),
        yardstick=error_scale(truth),
    )


@dataclass(frozen=True)
class KeypointErrors:
    """Error of every keypoint of M images: L = G * K keypoints of animals and U unique bodyparts.

    Parameters
    ----------
    error
        (M, L) in pixels, nan where a keypoint is not labeled or not predicted.
    score
        Score of the prediction, (M, L), nan like ``error``.
    labeled
        Whether a keypoint is labeled, (M, L) bool.
    part
        Index of the bodypart, (L,); unique bodyparts follow the others.
    """

    error: np.ndarray
    score: np.ndarray
    labeled: np.ndarray
    part: np.ndarray


def keypoint_errors(truth: Sequence[Prediction], predicted: Sequence[Prediction], *, single: bool) -> KeypointErrors:
    """Compute the error of every keypoint.

    Labels and predictions are paired as in :func:`evaluate_poses`, so that the mean error equals its ``rmse``.

    Parameters
    ----------
    truth, predicted, single
        See :func:`evaluate_poses`; at least one image.

    Returns
    -------
    KeypointErrors
        Errors in pixels.
    """
    labels = _labels([pose.animals for pose in truth])
    xy, score, _ = _predictions([pose.animals for pose in predicted])
    partner = _partner_labels(labels, xy, single)
    unique_parts = 0 if truth[0].unique is None else truth[0].unique.score.shape[1]
    unique_labels = _labels([pose.unique or Instances.empty(unique_parts) for pose in truth])
    unique_xy, unique_score, _ = _predictions([pose.unique or Instances.empty(unique_parts) for pose in predicted])
    own = _by_label(labels, xy, score, partner)
    unique = _by_label(unique_labels, unique_xy, unique_score, np.zeros(unique_xy.shape[:2], int))
    count, parts = len(truth), labels.shape[2]
    seen = [np.isfinite(points).all(-1).reshape(count, -1) for points in (labels, unique_labels)]
    error, found = (
        np.concatenate([one.reshape(count, -1), other.reshape(count, -1)], 1)
        for one, other in zip(own, unique, strict=True)
    )
    part = np.concatenate([np.tile(np.arange(parts), labels.shape[1]), parts + np.arange(unique_parts)])
    return KeypointErrors(error, np.where(np.isfinite(error), found, np.nan), np.concatenate(seen, 1), part)


def _by_label(
    labels: np.ndarray, xy: np.ndarray, score: np.ndarray, partner: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distances (M, G, K) of labels from their partners among the predictions (M, P, K), and the partners' scores."""
    errors, scores = (np.full(labels.shape[:-1], np.nan) for _ in range(2))
    for prediction in reversed(range(xy.shape[1])):  # the first one is the most confident, so it is written last
        images = np.flatnonzero(partner[:, prediction] >= 0)
        mine = partner[images, prediction]
        errors[images, mine] = np.linalg.norm(xy[images, prediction] - labels[images, mine], axis=-1)
        scores[images, mine] = score[images, prediction]
    return errors, scores


def _stack(images: Sequence[Instances]) -> tuple[np.ndarray, np.ndarray]:
    """xy (M, N, K, 2) and score (M, N, K) of all images, padded with nan to the largest N (at least 1)."""
    largest = max(1, *map(len, images))
    xy = np.full((len(images), largest, *images[0].xy.shape[1:]), np.nan)
    score = np.full(xy.shape[:-1], np.nan)
    for i, instances in enumerate(images):
        xy[i, : len(instances)], score[i, : len(instances)] = instances.xy, instances.score
    return xy, score


def _labels(images: Sequence[Instances]) -> np.ndarray:
    """Labels (M, G, K, 2), nan where there is none."""
    xy, score = _stack(images)
    return np.where((score > 0)[..., None] & np.isfinite(xy).all(-1, keepdims=True), xy, np.nan)


def _predictions(images: Sequence[Instances]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions, most confident animal first, nan where there is none.

    Returns xy (M, P, K, 2), score (M, P, K) and the confidence of each animal (M, P): its mean score, which includes
    keypoints with a score (mostly 0) but no position; -inf for empty rows.
    """
    xy, score = _stack(images)
    scored = score >= 0
    confidence = np.where(scored, score, 0).sum(-1) / np.maximum(scored.sum(-1), 1)
    confidence = np.where(scored.any(-1), confidence, -np.inf)
    seen = scored & np.isfinite(xy).all(-1)
    xy, score = np.where(seen[..., None], xy, np.nan), np.where(seen, score, np.nan)
    order = np.argsort(-confidence, axis=1, kind="stable")
    rows = order[..., None]
    xy, score = np.take_along_axis(xy, rows[..., None], 1), np.take_along_axis(score, rows, 1)
    return xy, score, np.take_along_axis(confidence, order, 1)


def compute_oks(labels: np.ndarray, xy: np.ndarray, sigma: float | Sequence[float], margin: float) -> np.ndarray:
    """Compute object keypoint similarities.

    Parameters
    ----------
    labels
        Labels (M, G, K, 2) in pixels, nan where unseen.
    xy
        Predictions (M, P, K, 2) in pixels of the same images, nan where unseen; missing keypoints count as 0.
    sigma
        Width relative to the size of the animal, for all keypoints or one per keypoint.
    margin
        Pixels added to each side of the box around the labels, whose area is the size of the animal.

    Returns
    -------
    numpy.ndarray
        (M, P, G) from 0 to 1; nan for animals without a size: fewer than two labels, or all labels on a horizontal or
        vertical line.
    """
    seen = np.isfinite(labels).all(-1)  # (M, G, K)
    low = np.where(seen[..., None], labels, np.inf).min(-2)
    high = np.where(seen[..., None], labels, -np.inf).max(-2)
    count = seen.sum(-1)  # (M, G)
    width, height = np.moveaxis(
        np.subtract(high, low, where=count[..., None] > 0, out=np.zeros_like(low)) + 2 * margin, -1, 0
    )
    known = (count >= 2) & (width > 0) & (height > 0)
    area = np.where(known, (width + np.spacing(1)) * (height + np.spacing(1)), np.nan)

    squared = ((xy[:, :, None] - labels[:, None]) ** 2).sum(-1)  # (M, P, G, K)
    scale = 2 * area[:, None, :, None] * (2 * np.asarray(sigma, float)) ** 2
    similarity = np.exp(-squared / scale)
    mean = np.nansum(similarity, -1) / np.maximum(count, 1)[:, None]
    return np.where(known[:, None], mean, np.nan)


def _partner_labels(labels: np.ndarray, xy: np.ndarray, single: bool) -> np.ndarray:
    """Label (M, P) with which each prediction is compared, -1 for none."""
    if single:
        return np.zeros(xy.shape[:2], int)
    return _partners(compute_oks(labels, xy, _PAIRING_SIGMA, 0), _MIN_OKS)


def _partners(oks: np.ndarray, threshold: float) -> np.ndarray:
    """Pair predictions, most confident first, with labels: (M, P, G) -> (M, P), -1 for none.

    Each prediction competes for the label with the highest OKS only, and stays unpaired if a more confident one has it.
    """
    oks = np.where(np.isnan(oks), -1, oks)
    wanted, value = oks.argmax(-1), oks.max(-1)
    wanted = np.where(value >= threshold, wanted, -1)
    same = wanted[:, :, None] == wanted[:, None, :]  # (M, P, P)
    taken = np.tril(same, -1).any(-1)
    return np.where(taken, -1, wanted)


def _errors(
    labels: np.ndarray, xy: np.ndarray, score: np.ndarray, partner: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distances (M * P, K) of predictions from their partner labels, nan where either is missing, and their scores."""
    label = np.take_along_axis(labels, np.maximum(partner, 0)[..., None, None], 1)
    distance = np.linalg.norm(xy - label, axis=-1)
    distance[partner < 0] = np.nan
    return np.concatenate(distance), np.concatenate(score)


def _detection_errors(labels: np.ndarray, xy: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances (M * P, K) of keypoints from labels, paired at the lowest total distance per bodypart; and scores."""
    from scipy.optimize import linear_sum_assignment

    error = np.full(score.shape, np.nan)
    distance = np.linalg.norm(xy[:, :, None] - labels[:, None], axis=-1)  # (M, P, G, K)
    both = np.isfinite(distance)
    for image, part in np.argwhere(both.any((1, 2))).tolist():
        rows = np.flatnonzero(both[image, ..., part].any(1))
        columns = np.flatnonzero(both[image, ..., part].any(0))
        cost = distance[image, ..., part][np.ix_(rows, columns)]
        one, other = linear_sum_assignment(cost)
        error[image, rows[one], part] = cost[one, other]
    return np.concatenate(error), np.concatenate(score)


def _average_precision(
    seen: np.ndarray, score: np.ndarray, confidence: np.ndarray, oks: np.ndarray
) -> tuple[float, float]:
    """Mean average precision and recall over the OKS thresholds, from 0 to 100.

    Labeled and predicted animals with fewer than two keypoints do not count.
    """
    animals = int((seen.sum(-1) >= 2).sum())
    counted = np.isfinite(score).sum(-1) >= 2  # (M, P)
    if not animals:
        return np.nan, np.nan
    if not counted.any():
        return 0.0, 0.0
    oks = np.where(counted[..., None], oks, np.nan)
    order = np.argsort(-confidence[counted], kind="stable")
    precisions, recalls = [], []
    for threshold in OKS_THRESHOLDS:
        hits = np.cumsum((_partners(oks, threshold) >= 0)[counted][order])
        precision = hits / np.arange(1, len(hits) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        at = np.searchsorted(hits / animals, RECALLS, side="left")
        precisions.append(np.append(envelope, 0)[at].mean())
        recalls.append(hits[-1] / animals)
    return float(100 * np.mean(precisions)), float(100 * np.mean(recalls))


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")
