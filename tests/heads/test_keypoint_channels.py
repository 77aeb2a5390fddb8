import re

import pytest
import torch
from torch import nn

from dlcx.heads.keypoint_channels import ChannelMap, find_mismatch, keypoint_channels, remap_channels


def test_channels_by_name_by_group_and_side_by_side():
    kept = ChannelMap.by_name(("tail", "nose", "paw"), ("nose", "back", "tail"))
    assert kept == ChannelMap((2, 0, -1), 3)
    assert kept.repeat(2) == ChannelMap((4, 5, 0, 1, -1, -1), 6)
    assert kept + ChannelMap.identity(2) == ChannelMap((2, 0, -1, 3, 4), 5)
    assert not kept.is_identity
    assert ChannelMap.identity(3).is_identity
    assert not ChannelMap((0, 1), 3).is_identity


def test_channels_move_in_every_dimension_and_others_keep_their_numbers():
    own = {"w": torch.full((3, 2, 1), -1.0), "b": torch.zeros(2), "n": torch.tensor(0)}
    source = {"w": torch.arange(8.0).reshape(2, 4, 1), "b": torch.ones(2), "n": torch.tensor(7)}
    rows = {"w": {0: ChannelMap((1, -1, 0), 2), 1: ChannelMap((3, 0), 4)}}
    assert find_mismatch(own, source, rows) is None
    result = remap_channels(own, source, rows)
    assert result["w"][..., 0].tolist() == [[7, 4], [-1, -1], [3, 0]]
    assert result["b"].tolist() == [1, 1]
    assert result["n"] == 7
    assert own["w"].eq(-1).all()


def test_no_channel_at_all_keeps_everything():
    own, source = {"w": torch.ones(2, 3)}, {"w": torch.zeros(1, 3)}
    assert remap_channels(own, source, {"w": {0: ChannelMap((-1, -1), 1)}})["w"].eq(1).all()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"w": torch.zeros(3, 2)}, "1 of 2 tensors are missing, such as b"),
        ({"w": torch.zeros(3, 2), "b": torch.zeros(4)}, r"b has shape \(4,\), expected \(3,\)"),
        ({"w": torch.zeros(3, 2), "b": torch.zeros(3), "x": torch.zeros(1)}, "there is no tensor x"),
    ],
)
def test_what_does_not_fit_is_named(source, said):
    own = {"w": torch.zeros(2, 2), "b": torch.zeros(2)}
    kept = ChannelMap((0, 2), 3)
    assert re.search(said, find_mismatch(own, source, {"w": {0: kept}, "b": {0: kept}}))


def test_a_module_that_does_not_say_is_not_guessed():
    assert keypoint_channels(nn.Linear(2, 2), ChannelMap.identity(2), None) is None
