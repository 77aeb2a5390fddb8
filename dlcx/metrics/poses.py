"""Truth and predictions of images -> pixel errors, mAP and mAR by object keypoint similarity (OKS).

The numbers equal those of DeepLabCut 3.0.2 (``evaluate_network``).  M images, G labelled animals, P predicted ones,
K bodyparts; images with fewer animals than the fullest are padded with nan.

OKS and its use follow COCO (cocodataset.org/#keypoints-eval), except that the animal's area is that of the box around
its labelled keypoints and that a prediction competes for no other animal than the one it resembles most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dlcx.metrics.error_scale import ErrorScale, error_scale
from dlcx.metrics.identity import identity_accuracy
from dlcx.poses import Instances, Prediction

OKS_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
_ANY_OVERLAP = 1e-6  # OKS from which a prediction belongs to an animal when pixel errors are taken


@dataclass(frozen=True)
class PoseMetrics:
    """Errors of predicted poses, and on how many images, labelled animals and keypoints they rest.

    ``rmse`` is DeepLabCut's name for the mean Euclidean distance in pixels over all keypoints that are labelled and
    predicted (``keypoints`` of them, of ``labelled`` ones); ``rmse_pcutoff`` takes only those whose score reaches the
    cut-off (``keypoints_pcutoff``); nan where there are none.  ``rmse_detections`` and ``rmse_detections_pcutoff``
    are the same of keypoints that are paired one by one, whatever animals they were given to: how far ``rmse`` is
    above them is owed to wrong animals; nan for a single animal.  ``mAP`` and ``mAR`` go from 0 to 100.
    ``per_bodypart`` and ``per_unique`` are the mean distances of the single bodyparts; ``identity`` is the share of
    each bodypart's keypoints with most votes for the right individual, empty without votes.  ``yardstick`` says
    what errors are to be compared with.
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
    """Compare the poses of M images with their labels, both in pixels of the whole image.

    Parameters
    ----------
    truth, predicted
        One entry an image, in the same order.  A label counts where its score is above 0, a predicted keypoint where
        its score is not negative; nan is unseen in both.
    pcutoff
        One score for all keypoints or one for each (bodyparts, then unique bodyparts).
    single
        Pair label and prediction directly, because one animal is known to be there; else the most alike are paired.
    sigma
        Width of the OKS of mAP and mAR relative to the animal's size; one for all bodyparts or one each.
    margin
        Pixels added to all sides of the box around the labelled keypoints, for mAP and mAR.
    """
    if len(truth) != len(predicted):
        raise ValueError(f"evaluate_poses: expected {len(truth)} predictions, got {len(predicted)} predictions")
    if not truth:
        return PoseMetrics(np.nan, np.nan, np.nan, np.nan)
    labels = _labelled([pose.animals for pose in truth])
    xy, score, sure = _seen([pose.animals for pose in predicted])
    alike = compute_oks(labels, xy, 0.1, 0)  # who is who must not depend on how strictly mAP judges
    partner = np.zeros(xy.shape[:2], int) if single else _partners(alike, _ANY_OVERLAP)
    error, error_score = _errors(labels, xy, score, partner)

    unique_parts = 0 if truth[0].unique is None else truth[0].unique.score.shape[1]
    unique_labels = _labelled([pose.unique or Instances.none(unique_parts) for pose in truth])
    unique_xy, unique_score, _ = _seen([pose.unique or Instances.none(unique_parts) for pose in predicted])
    first = np.zeros(unique_xy.shape[:2], int)
    unique_error, unique_error_score = _errors(unique_labels, unique_xy, unique_score, first)

    parts = error.shape[1]
    cutoffs = np.broadcast_to(pcutoff, parts + unique_parts)
    errors = np.concatenate([error.ravel(), unique_error.ravel()])
    good = [error_score >= cutoffs[:parts], unique_error_score >= cutoffs[parts:]]
    errors_pcutoff = errors[np.concatenate([group.ravel() for group in good])]
    loose = unpaired = np.zeros(0)
    if not single:
        apart, apart_score = _detection_errors(labels, xy, score)
        loose = np.concatenate([apart.ravel(), unique_error.ravel()])
        unpaired = loose[np.concatenate([(apart_score >= cutoffs[:parts]).ravel(), good[1].ravel()])]
    seen, unique_seen = np.isfinite(labels).all(-1), np.isfinite(unique_labels).all(-1)
    mean_precision, mean_recall = _average_precision(seen, score, sure, compute_oks(labels, xy, sigma, margin))
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
        rmse_detections=_mean(loose),
        rmse_detections_pcutoff=_mean(unpaired),
        yardstick=error_scale(truth),
    )


