import json

import numpy as np
import torch
from golden_io import error

from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.paf.targets import PAF_TARGETS, PafTargets


def labels(keypoints: np.ndarray) -> BatchLabels:
    batch, animals = keypoints.shape[:2]
    return BatchLabels(
        keypoints=torch.from_numpy(keypoints).float(),
        unique=torch.zeros(batch, 0, 3),
        area=torch.ones(batch, animals),
        individual_ids=torch.zeros(batch, animals, dtype=torch.int64),
    )


def test_fields_are_deeplabcuts(golden):
    stored = np.load(golden / "train" / "generators.npz")
    records = json.loads((golden / "train" / "generators.json").read_text())
    records = [record for record in records if record["config"]["type"] == "PartAffinityFieldGenerator"]
    assert len(records) == 6
    for record in records:
        draw = build_from_config(record["config"], PAF_TARGETS, "target_generator")
        drawn = draw(labels(stored["keypoints"]), *record["map_hw"], record["stride"])
        assert error(stored, f"{record['name']}.paf.target", drawn["paf"].values) < 3e-6, record  # float32 here


def test_a_limb_points_from_its_first_bodypart_to_the_second():
    keypoints = np.array([[[[4.0, 12.0, 2], [44.0, 12.0, 2]]]])
    target = PafTargets(((0, 1), (1, 0)), width=10)(labels(keypoints), 3, 6, 8)["paf"]
    assert target.values.shape == (1, 4, 3, 6)
    expected = torch.tensor([[0.2], [1.0], [0.2]]).expand(3, 6)
    torch.testing.assert_close(target.values[0, 0], expected)  # rows at y 4, 12 and 20
    torch.testing.assert_close(target.values[0, 2], -expected)
    assert not target.values[0, [1, 3]].any()


def test_where_animals_overlap_the_last_is_drawn():
    animals = np.array([[[[4.0, 12.0, 2], [44.0, 12.0, 2]], [[20.0, 20.0, 2], [20.0, 4.0, 2]]]])
    field = PafTargets(((0, 1),), width=6)(labels(animals), 3, 6, 8)["paf"].values[0]
    assert field[:, 1, 2].tolist() == [0, -1]
    assert field[:, 1, 0].tolist() == [1, 0]


def test_limbs_without_length_or_label_are_not_drawn():
    animals = np.array([[[[4.0, 4.0, 2], [4.0, 4.0, 2]], [[4.0, 4.0, 2], [np.nan, np.nan, 0]]]])
    assert not PafTargets(((0, 1),), width=6)(labels(animals), 2, 2, 8)["paf"].values.any()
