"""Compare tracks with true tracks: HOTA, IDF1, MOTA and identity switches.

The results equal those of the package trackeval (its HOTA, Identity and CLEAR) for the same similarities, with the two
exceptions described in :func:`evaluate_tracks`.  Shapes: T frames, G true animals, P predicted tracks, K bodyparts.

The similarity of two poses is their object keypoint similarity (OKS) as defined by COCO
(cocodataset.org/#keypoints-eval)::

    mean over the true keypoints of exp(-d**2 / (2 * scale**2 * (2 * sigma)**2))

where d is the distance in pixels and sigma is 0.1 for all bodyparts; keypoints that were not predicted count as 0.  The
scale is the square root of an animal's area, one number for the entire video, so that posture and orientation do not
matter.  The area is 6 times the mean squared distance of the keypoints from their mean (the area of a filled square),
median over the frames.  Two poses whose keypoints are 0.235 scales apart have a similarity of 0.5.

HOTA: Luiten et al., IJCV 129 (2021).  IDF1: Ristani et al., ECCV 2016 workshops.  MOTA: Bernardin and Stiefelhagen,
EURASIP JIVP 2008.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.poses import Tracks

#: Width of the OKS relative to the scale.
SIGMA = 0.1
#: Minimum similarity of a match, for IDF1, MOTA, switches and fragmentations.
THRESHOLD = 0.5
#: Similarity thresholds over which HOTA is averaged.
ALPHAS = np.arange(0.05, 0.99, 0.05)
_EPS = np.finfo(float).eps
_BLOCK = 512  # number of frames whose distances are in memory at once
_KEEP_PAIR = 1000.0  # bonus for pairs of the frame before


@dataclass(frozen=True)
class IdentitySwitch:
    """A true animal that continues in another predicted track.

    Parameters
    ----------
    frame
        First frame in the other track.
    animal
        Name of the animal.
    before, after
        Names of the predicted tracks.
    """

    frame: int
    animal: str
    before: str
    after: str


@dataclass(frozen=True)
class TrackedAnimal:
    """Results for one true animal.

    Parameters
    ----------
    name
        Name of the individual.
    frames
        Number of frames in which it is visible.
    found
        Number of frames with a matching pose.
    track
        Predicted track that IDF1 assigns to it; None without one.
    IDF1
        F1 score of that track.
    switches, fragmentations
        Number of identity switches, and of interruptions.
    similarity
        Mean similarity of the matching poses.
    error
        Mean distance of their keypoints in pixels.
    """

    name: str
    frames: int
    found: int
    track: str | None
    IDF1: float
    switches: int
    fragmentations: int
    similarity: float
    error: float


@dataclass(frozen=True)
class TrackMetrics:
    """Quality of predicted tracks.

    Parameters
    ----------
    HOTA, DetA, AssA, LocA
        Higher-order tracking accuracy, and its accuracies of detection, association and localization, from 0 to 1.
    IDF1, IDP, IDR
        F1 score, precision and recall of identities, from 0 to 1.
    MOTA
        Multi-object tracking accuracy, at most 1.
    switches, fragmentations
        Number of identity switches, and of interruptions.
    found, missed, false
        Number of matches, of true poses without a match, and of predicted poses without a match.
    frames, empty
        Number of evaluated frames, and of frames without a true animal, which are left out.
    scale
        Median scale of the animals in pixels.
    animals, switched
        Results for each animal, and all identity switches.
    """

    HOTA: float
    DetA: float
    AssA: float
    LocA: float
    IDF1: float
    IDP: float
    IDR: float
    MOTA: float
    switches: int
    fragmentations: int
    found: int
    missed: int
    false: int
    frames: int
    empty: int
    scale: float
    animals: tuple[TrackedAnimal, ...] = ()
    switched: tuple[IdentitySwitch, ...] = ()


@dataclass(frozen=True)
class _Similarities:
    """Similarity (T, G, P), error (T, G, P) in pixels, and which true (T, G) and predicted (T, P) poses count."""

    similarity: np.ndarray
    error: np.ndarray
    true: np.ndarray
    predicted: np.ndarray


def evaluate_tracks(
    predicted: Tracks, truth: Tracks, *, sigma: float = SIGMA, threshold: float = THRESHOLD, scale: float | None = None
) -> TrackMetrics:
    """Compare predicted tracks with true tracks.

    Only bodyparts in both and frames with a true animal count.  Animals are paired by position, never by name.  True
    keypoints count if their score is above 0, predicted keypoints if they have a position.  A true animal whose
    keypoints are known but all have score 0, because another animal covers it, is neither missed nor a false detection.

    Results differ from those of trackeval in two ways.  Fragmentations are counted only in frames in which an animal is
    visible, because an absent animal cannot be lost; and a frame without any prediction interrupts tracks.

    Parameters
    ----------
    predicted, truth
        Tracks in pixels of the full image.
    sigma
        Width of the OKS relative to the scale.
    threshold
        Minimum similarity of a match.  HOTA uses all thresholds from 0.05 to 0.95.
    scale
        Square root of the animals' area in pixels; default: measured for each animal.

    Returns
    -------
    TrackMetrics
        Scores, counts, and results for each animal.

    Raises
    ------
    ValueError
        If no bodypart is in both, or if no animal has two keypoints from which to measure the scale.
    """
    parts = [part for part in truth.layout.bodyparts if part in predicted.layout.bodyparts]
    if not parts:
        raise ValueError("evaluate_tracks: predicted and true tracks have no bodypart in common")
    true_xy = truth.xy[:, :, [truth.layout.bodyparts.index(part) for part in parts]].astype(float)
    true_score = truth.score[:, :, [truth.layout.bodyparts.index(part) for part in parts]]
    known = np.isfinite(true_xy).all(-1)
    evaluated = np.flatnonzero(known.any((1, 2)))
    numbers = evaluated + truth.first
    scales = _scales(true_xy, known) if scale is None else np.full(known.shape[1], float(scale))
    xy = _rows(predicted, numbers)[:, :, [predicted.layout.bodyparts.index(part) for part in parts]]
    similarities = _compare(xy, true_xy[evaluated], known[evaluated], true_score[evaluated], scales, sigma, threshold)

    det, ass, loc = _hota(similarities)
    id_pairs, id_hits = _identities(similarities, threshold)
    partner = _clear(similarities, threshold)
    visible, predictions = int(similarities.true.sum()), int(similarities.predicted.sum())
    found = int((partner >= 0).sum())
    switched = _switches(partner, numbers, truth, predicted)
    animals = _animals(similarities, partner, id_pairs, threshold, switched, truth, predicted)
    switches = len(switched)
    return TrackMetrics(
        HOTA=float(np.sqrt(det * ass).mean()),
        DetA=float(det.mean()),
        AssA=float(ass.mean()),
        LocA=float(loc.mean()),
        IDF1=_share(2 * id_hits, visible + predictions),
        IDP=_share(id_hits, predictions),
        IDR=_share(id_hits, visible),
        MOTA=(found - (predictions - found) - switches) / max(visible, 1),
        switches=switches,
        fragmentations=sum(one.fragmentations for one in animals),
        found=found,
        missed=visible - found,
        false=predictions - found,
        frames=len(evaluated),
        empty=len(truth) - len(evaluated),
        scale=float(np.median(scales)) if len(scales) else np.nan,
        animals=animals,
        switched=switched,
    )


def _rows(tracks: Tracks, numbers: np.ndarray) -> np.ndarray:
    """xy (T, P, K, 2) of the frames with these numbers, nan where the tracks have no such frame."""
    row = numbers - tracks.first
    exists = (row >= 0) & (row < len(tracks))
    xy = np.full((len(numbers), *tracks.xy.shape[1:]), np.nan)
    xy[exists] = tracks.xy[row[exists]]
    return xy


def _scales(xy: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Square root of each animal's area, (G,) in pixels; for animals that never have two keypoints, the median."""
    count = known.sum(-1)
    points = np.where(known[..., None], xy, 0)
    center = points.sum(2) / np.maximum(count, 1)[..., None]
    offset = np.where(known[..., None], xy - center[:, :, None], 0)
    area = 6 * (offset**2).sum((2, 3)) / np.maximum(count, 1)
    scales = np.array(
        [
            np.sqrt(np.median(one[many])) if many.any() else np.nan
            for one, many in zip(area.T, (count >= 2).T, strict=True)
        ]
    )
    if len(scales) and not np.nanmax(np.append(scales, 0)) > 0:
        raise ValueError("evaluate_tracks: animals with a single keypoint have no size, so scale is required")
    return np.where(scales > 0, scales, np.nanmedian(scales[scales > 0])) if len(scales) else scales


