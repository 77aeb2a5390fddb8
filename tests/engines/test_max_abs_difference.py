import numpy as np
import torch

from dlcx.engines.max_abs_difference import max_relative_difference


def test_the_largest_gap_is_a_share_of_its_own_map() -> None:
    maps = {"a": {"heatmap": torch.tensor([1.0, 4.0])}, "b": {"heatmap": torch.tensor([10.0]), "none": torch.zeros(0)}}
    other = {"a": {"heatmap": torch.tensor([1.0, 3.0])}, "b": {"heatmap": torch.tensor([9.0]), "none": torch.zeros(0)}}
    assert max_relative_difference(maps, maps) == 0
    assert max_relative_difference(maps, other) == 0.25
    other["b"]["heatmap"] = torch.tensor([torch.nan])
    assert max_relative_difference(maps, other) == np.inf
