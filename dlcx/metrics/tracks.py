"""Two sets of tracks -> how well animals are found and kept apart: HOTA, IDF1, MOTA, identity switches.

The numbers equal those of the package trackeval (its HOTA, Identity and CLEAR) for the same similarities; the two
differences are said at :func:`evaluate_tracks`.  T frames, G true animals, P predicted tracks, K bodyparts.

Similarity of two poses in a frame is object keypoint similarity, as COCO has it (cocodataset.org/#keypoints-eval)::

    mean over the true keypoints of exp(-d**2 / (2 * scale**2 * (2 * sigma)**2))

where d is the distance in pixels, a keypoint that was not predicted counts 0, and sigma is 0.1 for all bodyparts.  The
scale is the root of an animal's area, one number for the whole video so that neither its posture nor the way it turns
matters: 6 times the mean squared distance of its keypoints from their mean (which for a filled square is its area),
median over the frames.  So two poses are 0.5 alike when their keypoints lie 0.235 scales apart.

HOTA: Luiten et al., IJCV 129 (2021).  IDF1: Ristani et al., ECCV 2016 workshops.  MOTA: Bernardin and Stiefelhagen,
EURASIP JIVP 2008.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.poses import Tracks

SIGMA = 0.1
#: Similarity from which a pose is the true animal's, for IDF1, MOTA, switches and fragmentations.
THRESHOLD = 0.5
#: Similarities over which HOTA is a mean.
ALPHAS = np.arange(0.05, 0.99, 0.05)
_EPS = np.finfo(float).eps
_BLOCK = 512  # frames whose distances are in memory at once
_STAYS = 1000.0  # worth of keeping a pair of the frame before


@dataclass(frozen=True)
class Switch:
    """The pose of ``animal`` is in another predicted track from ``frame`` on."""

    frame: int
    animal: str
    before: str
    after: str


@dataclass(frozen=True)
class TrackedAnimal:
    """How one true animal fared.

    ``frames`` in which it can be seen, ``found`` of them with a pose that is alike enough; ``track`` is the predicted
    track that IDF1 gives it, None without one; ``error`` is the mean distance of its found keypoints in pixels.
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
    """Scores from 0 to 1 (MOTA may be below), counts, and the single animals and switches.

    ``missed`` and ``false`` are poses without a partner; ``frames`` were judged, ``empty`` ones of the truth left out.
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
    switched: tuple[Switch, ...] = ()


@dataclass(frozen=True)
class _Compared:
    """similarity (T, G, P), error (T, G, P) in pixels, who can be seen: true (T, G), predicted (T, P)."""

    similarity: np.ndarray
    error: np.ndarray
    true: np.ndarray
    predicted: np.ndarray


def evaluate_tracks(
    predicted: Tracks, truth: Tracks, *, sigma: float = SIGMA, threshold: float = THRESHOLD, scale: float | None = None
) -> TrackMetrics:
    """Compare tracks by the bodyparts that both have, and by the frames in which the truth has an animal.

    Animals are paired by where they are, never by name.  True keypoints count where their score is above 0, predicted
    ones wherever they have a place.  An animal of which the truth knows keypoints but none with a score (one that
    another lies over) is neither missed nor, where it is predicted all the same, false.

    Unlike in trackeval an animal that is not there cannot be lost: fragmentations are counted in the frames in
    which it can be seen; and a frame without any prediction interrupts tracks.

    Parameters
    ----------
    sigma
        Width of the similarity relative to the scale.
    threshold
        Similarity from which a pose is the true animal's; HOTA takes all from 0.05 to 0.95.
    scale
        Root of the animals' area in pixels; default: each animal's own.

    Raises
    ------
    ValueError
        When no bodypart is in both, or an animal's scale cannot be told because it has a single keypoint.
    """
    parts = [part for part in truth.layout.bodyparts if part in predicted.layout.bodyparts]
    if not parts:
        raise ValueError("evaluate_tracks: no bodypart is in both")
    true_xy = truth.xy[:, :, [truth.layout.bodyparts.index(part) for part in parts]].astype(float)
    true_score = truth.score[:, :, [truth.layout.bodyparts.index(part) for part in parts]]
    known = np.isfinite(true_xy).all(-1)
    judged = np.flatnonzero(known.any((1, 2)))
    numbers = judged + truth.first
    scales = _scales(true_xy, known) if scale is None else np.full(known.shape[1], float(scale))
    xy = _rows(predicted, numbers)[:, :, [predicted.layout.bodyparts.index(part) for part in parts]]
    compared = _compare(xy, true_xy[judged], known[judged], true_score[judged], scales, sigma, threshold)

    det, ass, loc = _hota(compared)
    id_pairs, id_hits = _identities(compared, threshold)
    partner = _clear(compared, threshold)
    seen, guessed = int(compared.true.sum()), int(compared.predicted.sum())
    found = int((partner >= 0).sum())
    switched = _switches(partner, numbers, truth, predicted)
    animals = _animals(compared, partner, id_pairs, threshold, switched, truth, predicted)
    switches = len(switched)
    return TrackMetrics(
        HOTA=float(np.sqrt(det * ass).mean()),
        DetA=float(det.mean()),
        AssA=float(ass.mean()),
        LocA=float(loc.mean()),
        IDF1=_share(2 * id_hits, seen + guessed),
        IDP=_share(id_hits, guessed),
        IDR=_share(id_hits, seen),
        MOTA=(found - (guessed - found) - switches) / max(seen, 1),
        switches=switches,
        fragmentations=sum(one.fragmentations for one in animals),
        found=found,
        missed=seen - found,
        false=guessed - found,
        frames=len(judged),
        empty=len(truth) - len(judged),
        scale=float(np.median(scales)) if len(scales) else np.nan,
        animals=animals,
        switched=switched,
    )


def _rows(tracks: Tracks, numbers: np.ndarray) -> np.ndarray:
    """xy (T, P, K, 2) of frames with these numbers, nan where the tracks have no such frame."""
    row = numbers - tracks.first
    there = (row >= 0) & (row < len(tracks))
    xy = np.full((len(numbers), *tracks.xy.shape[1:]), np.nan)
    xy[there] = tracks.xy[row[there]]
    return xy


def _scales(xy: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(G,) root of each animal's area in pixels; of those that never have two keypoints the others' median."""
    count = known.sum(-1)
    points = np.where(known[..., None], xy, 0)
    centre = points.sum(2) / np.maximum(count, 1)[..., None]
    away = np.where(known[..., None], xy - centre[:, :, None], 0)
    area = 6 * (away**2).sum((2, 3)) / np.maximum(count, 1)
    scales = np.array(
        [
            np.sqrt(np.median(one[many])) if many.any() else np.nan
            for one, many in zip(area.T, (count >= 2).T, strict=True)
        ]
    )
    if len(scales) and not np.nanmax(np.append(scales, 0)) > 0:
        raise ValueError("evaluate_tracks: animals with a single keypoint have no size, so a scale must be given")
    return np.where(scales > 0, scales, np.nanmedian(scales[scales > 0])) if len(scales) else scales