def _compare(
    xy: np.ndarray,
    true_xy: np.ndarray,
    known: np.ndarray,
    true_score: np.ndarray,
    scales: np.ndarray,
    sigma: float,
    threshold: float,
) -> _Similarities:
    """Similarities of all pairs; predictions of animals that are present but hidden are removed."""
    visible = known & (true_score > 0)
    true = np.asarray(visible.any(-1))
    hidden = known.any(-1) & ~true
    counts = np.where(true[..., None], visible, known)
    predicted = np.asarray(np.isfinite(xy).all(-1).any(-1))
    shape = (len(xy), true.shape[1], xy.shape[1])
    similarity, error = np.zeros(shape), np.full(shape, np.nan)
    spread = 2 * (scales * 2 * sigma) ** 2
    for start in range(0, len(xy), _BLOCK):
        part = slice(start, start + _BLOCK)
        squared = ((true_xy[part, :, None] - xy[part, None]) ** 2).sum(-1)  # (t, G, P, K)
        squared = np.where(counts[part, :, None], squared, np.nan)
        number = np.maximum(counts[part].sum(-1), 1)[:, :, None]
        similarity[part] = np.nansum(np.exp(-squared / spread[:, None, None]), -1) / number
        both = np.isfinite(squared)
        with np.errstate(invalid="ignore"):
            error[part] = np.where(both, np.sqrt(squared), 0).sum(-1) / both.sum(-1)
    for frame in np.flatnonzero(hidden.any(1) & predicted.any(1)):
        row, column = _assign(np.where(similarity[frame] >= threshold - _EPS, similarity[frame], 0))
        removed = column[hidden[frame, row] & (similarity[frame, row, column] >= threshold - _EPS)]
        predicted[frame, removed] = False
    similarity *= true[:, :, None] & predicted[:, None]
    return _Similarities(similarity, error, true, predicted)


