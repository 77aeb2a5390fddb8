"""Find labels that look wrong.

Checks for repeated and empty rows, labels outside the image, labels at the same position, unusual distances between
bodyparts, and missing labels of bodyparts that nearly all animals have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.poses import Labels, Layout

#: Maximum distance in pixels of labels at the same position.
MAX_SAME_POSITION = 1.0
#: The length of a bone is unusual if it deviates from the median by more than this number of robust standard deviations
MAX_DEVIATIONS = 6.0
#: and by more than this factor.
MIN_FACTOR = 1.5
#: Minimum number of animals with a bone or bodypart before anything counts as unusual.
MIN_ANIMALS = 10
#: Minimum share of animals with a bodypart before it counts as missing in the others.
MIN_USUAL_SHARE = 0.9


@dataclass(frozen=True)
class LabelIssue:
    """A suspicious label.

    Parameters
    ----------
    row
        Row of the labels.
    kind
        ``repeated``, ``empty``, ``outside``, ``same place``, ``length`` or ``missing``.
    individual
        Name of the individual; None in single-animal projects and for unique bodyparts.
    bodyparts
        Names of the bodyparts.
    text
        Description of the problem.
    """

    row: int
    kind: str
    individual: str | None
    bodyparts: tuple[str, ...]
    text: str


def find_label_issues(
    labels: Labels, sizes: Sequence[tuple[int, int] | None], skeleton: Sequence[tuple[str, str]] = ()
) -> list[LabelIssue]:
    """Check labels for mistakes.

    Parameters
    ----------
    labels
        Labels of M images, in pixels of the image.
    sizes
        (width, height) of each image; None if the image is missing.
    skeleton
        Bones, as pairs of bodyparts.  Without a skeleton, the distance of each bodypart from the one with the most
        constant distance is checked.

    Returns
    -------
    list of LabelIssue
        Sorted by row.
    """
    layout = labels.layout
    owners = [name if layout.multi else None for name in layout.individuals]
    found = [
        *_repeated(labels),
        *_empty(labels),
        *_outside(labels, sizes, owners),
        *_same_position(labels, owners),
        *_bones(labels, skeleton, owners),
        *_missing(labels, owners),
    ]
    return sorted(found, key=lambda one: one.row)


def _repeated(labels: Labels) -> Iterator[LabelIssue]:
    first: dict[tuple[str, str, str], int] = {}
    for row, image in enumerate(labels.images):
        if first.setdefault(image, row) != row:
            yield LabelIssue(row, "repeated", None, (), "labeled in more than one row")


def _empty(labels: Labels) -> Iterator[LabelIssue]:
    seen = np.isfinite(labels.xy).any((1, 2, 3)) | np.isfinite(labels.unique_xy).any((1, 2))
    yield from (LabelIssue(int(row), "empty", None, (), "nothing is labeled") for row in np.flatnonzero(~seen))


def _outside(
    labels: Labels, sizes: Sequence[tuple[int, int] | None], owners: Sequence[str | None]
) -> Iterator[LabelIssue]:
    size = np.array([one or (np.inf, np.inf) for one in sizes], float).reshape(-1, 2)  # (M, 2)
    for points, names, whose in _groups(labels, owners):
        with np.errstate(invalid="ignore"):
            outside = ((points <= 0) | (points >= size[:, None, None])).any(-1)  # (M, A, K)
        for row, animal, part in np.argwhere(outside):
            x, y = points[row, animal, part]
            width, height = size[row]
            where = f"{names[part]} at {x:.0f}, {y:.0f}"
            text = f"{where} is outside the image ({width:.0f} x {height:.0f})" if np.isfinite(width) else where
            yield LabelIssue(int(row), "outside", whose[animal], (names[part],), text)


def _same_position(labels: Labels, owners: Sequence[str | None]) -> Iterator[LabelIssue]:
    names = labels.layout.bodyparts
    for animal, owner in enumerate(owners):
        for first, second in _pairs(len(names)):
            distance = np.linalg.norm(labels.xy[:, animal, first] - labels.xy[:, animal, second], axis=-1)
            for row in np.flatnonzero(distance < MAX_SAME_POSITION):
                both = (names[first], names[second])
                yield LabelIssue(
                    int(row), "same place", owner, both, f"{both[0]} and {both[1]} are at the same position"
                )
    for first, second in _pairs(len(owners)):
        distance = np.linalg.norm(labels.xy[:, first] - labels.xy[:, second], axis=-1)  # (M, K)
        for row, part in np.argwhere(distance < MAX_SAME_POSITION):
            text = f"{names[part]} of {owners[first]} and of {owners[second]} are at the same position"
            yield LabelIssue(int(row), "same place", owners[second], (names[part],), text)


def _bones(labels: Labels, skeleton: Sequence[tuple[str, str]], owners: Sequence[str | None]) -> Iterator[LabelIssue]:
    layout = labels.layout
    lengths = np.linalg.norm(labels.xy[:, :, :, None] - labels.xy[:, :, None], axis=-1)  # (M, A, K, K)
    with np.errstate(divide="ignore"):
        logs = np.log(lengths)
    logs[~np.isfinite(logs)] = np.nan
    for first, second in _checked_pairs(logs, layout, skeleton):
        values = logs[:, :, first, second]  # (M, A)
        known = np.isfinite(values)
        if known.sum() < MIN_ANIMALS:
            continue
        median, spread = _robust(values[known])
        unusual = known & (np.abs(values - median) > max(MAX_DEVIATIONS * spread, np.log(MIN_FACTOR)))
        for row, animal in np.argwhere(unusual):
            both = (layout.bodyparts[first], layout.bodyparts[second])
            text = f"{both[0]} to {both[1]} is {np.exp(values[row, animal]):.0f} px, usually {np.exp(median):.0f}"
            yield LabelIssue(int(row), "length", owners[animal], both, text)


def _checked_pairs(logs: np.ndarray, layout: Layout, skeleton: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
    """Pairs of bodyparts whose distance is checked."""
    index = {name: number for number, name in enumerate(layout.bodyparts)}
    bones = [(index[one], index[other]) for one, other in skeleton if one in index and other in index]
    if bones or len(index) < 2:
        return bones
    spreads = np.full((len(index), len(index)), np.inf)
    for first, second in _pairs(len(index)):
        values = logs[:, :, first, second]
        known = values[np.isfinite(values)]
        if len(known) >= MIN_ANIMALS:
            spreads[first, second] = spreads[second, first] = _robust(known)[1]
    most_constant = spreads.argmin(1)
    return sorted({(min(pair), max(pair)) for pair in enumerate(most_constant.tolist()) if np.isfinite(spreads[pair])})


def _missing(labels: Labels, owners: Sequence[str | None]) -> Iterator[LabelIssue]:
    for points, names, whose in _groups(labels, owners):
        seen = np.isfinite(points).all(-1)  # (M, A, K)
        present = seen.any(-1)  # (M, A)
        if present.sum() < MIN_ANIMALS:
            continue
        usual = seen[present].mean(0) >= MIN_USUAL_SHARE  # (K,)
        for row, animal in np.argwhere((usual & ~seen).any(-1) & present):
            parts = tuple(names[part] for part in np.flatnonzero(usual & ~seen[row, animal]))
            yield LabelIssue(int(row), "missing", whose[animal], parts, f"{', '.join(parts)} not labeled")


def _groups(
    labels: Labels, owners: Sequence[str | None]
) -> Iterator[tuple[np.ndarray, tuple[str, ...], Sequence[str | None]]]:
    """Points (M, A, K, 2), names (K,) and owners (A,) of the animals, then of the unique bodyparts (A = 1)."""
    yield labels.xy, labels.layout.bodyparts, owners
    if labels.layout.unique:
        yield labels.unique_xy[:, None], labels.layout.unique, (None,)


def _pairs(count: int) -> Iterator[tuple[int, int]]:
    return ((first, second) for first in range(count) for second in range(first + 1, count))


def _robust(values: np.ndarray) -> tuple[float, float]:
    """Median and robust standard deviation, from the median absolute deviation of a normal distribution."""
    median = float(np.median(values))
    return median, 1.4826 * float(np.median(np.abs(values - median)))
