import json

import numpy as np
import pytest
import torch

from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.criteria import CRITERIA, Criterion, head_loss, squared
from dlcx.heads.targets import Target


def test_equal_to_deeplabcut(golden):
    stored = np.load(golden / "train" / "criteria.npz")
    records = json.loads((golden / "train" / "criteria.json").read_text())
    records = [record for record in records if record["criterion"] in CRITERIA]
    assert len(records) == 12
    output, values = torch.from_numpy(stored["output"]), torch.from_numpy(stored["target"])
    for record in records:
        weights = torch.from_numpy(np.asarray(stored[f"weights.{record['weights']}"]))
        criterion = build_from_config({"type": record["criterion"]}, CRITERIA, "criterion")
        assert criterion(output, Target(values, weights)).item() == pytest.approx(record["value"], rel=1e-6), record


def test_a_head_averages_over_its_criteria():
    maps = {"a": torch.full((1, 1, 2, 2), 2.0), "b": torch.full((1, 1, 2, 2), 3.0)}
    targets = {name: Target(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)) for name in maps}
    losses = head_loss(maps, targets, {"a": Criterion(squared, 1.0), "b": Criterion(squared, 0.5)})
    assert {name: value.item() for name, value in losses.items()} == {"a": 4.0, "b": 9.0, "total_loss": 4.25}


def test_half_precision_outputs_are_compared_in_full():
    target = Target(torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
    loss = Criterion(squared)(torch.full((1, 1, 1, 1), 3.0, dtype=torch.bfloat16), target)
    assert loss.dtype == torch.float32
    assert loss.item() == 9.0
