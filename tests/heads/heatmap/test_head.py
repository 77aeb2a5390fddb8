import json
from copy import deepcopy

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.heatmap.decoding import ArgmaxDecoder
from dlcx.heads.heatmap.head import build
from dlcx.nets.blocks import heatmap_head


def head(block=None, **changes):
    block = {**(block or heatmap_head(8, 3)), **changes}
    return build_from_config(
        block, {"HeatmapHead": build}, "model.heads.bodypart", backbone_stride=16, backbone_channels=8, where="HEAD"
    )


def test_decoding_equals_deeplabcut(golden):
    stored = np.load(golden / "post" / "decoders.npz")
    records = json.loads((golden / "post" / "decoders.json").read_text())
    records = [record for record in records if record["name"].startswith("heatmap")]
    assert len(records) == 8
    maps = {name: torch.from_numpy(stored[f"heatmap.{name}"]) for name in ("heatmap", "locref")}
    for record in records:
        made = head(predictor=record["predictor"])
        poses = made.decoder(maps, record["stride"])
        np.testing.assert_allclose(poses, stored[f"{record['name']}.poses"][:, 0], rtol=0, atol=1e-5)


def test_decoded_animals_have_one_row_an_image():
    maps = {"heatmap": torch.rand(2, 3, 5, 7), "locref": torch.zeros(2, 6, 5, 7)}
    found = head().decode(maps)
    assert [len(animals) for animals in found] == [1, 1]
    assert found[0].xy.shape == (1, 3, 2)


def test_the_first_of_equal_cells_is_taken():
    pose = ArgmaxDecoder(sigmoid=False, locref=False)({"heatmap": torch.zeros(1, 1, 4, 4)}, 8)
    assert pose.tolist() == [[[4.0, 4.0, 0.0]]]


def test_first_weights_are_tiny_and_biases_zero():
    made = head()
    assert not made.heatmap_head.deconv_layers[0].bias.any()
    assert 0 < made.heatmap_head.deconv_layers[0].weight.std() < 0.002


@pytest.mark.parametrize(
    ("layers", "stride", "size"),
    [
        ({"channels": [8, 3], "kernel_size": [3], "strides": [2]}, 8, (9, 11)),
        ({"channels": [8, 64, 3], "kernel_size": [3, 3], "strides": [2, 2]}, 4, (19, 23)),
        (
            {"channels": [8], "kernel_size": [], "strides": [], "final_conv": {"out_channels": 3, "kernel_size": 1}},
            16,
            (4, 5),
        ),
        (
            {
                "channels": [8, 6],
                "kernel_size": [3],
                "strides": [2],
                "final_conv": {"out_channels": 3, "kernel_size": 1},
            },
            8,
            (9, 11),
        ),
    ],
    ids=["one", "two", "only-final", "with-final"],
)
def test_layers_as_the_file_says(layers, stride, size):
    locref = deepcopy(layers)
    if "final_conv" in locref:
        locref["final_conv"]["out_channels"] = 6
    else:
        locref["channels"][-1] = 6
    made = head(heatmap_config=layers, locref_config=locref)
    maps = made(torch.rand(1, 8, 4, 5))
    assert made.stride == stride
    assert maps["heatmap"].shape == (1, 3, *size)
    assert maps["locref"].shape == (1, 6, *size)
    assert all(name.split(".")[1] in ("deconv_layers", "final_conv") for name, _ in made.named_parameters())
    with torch.no_grad():
        made.heatmap_head(torch.rand(1, 8, 4, 5))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight_inti": "normal"}, "bodypart.weight_inti: unknown key"),
        ({"weight_init": "xavier"}, "HEAD.weight_init: expected 'normal'"),
        ({"predictor": {"type": "HeatmapPredictor", "clip": True}}, "HEAD.predictor.clip: unknown key"),
        ({"predictor": {"type": "Heatmap"}}, "HEAD.predictor.type: unknown 'Heatmap'"),
        ({"predictor": {"apply_sigmoid": True}}, "expected a mapping with the key 'type'"),
        ({"criterion": {"paf": {"type": "WeightedMSECriterion"}}}, "criterion.paf: the target generator draws no such"),
        (
            {"criterion": {"heatmap": {"type": "WeightedMSECriterion", "weight": "x"}}},
            "weight: expected float, got 'x'",
        ),
        (
            {"heatmap_config": {"channels": [8, 4], "kernel_size": [3], "strides": [2]}},
            "gives 4 maps, the head needs 3",
        ),
        ({"heatmap_config": {"channels": [9, 3], "kernel_size": [3], "strides": [2]}}, "the first is 9, the backbone"),
        ({"heatmap_config": {"channels": [8, 3], "kernel_size": [], "strides": [2]}}, "2 channels need 1 values in"),
        ({"heatmap_config": {"channels": [8, 3], "kernel_size": [3]}}, "missing key 'strides'"),
        ({"locref_config": None}, "target_generator.generate_locref: needs a locref_config"),
        ({"locref_config": {"channels": [8, 6], "kernel_size": [3], "strides": [4]}}, "have different strides"),
    ],
)
def test_wrong_keys_are_named(changes, message):
    with pytest.raises(DlcxError) as caught:
        head(**changes)
    assert message in str(caught.value)


def test_the_nearest_right_key_is_hinted():
    with pytest.raises(DlcxError) as caught:
        head(weight_inti="normal")
    assert caught.value.hint == "Did you mean 'weight_init'?"
