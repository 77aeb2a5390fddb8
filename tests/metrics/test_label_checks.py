from __future__ import annotations

import numpy as np
import pytest

from dlcx.metrics.label_checks import find_label_issues
from dlcx.poses import Labels, Layout

PAIR = Layout(("nose", "hip", "tail"), ("anne", "bert"), ("lamp",), multi=True)
SIZE = (200, 100)


def good(layout: Layout, count: int = 20) -> Labels:
    """Animals whose bodyparts stand 10 pixels apart, with 2 % variation."""
    random = np.random.default_rng(0)
    offset = np.array([[[0, 0]], [[80, 20]]])[: len(layout.individuals)]
    start = random.uniform(20, 60, (count, len(layout.individuals), 1, 2)) + offset
    steps = 10 * np.arange(len(layout.bodyparts))[:, None] * [1.0, 0.2]
    xy = start + steps * random.normal(1, 0.02, (count, len(layout.individuals), 1, 1))
    images = tuple(("labeled-data", "v", f"img{number:02d}.png") for number in range(count))
    return Labels(layout, images, xy, np.full((count, len(layout.unique), 2), 15.0))


def found(labels: Labels, skeleton=(), size=SIZE) -> list[tuple]:
    issues = find_label_issues(labels, [size] * len(labels), skeleton)
    return [(one.row, one.kind, one.individual, one.bodyparts) for one in issues]


def test_good_labels_have_no_issues():
    assert found(good(PAIR)) == []
    assert found(good(PAIR), [("nose", "hip"), ("hip", "gone")]) == []
    assert found(good(Layout(("nose",)))) == []


def test_each_kind_is_found():
    labels = good(PAIR)
    xy, unique = labels.xy.copy(), labels.unique_xy.copy()
    xy[1] = np.nan
    unique[1] = np.nan
    xy[2, 1, 2] = (200, 40)  # the first column beyond the image
    xy[3, 0, 1] = xy[3, 0, 0] + 0.5
    xy[5, 1, 0] = np.nan
    unique[6] = -3
    xy[7, 1, 1] = xy[7, 0, 1]
    labels = Labels(PAIR, (*labels.images[:-1], labels.images[0]), xy, unique)
    kinds = {(row, kind): (who, parts) for row, kind, who, parts in found(labels, [("nose", "hip"), ("hip", "tail")])}
    assert kinds[1, "empty"] == (None, ())
    assert kinds[2, "outside"] == ("bert", ("tail",))
    assert kinds[2, "length"] == ("bert", ("hip", "tail"))
    assert kinds[3, "same place"] == ("anne", ("nose", "hip"))
    assert kinds[5, "missing"] == ("bert", ("nose",))
    assert kinds[6, "outside"] == (None, ("lamp",))
    assert kinds[7, "same place"] == ("bert", ("hip",))
    assert kinds[19, "repeated"] == (None, ())
    assert not {row for row, _ in kinds} - {1, 2, 3, 5, 6, 7, 19}


def test_without_a_skeleton_the_most_constant_distance_of_a_bodypart_is_checked():
    labels = good(Layout(("nose", "hip", "tail")))
    labels.xy[4, 0, 2] += (25, 30)
    (one,) = {(row, kind) for row, kind, _, _ in found(labels)}
    assert one == (4, "length")


def test_few_animals_do_not_define_what_is_usual():
    labels = good(Layout(("nose", "hip", "tail")), 9)
    labels.xy[4, 0, 2] += (25, 30)
    labels.xy[5, 0, 0] = np.nan
    assert found(labels) == []


def test_a_missing_image_has_no_outside():
    labels = good(Layout(("nose", "hip")))
    labels.xy[:] += 1000
    assert found(labels, size=None) == []


def with_length(factor: float, variation: float) -> Labels:
    """Bones of about 10 pixels; the one of the last animal is ``factor`` times as long."""
    random = np.random.default_rng(0)
    lengths = 10 * random.normal(1, variation, 30)
    lengths[-1] = 10 * factor
    xy = np.stack([np.full((30, 2), 40.0), 40 + np.stack([lengths, np.zeros(30)], -1)], 1)[:, None]
    images = tuple(("labeled-data", "v", f"img{number:02d}.png") for number in range(30))
    return Labels(Layout(("nose", "hip")), images, xy, np.zeros((30, 0, 2)))


@pytest.mark.parametrize(
    ("factor", "variation", "is_unusual"),
    [(1.45, 0.01, False), (1.55, 0.01, True), (1 / 1.45, 0.01, False), (1 / 1.55, 0.01, True), (1.55, 0.15, False)],
)
def test_a_bone_is_unusual_by_factor_and_by_deviation(factor: float, variation: float, is_unusual: bool) -> None:
    """45 % is many standard deviations of 1 %, but below the factor; 55 % is above it, but within 6 of 15 %."""
    kinds = [kind for _, kind, _, _ in found(with_length(factor, variation))]
    assert kinds == (["length"] if is_unusual else [])


def test_texts_name_the_problem() -> None:
    labels = with_length(3.0, 0.01)
    labels.xy[1, 0, 0] = labels.xy[1, 0, 1]
    labels.xy[2, 0, 0] = (-4, 7)
    labels.xy[3, 0, 1] = np.nan
    texts = {(one.row, one.kind): one.text for one in find_label_issues(labels, [SIZE] * 30)}
    assert texts[29, "length"] == "nose to hip is 30 px, usually 10"
    assert texts[1, "same place"] == "nose and hip are at the same position"
    assert texts[2, "outside"] == "nose at -4, 7 is outside the image (200 x 100)"
    assert texts[3, "missing"] == "hip not labeled"