def _compare(
    xy: np.ndarray,
    true_xy: np.ndarray,
    known: np.ndarray,
    true_score: np.ndarray,
    scales: np.ndarray,
    sigma: float,
    threshold: float,
) -> _Compared:
    """Similarities of all pairs; predictions of animals that are there but cannot be seen are taken away."""
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
        gone = column[hidden[frame, row] & (similarity[frame, row, column] >= threshold - _EPS)]
        predicted[frame, gone] = False
    similarity *= true[:, :, None] & predicted[:, None]
    return _Compared(similarity, error, true, predicted)


def _assign(worth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import linear_sum_assignment

    row, column = linear_sum_assignment(worth, maximize=True)
    return row, column


def _hota(compared: _Compared) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Detection, association and location accuracy, each (19,) for :data:`ALPHAS`."""
    alike = compared.similarity
    shared = alike / np.maximum(alike.sum(1, keepdims=True) + alike.sum(2, keepdims=True) - alike, _EPS)
    together = shared.sum(0)
    seen, guessed = compared.true.sum(0)[:, None], compared.predicted.sum(0)[None]
    worth = together / np.maximum(seen + guessed - together, _EPS) * alike
    pairs = [_assign(one) for one in worth]
    frame = np.repeat(np.arange(len(pairs)), [len(row) for row, _ in pairs])
    row = np.concatenate([np.zeros(0, int), *(row for row, _ in pairs)])
    column = np.concatenate([np.zeros(0, int), *(column for _, column in pairs)])
    value = alike[frame, row, column]

    hit = value >= ALPHAS[:, None] - _EPS  # (alphas, pairs)
    hits = np.zeros((len(ALPHAS), *together.shape))
    level, pair = np.nonzero(hit)
    np.add.at(hits, (level, row[pair], column[pair]), 1)
    right = hits.sum((1, 2))
    det = right / np.maximum(seen.sum() + guessed.sum() - right, 1)
    ass = (hits * (hits / np.maximum(seen + guessed - hits, 1))).sum((1, 2)) / np.maximum(right, 1)
    loc = np.maximum((hit * value).sum(1), 1e-10) / np.maximum(right, 1e-10)
    return det, ass, loc


def _identities(compared: _Compared, threshold: float) -> tuple[np.ndarray, int]:
    """The predicted track that each true animal gets for the whole video, (G,), -1 for none, and poses that agree."""
    agree = (compared.similarity >= threshold - _EPS).sum(0)
    row, column = _assign(agree)
    pairs = np.full(agree.shape[0], -1)
    good = agree[row, column] > 0
    pairs[row[good]] = column[good]
    return pairs, int(agree[row, column].sum())


def _clear(compared: _Compared, threshold: float) -> np.ndarray:
    """The predicted track paired with each true animal in every frame, (T, G), -1 for none: pairs stay if they can."""
    frames, animals, _ = compared.similarity.shape
    good = compared.similarity >= threshold - _EPS
    worth = np.where(good, compared.similarity, 0)
    partner = np.full((frames, animals), -1)
    before = np.full(animals, -1)
    anyone = compared.predicted.any(1)
    for frame in np.flatnonzero(anyone & compared.true.any(1)):
        kept = np.flatnonzero(before >= 0)
        kept = kept[good[frame, kept, before[kept]]]
        worth[frame, kept, before[kept]] += _STAYS
        row, column = _assign(worth[frame])
        partner[frame, row] = np.where(worth[frame, row, column] > 0, column, -1)
        before = partner[frame]
    return partner


def _switches(partner: np.ndarray, numbers: np.ndarray, truth: Tracks, predicted: Tracks) -> tuple[Switch, ...]:
    """Every time that an animal's pose is in another track than the last time it was found, in order of frames."""
    found = []
    for animal, name in enumerate(truth.layout.individuals):
        frames = np.flatnonzero(partner[:, animal] >= 0)
        track = partner[frames, animal]
        for at in np.flatnonzero(np.diff(track)) + 1:
            before, after = (predicted.layout.individuals[track[i]] for i in (at - 1, at))
            found.append(Switch(int(numbers[frames[at]]), name, before, after))
    return tuple(sorted(found, key=lambda one: one.frame))


def _animals(
    compared: _Compared,
    partner: np.ndarray,
    id_pairs: np.ndarray,
    threshold: float,
    switched: tuple[Switch, ...],
    truth: Tracks,
    predicted: Tracks,
) -> tuple[TrackedAnimal, ...]:
    rows = []
    for animal, name in enumerate(truth.layout.individuals):
        there = np.flatnonzero(compared.true[:, animal])
        mine = partner[there, animal]
        hit = mine >= 0
        begins = hit & ~np.concatenate([[False], hit[:-1]])
        alike = compared.similarity[there[hit], animal, mine[hit]]
        track = int(id_pairs[animal])
        if track >= 0:
            agree = int((compared.similarity[there, animal, track] >= threshold - _EPS).sum())
            f1 = _share(2 * agree, len(there) + int(compared.predicted[:, track].sum()))
        rows.append(
            TrackedAnimal(
                name=name,
                frames=len(there),
                found=int(hit.sum()),
                track=predicted.layout.individuals[track] if track >= 0 else None,
                IDF1=f1 if track >= 0 else 0.0,
                switches=sum(one.animal == name for one in switched),
                fragmentations=max(int(begins.sum()) - 1, 0),
                similarity=float(alike.mean()) if len(alike) else np.nan,
                error=float(np.nanmean(compared.error[there[hit], animal, mine[hit]])) if len(alike) else np.nan,
            )
        )
    return tuple(rows)


def _share(part: int, whole: int) -> float:
    return part / max(whole, 1)
