"""Targets of the DEKR head against DeepLabCut's."""

import json

import numpy as np
import pytest
import torch
from golden_io import error

from dlcx.heads.dekr.targets import DekrTargets, offset_owners
from heads.dekr.cases import head, labels


def test_targets_equal_deeplabcut(golden):
    stored = np.load(golden / "train" / "generators.npz")
    cases = json.loads((golden / "train" / "generators.json").read_text())
    cases = [case for case in cases if case["config"]["type"] == "DEKRGenerator"]
    assert len(cases) == 6
    batch = labels(stored["keypoints_with_center"][:, :, :-1], stored["area"])  # dlcx finds the center itself
    for case in cases:
        draw = head(target_generator=case["config"]).target_generator
        for name, target in draw(batch, *case["map_hw"], case["stride"]).items():
            assert error(stored, f"{case['name']}.{name}.target", target.values) < 1e-6, case
            assert error(stored, f"{case['name']}.{name}.weights", target.weights) < 1e-6, case


def test_owners_are_those_of_a_walk_from_animal_to_animal():
    generator = np.random.default_rng(0)
    seen = generator.random((400, 4, 3)) < 0.5
    area = generator.integers(1, 5, (400, 4)).astype(np.float32)  # with ties
    expected = np.full((400, 3), -1)
    for cell in range(400):
        noted = 0.0
        for animal in range(4):
            for part in range(3):
                free = expected[cell, part] < 0
                if seen[cell, animal, part] and (free or noted >= area[cell, animal]):
                    expected[cell, part], noted = animal, area[cell, animal]
    np.testing.assert_array_equal(offset_owners(torch.from_numpy(seen), torch.from_numpy(area)), expected)


def test_the_smaller_of_two_animals_keeps_its_cells():
    keypoints = np.array([[[[20, 20, 2], [24, 20, 2]], [[40, 20, 2], [44, 20, 2]]]], np.float32)
    for area in ([100, 900], [900, 100]):
        draw = DekrTargets(keypoints=2, radius=17)
        offset = draw(labels(keypoints, np.array([area], np.float32)), 12, 20, 4)["offset"]
        smaller = int(np.argmin(area))
        x = 8  # both centers are within 17 pixels of this column
        assert offset.values[0, 0, 5, x] == x - (keypoints[0, smaller, 0, 0] - 2) / 4
        assert offset.weights[0, :, 5, x].unique().tolist() == pytest.approx([0.1])
