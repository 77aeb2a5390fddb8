"""Animals of other programs' files become arrays: named ones by their names, others numbered within each image."""

from __future__ import annotations

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.labels.imported_labels import ImportedImage, ImportedLabels, LabeledAnimal

IMAGES = (ImportedImage("a.png"), ImportedImage("b.png"))


def animal(image: int, name: str | None, x: float, skeleton: str = "mouse", bodypart: str = "nose") -> LabeledAnimal:
    return LabeledAnimal(image, name, skeleton, (bodypart,), np.array([[x, x + 1]]))


def test_unnamed_animals_are_numbered_within_each_image_past_the_names_in_use():
    animals = [animal(0, "individual1", 1), animal(0, None, 2), animal(1, None, 3), animal(1, None, 4)]
    labels = ImportedLabels.from_animals(["nose"], [], IMAGES, animals)
    assert labels.individuals_named
    assert labels.layout.individuals == ("individual1", "individual2", "individual3")
    np.testing.assert_array_equal(labels.xy[:, :, 0, 0], [[1, 2, np.nan], [np.nan, 3, 4]])
    np.testing.assert_array_equal(labels.xy[0, 1, 0], [2, 3])


def test_unique_bodyparts_belong_to_no_individual():
    animals = [animal(1, None, 5, "single", "lamp"), animal(1, None, 7, bodypart="tail")]
    labels = ImportedLabels.from_animals(["nose", "tail"], ["door", "lamp"], IMAGES, animals)
    assert not labels.individuals_named
    assert labels.layout.individuals == ("individual1",)
    np.testing.assert_array_equal(labels.unique_xy[1], [[np.nan, np.nan], [5, 6]])
    np.testing.assert_array_equal(labels.xy[1, 0], [[np.nan, np.nan], [7, 8]])
    assert np.isnan(labels.xy[0]).all()


def test_a_file_without_animals_has_one_individual():
    labels = ImportedLabels.from_animals(["nose"], [], IMAGES, [])
    assert labels.layout.individuals == ("individual1",)
    assert labels.xy.shape == (2, 1, 1, 2)


@pytest.mark.parametrize("x", [np.inf, 1e39])
def test_positions_outside_of_any_image_are_refused(x: float):
    with pytest.raises(DlcxError, match=r"b\.png: expected positions in the image"):
        ImportedLabels.from_animals(["nose"], [], IMAGES, [animal(1, None, x)])
