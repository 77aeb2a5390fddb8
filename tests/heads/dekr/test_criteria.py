"""Losses of the DEKR head against DeepLabCut's."""

import numpy as np
import pytest
import torch

from dlcx.heads.targets import Target
from heads.dekr.cases import head, records


def test_losses_equal_deeplabcut(golden):
    stored = np.load(golden / "train" / "criteria.npz")
    cases = records(golden, "train/criteria.json", "criterion", "DEKR")
    assert len(cases) == 8
    output, values = torch.from_numpy(stored["output"]), torch.from_numpy(stored["target"])
    for case in cases:
        weights = torch.from_numpy(np.asarray(stored[f"weights.{case['weights']}"]))
        loss = head().criteria[case["criterion"].removeprefix("DEKR").removesuffix("Loss").lower()]
        assert loss(output, Target(values, weights)).item() == pytest.approx(case["value"], rel=1e-6), case
