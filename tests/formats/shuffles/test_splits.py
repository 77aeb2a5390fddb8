"""Splits are reproducible, cover all images once, and keep videos together where that is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.shuffles.splits import Split, explicit_split, random_split, random_video_split
from dlcx.poses import Labels, Layout

IMAGES = tuple(("labeled-data", "abcd"[number % 4], f"{number}.png") for number in range(20))
LABELS = Labels(Layout(("nose",)), IMAGES, np.zeros((20, 1, 1, 2)), np.zeros((20, 0, 2)))


def test_a_random_split_is_that_of_numpys_generator() -> None:
    generator = np.random.RandomState(5)
    for draw in (1, 2):
        order = generator.permutation(20)
        split = random_split(20, 0.79, 5, draw)
        np.testing.assert_array_equal(split.train, order[:15])
        np.testing.assert_array_equal(split.test, order[15:])
        assert split.fraction == 0.79


@pytest.mark.parametrize(("fraction", "train"), [(0.5, 10), (0.75, 15), (0.01, 5), (0.99, 15)])
def test_videos_stay_together(fraction: float, train: int) -> None:
    split = random_video_split(IMAGES, fraction, 3)
    assert len(split.train) == train
    assert sorted([*split.train, *split.test]) == list(range(20))
    videos = [{IMAGES[row][1] for row in rows} for rows in (split.train, split.test)]
    assert not videos[0] & videos[1]
    assert random_video_split(IMAGES, fraction, 3).same_rows(split)


def test_one_video_cannot_be_split() -> None:
    with pytest.raises(DlcxError, match="expected labels of at least two videos, got 1"):
        random_video_split(IMAGES[::4], 0.5, 1)


def test_splits_are_compared_as_sets() -> None:
    one = Split(np.array([0, 1]), np.array([2, 3]), 0.5)
    assert one.same_rows(Split(np.array([1, 0]), np.array([3, 2]), 0.9))
    assert not one.same_rows(Split(np.array([0, 2]), np.array([1, 3]), 0.5))


def test_the_list_that_is_missing_holds_all_other_images(tmp_path: Path) -> None:
    split = explicit_split(None, [3, 1, -1], LABELS, 0.9)
    assert split.test.tolist() == [3, 1]
    assert split.train.tolist() == [0, 2, *range(4, 20)]
    (tmp_path / "train.txt").write_text("labeled-data/c/2.png\nd\\3.png\n\n")
    split = explicit_split(tmp_path / "train.txt", None, LABELS, 0.9)
    assert split.train.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([20], None, "--train-indices: '20' is not a row of the merged labels"),
        (None, ["x"], "--test-indices: 'x' is not a row"),
        ([1, 1], None, "--train-indices: rows are listed more than once"),
        ([], None, "--train-indices: expected at least one row"),
        ([1], [1, 2], r"labeled-data/b/1\.png \(row 1\) is both a training and a test image"),
    ],
)
def test_lists_that_do_not_fit(train: list[int] | None, test: list[int] | None, message: str) -> None:
    with pytest.raises(DlcxError, match=message):
        explicit_split(train, test, LABELS, 0.9)
