"""Targets of the SimCC head against DeepLabCut's."""

import json

import numpy as np

from heads.simcc.cases import head, labels


def test_targets_equal_deeplabcut(golden):
    stored = np.load(golden / "train" / "generators.npz")
    records = json.loads((golden / "train" / "generators.json").read_text())
    records = [record for record in records if record["config"]["type"] == "SimCCGenerator"]
    assert len(records) == 5
    for record in records:
        ratio = record["config"]["simcc_split_ratio"]
        made = head(
            crop=(192, 256),
            keypoints=4,
            target_generator=record["config"],
            predictor={"simcc_split_ratio": ratio},
            simcc_split_ratio=ratio,
        )
        targets = made.targets({}, labels(stored["simcc_keypoints"]))
        for axis, target in targets.items():
            expected = stored[f"{record['name']}.{axis}.target"][:, 0]
            np.testing.assert_allclose(target.values, expected, rtol=0, atol=1e-6, err_msg=record["name"])
            np.testing.assert_array_equal(target.weights, stored[f"{record['name']}.{axis}.weights"][:, 0])
