import json

import numpy as np
import pytest
import torch
from golden_io import error

from dlcx.errors import DlcxError
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.heatmap.targets import TARGETS, HeatmapTargets


@pytest.fixture(scope="module")
def stored(golden):
    return np.load(golden / "train" / "generators.npz")


def labels(keypoints: np.ndarray, ids: np.ndarray | None = None, unique: np.ndarray | None = None) -> BatchLabels:
    batch, animals = keypoints.shape[:2]
    return BatchLabels(
        keypoints=torch.from_numpy(keypoints).float(),
        unique=torch.zeros(batch, 0, 3) if unique is None else torch.from_numpy(unique).float(),
        area=torch.ones(batch, animals),
        individual_ids=torch.zeros(batch, animals, dtype=torch.int64) if ids is None else torch.from_numpy(ids),
    )


def test_equal_to_deeplabcut(golden, stored):
    records = json.loads((golden / "train" / "generators.json").read_text())
    records = [record for record in records if record["config"]["type"] in TARGETS]
    assert len(records) == 30
    for record in records:
        batch = labels(stored[record.get("keypoints", "keypoints")], stored["individual_ids"])
        draw = build_from_config(record["config"], TARGETS, "target_generator")
        for name, target in draw(batch, *record["map_hw"], record["stride"]).items():
            assert error(stored, f"{record['name']}.{name}.target", target.values) < 1e-6, record
            assert error(stored, f"{record['name']}.{name}.weights", target.weights) == 0, record


def test_unique_bodyparts_are_drawn_from_their_own_labels():
    unique = np.array([[[20.0, 12.0, 2.0]]])
    draw = HeatmapTargets(gaussian=True, radius=17, channels=1, unique=True)
    target = draw(labels(np.zeros((1, 2, 3, 3)), unique=unique), 4, 6, 8)["heatmap"]
    assert target.values.shape == (1, 1, 4, 6)
    assert target.values[0, 0].argmax() == 1 * 6 + 2  # the cell of x 20, y 12
    assert target.values[0, 0, 1, 2] == 1


def test_no_animals_means_empty_maps_that_count():
    draw = HeatmapTargets(gaussian=True, radius=17, channels=2)
    targets = draw(labels(np.zeros((1, 1, 2, 3))), 3, 3, 8)
    assert not targets["heatmap"].values.any()
    assert (targets["heatmap"].weights == 1).all()
    assert not targets["locref"].weights.any()


def test_a_wrong_mode_is_named():
    block = {"type": "HeatmapGaussianGenerator", "num_heatmaps": 1, "pos_dist_thresh": 17, "heatmap_mode": "KEYPIONT"}
    with pytest.raises(DlcxError, match="heatmap_mode: unknown 'KEYPIONT'") as caught:
        build_from_config(block, TARGETS, "target_generator")
    assert "KEYPOINT" in caught.value.hint


def test_labels_are_checked_at_birth():
    with pytest.raises(ValueError, match=r"BatchLabels\.area: expected shape \(1, 2\), got \(1, 3\)"):
        BatchLabels(torch.zeros(1, 2, 3, 3), torch.zeros(1, 0, 3), torch.zeros(1, 3), torch.zeros(1, 2).long())
    with pytest.raises(ValueError, match="expected int64"):
        BatchLabels(torch.zeros(1, 2, 3, 3), torch.zeros(1, 0, 3), torch.zeros(1, 2), torch.zeros(1, 2))
