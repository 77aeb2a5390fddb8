"""Machine labels: a round trip, and adding those of other images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.labels.machine_labels import MachineLabels, read_machine_labels, write_machine_labels
from dlcx.poses import Layout

LAYOUTS = (Layout(("nose", "tail")), Layout(("nose", "tail"), ("a", "b", "c"), ("lamp",), multi=True))


def machine_labels(layout: Layout, numbers: list[int]) -> MachineLabels:
    generator = np.random.default_rng(numbers[0])
    count, animals, parts = len(numbers), len(layout.individuals), len(layout.bodyparts)
    xy, unique_xy = (
        generator.random((count, *shape), np.float32) for shape in ((animals, parts, 2), (len(layout.unique), 2))
    )
    score, unique_score = (
        generator.random((count, *shape), np.float32) for shape in ((animals, parts), (len(layout.unique),))
    )
    xy[0, 0, 0] = np.nan
    images = tuple(("labeled-data", "v", f"img{number}.png") for number in numbers)
    return MachineLabels("net", layout, images, xy, score, unique_xy, unique_score)


def assert_equal(one: MachineLabels, other: MachineLabels) -> None:
    assert (one.scorer, one.layout, one.images) == (other.scorer, other.layout, other.images)
    for name in ("xy", "score", "unique_xy", "unique_score"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("layout", LAYOUTS, ids=["single", "several"])
def test_round_trip(tmp_path: Path, layout: Layout) -> None:
    labels = machine_labels(layout, [5, 2])
    assert write_machine_labels(labels, tmp_path / "m.h5") == (tmp_path / "m.h5", tmp_path / "machinelabels.csv")
    assert_equal(read_machine_labels(tmp_path / "m.h5"), labels)
    assert (tmp_path / "machinelabels.csv").read_text().startswith("scorer,,,net,net,net")


@pytest.mark.parametrize("layout", LAYOUTS, ids=["single", "several"])
def test_adding_keeps_the_labels_of_images_that_are_there(layout: Layout) -> None:
    one, other = machine_labels(layout, [1, 2]), replace(machine_labels(layout, [2, 3]), scorer="newer")
    both = one.add_missing_images(other)
    assert both.scorer == "newer"
    assert both.images == (*one.images, other.images[1])
    np.testing.assert_array_equal(both.xy, np.concatenate([one.xy, other.xy[1:]]))
    np.testing.assert_array_equal(both.unique_score, np.concatenate([one.unique_score, other.unique_score[1:]]))


def test_other_bodyparts_are_refused() -> None:
    with pytest.raises(DlcxError, match="existing machine labels are of other bodyparts or individuals: nose, tail"):
        machine_labels(LAYOUTS[0], [1]).add_missing_images(machine_labels(LAYOUTS[1], [2]))
