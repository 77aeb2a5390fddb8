"""Splits into training and test images: random, random by video, or given explicitly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.poses import Labels
from dlcx.untrusted_files import read_text


@dataclass(frozen=True, eq=False)
class Split:
    """A split into training and test images.

    Attributes
    ----------
    train, test
        Rows of the merged labels, int64.
    fraction
        The training fraction of the shuffle.
    """

    train: np.ndarray
    test: np.ndarray
    fraction: float

    def same_rows(self, other: Split) -> bool:
        """Return whether both splits have the same training and test images, in any order."""
        return all(
            np.array_equal(np.sort(one), np.sort(two))
            for one, two in ((self.train, other.train), (self.test, other.test))
        )


def random_split(count: int, fraction: float, seed: int, draw: int = 1) -> Split:
    """Split the images at random.

    Parameters
    ----------
    count
        Number of images.
    fraction
        Fraction of the images used for training.
    seed
        Seed of the random numbers.
    draw
        Which permutation after the seed to use, from 1.  Shuffles 1, 2, ... that DeepLabCut creates in one call after
        ``np.random.seed(seed)`` have the same splits.
    """
    order = _permutation(count, seed, draw)
    train = int(count * fraction)
    return Split(order[:train], order[train:], fraction)


def random_video_split(images: Sequence[tuple[str, str, str]], fraction: float, seed: int, draw: int = 1) -> Split:
    """Split the images at random by video, so that the test error is that of unseen videos.

    Videos are added to the training images in random order as long as that brings their fraction closer to
    ``fraction``.

    Parameters
    ----------
    images
        The labeled images; the second part of each is the folder of its video.
    fraction, seed, draw
        As for :func:`random_split`.

    Raises
    ------
    DlcxError
        If there are fewer than two videos.
    """
    videos, owner = np.unique([image[1] for image in images], return_inverse=True)
    if len(videos) < 2:
        raise DlcxError(
            f"--split-by video: expected labels of at least two videos, got {len(videos)}",
            hint="Use --split-by frame.",
        )
    counts = np.bincount(owner)
    order = _permutation(len(videos), seed, draw)
    wanted = fraction * len(images)
    chosen = [order[0]]
    for video in order[1:-1]:
        have = counts[chosen].sum()
        if abs(have + counts[video] - wanted) <= abs(have - wanted):
            chosen.append(video)
    in_train = np.isin(owner, chosen)
    return Split(np.flatnonzero(in_train), np.flatnonzero(~in_train), fraction)


def _permutation(count: int, seed: int, draw: int) -> np.ndarray:
    random = np.random.RandomState(seed)
    for _ in range(draw - 1):
        random.permutation(count)
    return random.permutation(count)


def explicit_split(
    train: str | Path | Sequence[int] | None,
    test: str | Path | Sequence[int] | None,
    labels: Labels,
    fraction: float,
) -> Split:
    """Return the split given by lists of images.

    Parameters
    ----------
    train, test
        Row numbers of the merged labels, or a file of row numbers or of image paths.  If one is None, it consists of
        all other images.
    labels
        The merged labels.
    fraction
        The training fraction under which the shuffle is saved.

    Raises
    ------
    DlcxError
        If a row does not exist or is listed twice.
    """
    everything = np.arange(len(labels))
    train_rows = None if train is None else _rows(train, "--train-indices", labels)
    test_rows = None if test is None else _rows(test, "--test-indices", labels)
    if train_rows is None:
        train_rows = np.setdiff1d(everything, [] if test_rows is None else test_rows)
    if test_rows is None:
        test_rows = np.setdiff1d(everything, train_rows)
    if len(both := np.intersect1d(train_rows, test_rows)):
        image = "/".join(labels.images[both[0]])
        raise DlcxError(f"{image} (row {both[0]}) is both a training and a test image", hint="Keep it in one list.")
    return Split(train_rows, test_rows, fraction)


def _rows(source: str | Path | Sequence[int], flag: str, labels: Labels) -> np.ndarray:
    """Return the rows in a sequence, or in a file of row numbers or image paths."""
    name = f"{flag} {source}" if isinstance(source, str | Path) else flag
    words: Iterable[Any]
    if isinstance(source, str | Path):
        text = read_text(source)
        numbers = re.fullmatch(r"[\s,;\[\]\d-]*", text) is not None
        words = re.findall(r"-?\d+", text) if numbers else text.splitlines()
    else:
        words = source
    known = {image: row for row, image in enumerate(labels.images)}
    rows = []
    for word in words:
        entry = str(word).strip()
        if not entry:
            continue
        parts = tuple(re.split(r"[\\/]+", entry))
        row = known.get(("labeled-data", *parts[-2:])) if len(parts) > 1 else _integer(entry)  # type: ignore[arg-type]
        if row is None or not -1 <= row < len(labels):
            raise DlcxError(
                f"{name}: {entry!r} is not a row of the merged labels",
                hint=f"Give numbers from 0 to {len(labels) - 1}, or paths such as {'/'.join(labels.images[0])}.",
            )
        rows.append(row)
    array = np.array([row for row in rows if row != -1], dtype=np.int64)  # DeepLabCut pads its lists with -1
    if not len(array):
        raise DlcxError(f"{name}: expected at least one row")
    if len(np.unique(array)) != len(array):
        raise DlcxError(f"{name}: rows are listed more than once")
    return array


def _integer(entry: str) -> int | None:
    try:
        return int(entry)
    except ValueError:
        return None
