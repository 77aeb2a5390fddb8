import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.heads.keypoint_channels import ChannelMap, find_mismatch, remap_channels
from dlcx.heads.paf.head import build
from dlcx.heads.protocol import HeadContext
from dlcx.nets.bottom_up import paf_head


def head(**changes):
    return build(context=HeadContext(channels=8, stride=16, where="HEAD"), **{**block(), **changes})


def block(**layers):
    return {key: value for key, value in paf_head(8, 3, 2, **layers).items() if key != "type"}


@pytest.mark.parametrize(("deconvolutions", "stride", "side"), [(1, 4, 17), (2, 2, 35)])
def test_maps_are_finer_than_the_features(deconvolutions, stride, side):
    made = head(**block(deconvolutions=deconvolutions))
    maps = made(torch.rand(1, 8, 4, 4))
    assert made.stride == stride
    assert {name: tuple(value.shape) for name, value in maps.items()} == {
        "heatmap": (1, 3, side, side),
        "locref": (1, 6, side, side),
        "paf": (1, 6, side, side),
    }


def predictor(**changes):
    return {"predictor": {**block()["predictor"], **changes}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_stages": 0}, "HEAD.num_stages: expected 1 or more, got 0"),
        (predictor(nms_radius=4), "HEAD.predictor.nms_radius: expected an odd number of cells, got 4"),
        (predictor(edges_to_keep=[0, 3]), "HEAD.predictor.edges_to_keep: expected numbers below 3, got 3"),
        (predictor(num_animal=3), "HEAD.predictor.num_animal: unknown key"),
        (
            {"paf_config": {"channels": [8, 4], "kernel_size": [3], "strides": [2]}},
            "paf_config: the last layer has 4 channels",
        ),
        ({"locref_config": {"channels": [9, 6], "kernel_size": [3], "strides": [2]}}, "the first is 9, the backbone"),
        ({"heatmap_config": {"channels": [8, 3], "kernel_size": [3], "strides": [4]}}, "have different strides"),
        ({"criterion": {"offset": {"type": "WeightedMSECriterion"}}}, "criterion.offset: the head has no such map"),
    ],
)
def test_wrong_keys_are_named(changes, message):
    with pytest.raises(DlcxError) as caught:
        head(**changes)
    assert message in str(caught.value)


def test_weights_move_with_their_bodyparts_and_edges():
    torch.manual_seed(0)
    source, own = paf_head(8, 4, 2), head()
    theirs = build(
        context=HeadContext(channels=8, stride=16, where="THEIRS"), **{k: v for k, v in source.items() if k != "type"}
    )
    state = {key: torch.randn_like(value) for key, value in theirs.state_dict().items()}
    rows = own.keypoint_channels(ChannelMap((3, -1, 1), 4), source)  # their last, a new one, their second
    before = own.state_dict()
    assert find_mismatch(before, state, rows) is None
    after = remap_channels(before, state, rows)
    assert torch.equal(after["convt1.bias"][[0, 2]], state["convt1.bias"][[3, 1]])
    assert torch.equal(after["convt1.bias"][1], before["convt1.bias"][1])
    # their edges are 01 02 03 12 13 23; own 02 is their 31, the other way round, and starts randomly like 01 and 12
    assert torch.equal(after["convt3.bias"], before["convt3.bias"])
    same = own.keypoint_channels(ChannelMap((1, -1, 3), 4), source)
    after = remap_channels(before, state, same)
    assert torch.equal(after["paf_head.deconv_layers.0.bias"][2:4], state["paf_head.deconv_layers.0.bias"][8:10])
    inputs, outputs = [0, 2, 5, 6, *range(9, 137)], [1, 3, 12, 13, *range(16, 144)]
    weight = "hm_ref_layers.2.weight"
    assert torch.equal(after[weight][0, inputs], state[weight][1, outputs])
