"""Loss of the SimCC head against DeepLabCut's."""

import json

import numpy as np
import pytest
import torch

from dlcx.heads.targets import Target
from heads.simcc.cases import head


def test_the_loss_equals_deeplabcut(golden):
    stored = np.load(golden / "train" / "criteria.npz")
    records = json.loads((golden / "train" / "criteria.json").read_text())
    records = [record for record in records if record["criterion"] == "KLDiscreteLoss"]
    assert len(records) == 3
    output, values, weight = (torch.from_numpy(stored[f"kl_{name}"]) for name in ("output", "target", "weight"))
    for record in records:
        loss = {"type": "KLDiscreteLoss", **record["kwargs"]}
        made = head(criterion={"x": loss, "y": loss}).criteria["x"]
        assert made(output, Target(values, weight)).item() == pytest.approx(record["value"], rel=1e-6)
