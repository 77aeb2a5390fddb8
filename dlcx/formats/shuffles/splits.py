"""How images are divided into training and test: drawn, drawn by video, or given."""

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
    """Row numbers of the merged labels for training and test, int64, and the fraction the split is filed under."""

    train: np.ndarray
    test: np.ndarray
    fraction: float

    def same_rows(self, other: Split) -> bool:
        """Whether both divide the images alike; the order of rows does not count."""
        return all(
            np.array_equal(np.sort(mine), np.sort(theirs))
            for mine, theirs in ((self.train, other.train), (self.test, other.test))
        )


def random_split(count: int, fraction: float, seed: int, draw: int = 1) -> Split:
    """Images drawn one by one: the ``draw``-th permutation from ``seed``.

    Shuffles 1, 2, ... of one call of DeepLabCut after ``np.random.seed(seed)`` get the same ones.
    """
    drawn = _permutation(count, seed, draw)
    train = int(count * fraction)
    return Split(drawn[:train], drawn[train:], fraction)


def random_video_split(images: Sequence[tuple[str, str, str]], fraction: float, seed: int, draw: int = 1) -> Split:
    """Whole videos drawn: no video has images on both sides, so the test error is that of unseen videos.

    Videos join the training side in random order while that brings its share nearer to ``fraction``.

    Raises
    ------
    DlcxError
        With fewer than two videos.
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
    """The split that lists of row numbers, or files of row numbers or image paths, give.

    One list alone leaves all other images to the other side.

    Raises
    ------
    DlcxError
        For a row that is not there, or stands twice.
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
    """Row numbers out of a sequence, or out of a file of numbers or of image paths."""
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
                f"{name}: {entry!r} is no row of the merged labels",
                hint=f"Give numbers from 0 to {len(labels) - 1}, or paths such as {'/'.join(labels.images[0])}.",
            )
        rows.append(row)
    array = np.array([row for row in rows if row != -1], dtype=np.int64)  # -1 pads fractions in DeepLabCut's lists
    if not len(array):
        raise DlcxError(f"{name}: holds no rows")
    if len(np.unique(array)) != len(array):
        raise DlcxError(f"{name}: rows are listed more than once")
    return array


def _integer(entry: str) -> int | None:
    try:
        return int(entry)
    except ValueError:
        return None