@dataclass(frozen=True)
class KeypointErrors:
    """Every label of M images, G * K of animals and U unique ones: where labels are, and where they were found.

    error (M, G * K + U) in pixels and score, nan where a label was not found; labelled; part, the bodypart's number.
    """

    error: np.ndarray
    score: np.ndarray
    labelled: np.ndarray
    part: np.ndarray


def keypoint_errors(truth: Sequence[Prediction], predicted: Sequence[Prediction], *, single: bool) -> KeypointErrors:
    """The error of each label.

    Labels and predictions are paired as in :func:`evaluate_poses`, so that the mean error is its ``rmse``.
    """
    labels = _labelled([pose.animals for pose in truth])
    xy, score, _ = _seen([pose.animals for pose in predicted])
    alike = compute_oks(labels, xy, 0.1, 0)
    partner = np.zeros(xy.shape[:2], int) if single else _partners(alike, _ANY_OVERLAP)
    unique_parts = 0 if truth[0].unique is None else truth[0].unique.score.shape[1]
    unique_labels = _labelled([pose.unique or Instances.none(unique_parts) for pose in truth])
    unique_xy, unique_score, _ = _seen([pose.unique or Instances.none(unique_parts) for pose in predicted])
    own = _by_label(labels, xy, score, partner)
    unique = _by_label(unique_labels, unique_xy, unique_score, np.zeros(unique_xy.shape[:2], int))
    count, parts = len(truth), labels.shape[2]
    seen = [np.isfinite(some).all(-1).reshape(count, -1) for some in (labels, unique_labels)]
    error, found = (
        np.concatenate([one.reshape(count, -1), other.reshape(count, -1)], 1)
        for one, other in zip(own, unique, strict=True)
    )
    part = np.concatenate([np.tile(np.arange(parts), labels.shape[1]), parts + np.arange(unique_parts)])
    return KeypointErrors(error, np.where(np.isfinite(error), found, np.nan), np.concatenate(seen, 1), part)