def _assign(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (n,) of the assignment with the highest total value."""
    from scipy.optimize import linear_sum_assignment

    row, column = linear_sum_assignment(value, maximize=True)
    return row, column


def _hota(similarities: _Similarities) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Detection, association and location accuracy, each (19,) for :data:`ALPHAS`."""
    similarity = similarities.similarity
    either = similarity.sum(1, keepdims=True) + similarity.sum(2, keepdims=True) - similarity
    shared = similarity / np.maximum(either, _EPS)
    together = shared.sum(0)
    visible, predictions = similarities.true.sum(0)[:, None], similarities.predicted.sum(0)[None]
    value = together / np.maximum(visible + predictions - together, _EPS) * similarity
    pairs = [_assign(one) for one in value]
    frame = np.repeat(np.arange(len(pairs)), [len(row) for row, _ in pairs])
    row = np.concatenate([np.zeros(0, int), *(row for row, _ in pairs)])
    column = np.concatenate([np.zeros(0, int), *(column for _, column in pairs)])
    matched = similarity[frame, row, column]

    hit = matched >= ALPHAS[:, None] - _EPS  # (alphas, pairs)
    hits = np.zeros((len(ALPHAS), *together.shape))
    level, pair = np.nonzero(hit)
    np.add.at(hits, (level, row[pair], column[pair]), 1)
    total = hits.sum((1, 2))
    det = total / np.maximum(visible.sum() + predictions.sum() - total, 1)
    ass = (hits * (hits / np.maximum(visible + predictions - hits, 1))).sum((1, 2)) / np.maximum(total, 1)
    loc = np.maximum((hit * matched).sum(1), 1e-10) / np.maximum(total, 1e-10)
    return det, ass, loc


def _identities(similarities: _Similarities, threshold: float) -> tuple[np.ndarray, int]:
    """Predicted track of each true animal in the full video, (G,), -1 for none; and the number of matching poses."""
    agree = (similarities.similarity >= threshold - _EPS).sum(0)
    row, column = _assign(agree)
    pairs = np.full(agree.shape[0], -1)
    good = agree[row, column] > 0
    pairs[row[good]] = column[good]
    return pairs, int(agree[row, column].sum())


def _clear(similarities: _Similarities, threshold: float) -> np.ndarray:
    """Predicted track of each true animal in every frame, (T, G), -1 for none; pairs are kept while they match."""
    frames, animals, _ = similarities.similarity.shape
    good = similarities.similarity >= threshold - _EPS
    value = np.where(good, similarities.similarity, 0)
    partner = np.full((frames, animals), -1)
    before = np.full(animals, -1)
    anyone = similarities.predicted.any(1)
    for frame in np.flatnonzero(anyone & similarities.true.any(1)):
        kept = np.flatnonzero(before >= 0)
        kept = kept[good[frame, kept, before[kept]]]
        value[frame, kept, before[kept]] += _KEEP_PAIR
        row, column = _assign(value[frame])
        partner[frame, row] = np.where(value[frame, row, column] > 0, column, -1)
        before = partner[frame]
    return partner


def _switches(partner: np.ndarray, numbers: np.ndarray, truth: Tracks, predicted: Tracks) -> tuple[IdentitySwitch, ...]:
    """All changes of the predicted track in which an animal is found, by frame."""
    found = []
    for animal, name in enumerate(truth.layout.individuals):
        frames = np.flatnonzero(partner[:, animal] >= 0)
        track = partner[frames, animal]
        for at in np.flatnonzero(np.diff(track)) + 1:
            before, after = (predicted.layout.individuals[track[i]] for i in (at - 1, at))
            found.append(IdentitySwitch(int(numbers[frames[at]]), name, before, after))
    return tuple(sorted(found, key=lambda one: one.frame))


def _animals(
    similarities: _Similarities,
    partner: np.ndarray,
    id_pairs: np.ndarray,
    threshold: float,
    switched: tuple[IdentitySwitch, ...],
    truth: Tracks,
    predicted: Tracks,
) -> tuple[TrackedAnimal, ...]:
    """Results for each true animal."""
    rows = []
    for animal, name in enumerate(truth.layout.individuals):
        visible = np.flatnonzero(similarities.true[:, animal])
        tracks = partner[visible, animal]
        hit = tracks >= 0
        begins = hit & ~np.concatenate([[False], hit[:-1]])
        similarity = similarities.similarity[visible[hit], animal, tracks[hit]]
        track = int(id_pairs[animal])
        if track >= 0:
            agree = int((similarities.similarity[visible, animal, track] >= threshold - _EPS).sum())
            f1 = _share(2 * agree, len(visible) + int(similarities.predicted[:, track].sum()))
        rows.append(
            TrackedAnimal(
                name=name,
                frames=len(visible),
                found=int(hit.sum()),
                track=predicted.layout.individuals[track] if track >= 0 else None,
                IDF1=f1 if track >= 0 else 0.0,
                switches=sum(one.animal == name for one in switched),
                fragmentations=max(int(begins.sum()) - 1, 0),
                similarity=float(similarity.mean()) if len(similarity) else np.nan,
                error=float(np.nanmean(similarities.error[visible[hit], animal, tracks[hit]]))
                if len(similarity)
                else np.nan,
            )
        )
    return tuple(rows)


def _share(part: int, total: int) -> float:
    return part / max(total, 1)
