from __future__ import annotations

import numpy as np

from dlcx.metrics.label_checks import find_label_issues
from dlcx.poses import Labels, Layout

PAIR = Layout(("nose", "hip", "tail"), ("anne", "bert"), ("lamp",), multi=True)
SIZE = (200, 100)


def good(layout: Layout, count: int = 20) -> Labels:
    """Animals whose bodyparts stand 10 pixels apart, give or take 2 %."""
    draw = np.random.default_rng(0)
    apart = np.array([[[0, 0]], [[80, 20]]])[: len(layout.individuals)]
    start = draw.uniform(20, 60, (count, len(layout.individuals), 1, 2)) + apart
    steps = 10 * np.arange(len(layout.bodyparts))[:, None] * [1.0, 0.2]
    xy = start + steps * draw.normal(1, 0.02, (count, len(layout.individuals), 1, 1))
    images = tuple(("labeled-data", "v", f"img{number:02d}.png") for number in range(count))
    return Labels(layout, images, xy, np.full((count, len(layout.unique), 2), 15.0))


def found(labels: Labels, skeleton=(), size=SIZE) -> list[tuple]:
    suspicions = find_label_issues(labels, [size] * len(labels), skeleton)
    return [(one.row, one.kind, one.individual, one.bodyparts) for one in suspicions]


def test_good_labels_are_not_suspicious():
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


def test_without_a_skeleton_a_bodypart_is_measured_against_its_steadiest_neighbour():
    labels = good(Layout(("nose", "hip", "tail")))
    labels.xy[4, 0, 2] += (25, 30)
    (one,) = {(row, kind) for row, kind, _, _ in found(labels)}
    assert one == (4, "length")


def test_few_animals_say_nothing_of_what_is_usual():
    labels = good(Layout(("nose", "hip", "tail")), 9)
    labels.xy[4, 0, 2] += (25, 30)
    labels.xy[5, 0, 0] = np.nan
    assert found(labels) == []


def test_an_image_that_is_not_there_has_no_outside():
    labels = good(Layout(("nose", "hip")))
    labels.xy[:] += 1000
    assert found(labels, size=None) == []