def _by_label(
    labels: np.ndarray, xy: np.ndarray, score: np.ndarray, partner: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distances (M, G, K) of labels to the predictions (M, P, K) that are their partners, and the scores of those."""
    errors, scores = (np.full(labels.shape[:-1], np.nan) for _ in range(2))
    for prediction in reversed(range(xy.shape[1])):  # of several the first, which is the surest, is written last
        images = np.flatnonzero(partner[:, prediction] >= 0)
        mine = partner[images, prediction]
        errors[images, mine] = np.linalg.norm(xy[images, prediction] - labels[images, mine], axis=-1)
        scores[images, mine] = score[images, prediction]
    return errors, scores


def _stack(images: Sequence[Instances]) -> tuple[np.ndarray, np.ndarray]:
    """xy (M, N, K, 2) and score (M, N, K) of all images, padded with nan to the largest N (at least 1)."""
    most = max(1, *map(len, images))
    xy = np.full((len(images), most, *images[0].xy.shape[1:]), np.nan)
    score = np.full(xy.shape[:-1], np.nan)
    for i, instances in enumerate(images):
        xy[i, : len(instances)], score[i, : len(instances)] = instances.xy, instances.score
    return xy, score


def _labelled(images: Sequence[Instances]) -> np.ndarray:
    """Labels (M, G, K, 2), nan where there is none."""
    xy, score = _stack(images)
    return np.where((score > 0)[..., None] & np.isfinite(xy).all(-1, keepdims=True), xy, np.nan)


def _seen(images: Sequence[Instances]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions, nan where there is none, the surest animal first.

    xy (M, P, K, 2), score (M, P, K), and how sure each animal is (M, P): its mean score, to which keypoints that have a
    score (mostly 0) and no place count too; -inf for nobody.
    """
    xy, score = _stack(images)
    scored = score >= 0
    sure = np.where(scored, score, 0).sum(-1) / np.maximum(scored.sum(-1), 1)
    sure = np.where(scored.any(-1), sure, -np.inf)
    seen = scored & np.isfinite(xy).all(-1)
    xy, score = np.where(seen[..., None], xy, np.nan), np.where(seen, score, np.nan)
    order = np.argsort(-sure, axis=1, kind="stable")
    rows = order[..., None]
    xy, score = np.take_along_axis(xy, rows[..., None], 1), np.take_along_axis(score, rows, 1)
    return xy, score, np.take_along_axis(sure, order, 1)


def compute_oks(labels: np.ndarray, xy: np.ndarray, sigma: float | Sequence[float], margin: float) -> np.ndarray:
    """OKS (M, P, G); nan for animals whose size is unknown: fewer than two labels, or all of them on one line.

    A labelled keypoint that was not predicted counts as similarity 0.
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
    alike = np.exp(-squared / scale)
    mean = np.nansum(alike, -1) / np.maximum(count, 1)[:, None]
    return np.where(known[:, None], mean, np.nan)


def _partners(oks: np.ndarray, threshold: float) -> np.ndarray:
    """Label that each prediction, the surest first, is compared with: (M, P, G) -> (M, P), -1 for none.

    A prediction wants the label it resembles most and stays alone when a surer one has taken it.
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
    """Distances (M * P, K) of predictions to their partners' labels, nan where either is missing, and their scores."""
    label = np.take_along_axis(labels, np.maximum(partner, 0)[..., None, None], 1)
    distance = np.linalg.norm(xy - label, axis=-1)
    distance[partner < 0] = np.nan
    return np.concatenate(distance), np.concatenate(score)


def _detection_errors(labels: np.ndarray, xy: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances (M * P, K) of keypoints to the labels of their bodypart that fit best as a whole, and their scores."""
    from scipy.optimize import linear_sum_assignment

    error = np.full(score.shape, np.nan)
    distance = np.linalg.norm(xy[:, :, None] - labels[:, None], axis=-1)  # (M, P, G, K)
    both = np.isfinite(distance)
    for image, part in np.argwhere(both.any((1, 2))).tolist():
        rows = np.flatnonzero(both[image, ..., part].any(1))
        columns = np.flatnonzero(both[image, ..., part].any(0))
        away = distance[image, ..., part][np.ix_(rows, columns)]
        one, other = linear_sum_assignment(away)
        error[image, rows[one], part] = away[one, other]
    return np.concatenate(error), np.concatenate(score)


def _average_precision(seen: np.ndarray, score: np.ndarray, sure: np.ndarray, oks: np.ndarray) -> tuple[float, float]:
    """Mean average precision and recall over the OKS thresholds, 0..100.

    Animals with fewer than two keypoints count neither among the labels nor among the predictions.
    """
    animals = int((seen.sum(-1) >= 2).sum())
    counted = np.isfinite(score).sum(-1) >= 2  # (M, P)
    if not animals:
        return np.nan, np.nan
    if not counted.any():
        return 0.0, 0.0
    oks = np.where(counted[..., None], oks, np.nan)
    order = np.argsort(-sure[counted], kind="stable")
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
