from copy import deepcopy

import pytest
import torch

from dlcx.errors import DlcxError
from heads.heatmap.cases import head


def test_decoded_animals_have_one_row_an_image():
    maps = {"heatmap": torch.rand(2, 3, 5, 7), "locref": torch.zeros(2, 6, 5, 7)}
    found = head().decode(maps)
    assert [len(animals) for animals in found] == [1, 1]
    assert found[0].xy.shape == (1, 3, 2)


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
        (
            {"criterion": {"paf": {"type": "WeightedMSECriterion"}}},
            "paf: the target generator does not generate",
        ),
        (
            {"criterion": {"heatmap": {"type": "WeightedMSECriterion", "weight": "x"}}},
            "weight: expected float, got 'x'",
        ),
        (
            {"heatmap_config": {"channels": [8, 4], "kernel_size": [3], "strides": [2]}},
            "has 4 channels, the head needs 3",
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
