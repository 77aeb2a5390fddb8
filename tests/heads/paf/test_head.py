import json

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.heads.keypoint_channels import ChannelMap, find_mismatch, remap_channels
from dlcx.heads.paf.decoding import PafDecoder, build_decoder, top_scores, window_maximum
from dlcx.heads.paf.head import build
from dlcx.nets.bottom_up import paf_head


def cases(golden):
    return json.loads((golden / "post" / "paf_decoding.json").read_text())["cases"]


def maps_of(stored, name: str) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(stored[f"{name}.{key}"].astype(np.float32)) for key in ("heatmap", "locref", "paf")}


def test_peaks_and_affinities_are_deeplabcuts(golden):
    stored = np.load(golden / "post" / "paf_decoding.npz")
    assert len(cases(golden)) == 9
    for case in cases(golden):
        decoder = build_decoder(case["predictor"], "predictor")
        name = case["name"]
        detections, keys = stored[f"{name}.det"], stored[f"{name}.cost_key"].astype(int)
        for image, found in enumerate(decoder.detect(maps_of(stored, case["maps"]), case["stride"])):
            peaks = np.column_stack([found.part, found.xy, found.score])
            np.testing.assert_allclose(peaks, detections[detections[:, 0] == image, 1:], rtol=0, atol=1e-5)
            own = keys[:, 0] == image
            place = pair_places(decoder, found.counts)
            order = [place[edge, first, second] for edge, first, second in keys[own, 1:].tolist()]
            assert sorted(order) == list(range(len(found.affinity)))
            np.testing.assert_allclose(found.affinity[order], stored[f"{name}.cost_m1"][own], rtol=0, atol=1e-6)


def pair_places(decoder: PafDecoder, counts) -> dict[tuple[int, int, int], int]:
    places: dict[tuple[int, int, int], int] = {}
    for edge in decoder.edges:
        first, second = decoder.graph[edge]
        for pair in np.ndindex(counts[first], counts[second]):
            places[(edge, *pair)] = len(places)
    return places


def test_animals_are_deeplabcuts(golden):
    stored = np.load(golden / "post" / "paf_decoding.npz")
    for case in cases(golden):
        decoder = build_decoder(case["predictor"], "predictor")
        found = decoder(maps_of(stored, case["maps"]), case["stride"])
        for animals, poses in zip(found, stored[f"{case['name']}.poses"], strict=True):
            poses = poses[~(poses[..., 0] == -1).all(-1)]
            np.testing.assert_allclose(animals.xy, poses[..., :2], rtol=0, atol=1e-3)
            np.testing.assert_allclose(animals.score, np.nan_to_num(poses[..., 2]), rtol=0, atol=1e-5)
            np.testing.assert_allclose(animals.affinity, poses[:, 0, 4], rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_the_highest_score_around_each_cell(size):
    heat = torch.randn(2, 3, 9, 4, generator=torch.Generator().manual_seed(0))
    pooled = torch.nn.functional.max_pool2d(heat, size, stride=1, padding=size // 2)
    assert torch.equal(window_maximum(heat, size), pooled)


def test_of_equal_peaks_the_first_are_kept():
    group = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    score = torch.tensor([0.5, 0.9, 0.5, 0.2, 0.2, 0.1, 0.3])
    assert top_scores(group, score, 2).tolist() == [0, 1, 3, 4, 5, 6]
    assert top_scores(group, score, 1).tolist() == [1, 3, 6]


def test_maps_without_peaks_show_no_animal():
    decoder = build_decoder(paf_head(8, 3, 2)["predictor"], "predictor")
    maps = {"heatmap": torch.full((2, 3, 6, 6), -9.0), "locref": torch.zeros(2, 6, 6, 6), "paf": torch.ones(2, 6, 6, 6)}
    found = decoder(maps, 4)
    assert [animals.xy.shape for animals in found] == [(0, 3, 2)] * 2


def head(**changes):
    return build(backbone_stride=16, backbone_channels=8, where="HEAD", **{**block(), **changes})


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
            "paf_config: the last layer gives 4",
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
        backbone_stride=16, backbone_channels=8, where="THEIRS", **{k: v for k, v in source.items() if k != "type"}
    )
    state = {key: torch.randn_like(value) for key, value in theirs.state_dict().items()}
    rows = own.keypoint_channels(ChannelMap((3, -1, 1), 4), source)  # their last, a new one, their second
    before = own.state_dict()
    assert find_mismatch(before, state, rows) is None
    after = remap_channels(before, state, rows)
    assert torch.equal(after["convt1.bias"][[0, 2]], state["convt1.bias"][[3, 1]])
    assert torch.equal(after["convt1.bias"][1], before["convt1.bias"][1])
    # their edges are 01 02 03 12 13 23; own 02 is their 31, which points the other way, and starts anew like 01 and 12
    assert torch.equal(after["convt3.bias"], before["convt3.bias"])
    same = own.keypoint_channels(ChannelMap((1, -1, 3), 4), source)
    after = remap_channels(before, state, same)
    assert torch.equal(after["paf_head.deconv_layers.0.bias"][2:4], state["paf_head.deconv_layers.0.bias"][8:10])
    inputs, outputs = [0, 2, 5, 6, *range(9, 137)], [1, 3, 12, 13, *range(16, 144)]
    weight = "hm_ref_layers.2.weight"
    assert torch.equal(after[weight][0, inputs], state[weight][1, outputs])
