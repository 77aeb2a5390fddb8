"""Condition maps, attention and preNets; maps and poses of every net are compared in test_parity."""

import numpy as np
import pytest
import torch
from golden_io import error

from dlcx.errors import DlcxError
from dlcx.nets.buctd.conditions import StackedKeypointEncoder
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.registry import find
from dlcx.poses import Layout
from dlcx.settings import ModelConfig

THREE = Layout(("nose", "back", "tail"))


def test_condition_maps_are_deeplabcuts(golden):
    stored = np.load(golden / "train" / "condition_maps.npz")
    encoder = StackedKeypointEncoder(4, (15, 15), (64, 64))
    maps = encoder(torch.from_numpy(stored["cond"]), (64, 64))
    assert error(stored, "StackedKeypointEncoder", maps.permute(0, 2, 3, 1)) < 1e-6


def test_nothing_is_drawn_of_what_is_not_seen():
    conditions = torch.tensor([[[10.0, 10, 0], [-1, 10, 1], [10, 33, 1], [41, 10, 1]]])
    encoder = StackedKeypointEncoder(4, img_size=(32, 40))
    assert not encoder(conditions, (32, 40)).any()
    conditions[..., :2], conditions[..., 2] = 10, 0.5
    maps = encoder(conditions, (32, 40))
    assert maps.shape == (1, 4, 32, 40)
    assert maps.amax((2, 3)).tolist() == [[255.0] * 4]
    assert divmod(int(maps[0, 0].argmax()), 40) == (9, 9)


def test_blobs_are_as_opencv_blurs():
    import cv2

    drawn = np.zeros((20, 30), np.float64)
    drawn[1, 27] = 255
    blurred = cv2.GaussianBlur(drawn, (11, 13), 0)
    maps = StackedKeypointEncoder(1, (11, 13), (20, 30))(torch.tensor([[[28.0, 2.0, 1.0]]]), (20, 30))
    np.testing.assert_allclose(maps[0, 0], blurred / blurred.max() * 255, atol=1e-4)


def test_names_of_the_manual():
    assert find("BUCTD-hrnet_w32").name == "ctd_coam_w32"
    assert find("buctd-HRNET_W48").name == "ctd_coam_w48"


def build(name: str = "ctd_coam_w32", **backbone):
    block = model_config(name, THREE)
    block["model"]["backbone"].update(base_model_name="hrnet_w18", img_size=[96, 64], **backbone)
    block["model"]["backbone_output_channels"] = 18
    for key in ("heatmap_config", "locref_config"):
        block["model"]["heads"]["bodypart"][key]["channels"] = [18]
    return build_model(ModelConfig.model_validate(block))


@pytest.mark.parametrize(
    ("stages", "alone", "tensors"), [([1, 2, 3, 4], False, (2 + 3 + 4 + 1) * 18), ([2], True, 3 * 6)]
)
def test_attention_after_any_transition(stages, alone, tensors):
    model = build(coam_modules=stages, channel_att_only=alone).eval()
    names = [name for name in model.state_dict() if "coam_stages" in name]
    assert len(names) == tensors
    assert sorted({int(name.split(".")[2]) for name in names}) == [stage - 1 for stage in stages]
    images = torch.randn(1, 3, 64, 96).repeat(2, 1, 1, 1)
    conditions = torch.tensor([[[20.0, 20, 1]] * 3, [[60.0, 50, 1]] * 3])
    with torch.inference_mode():
        one, other = model.backbone(images, conditions)
    assert one.shape == (18, 16, 24)
    assert not torch.equal(one, other)  # the same image, another guess


def test_attention_drops_out_in_training_alone():
    backbone = build().backbone
    x, drawn = torch.randn(1, 18, 16, 24), torch.randn(1, 3, 64, 96)
    attention = backbone.coam_stages["1"].att_layers[0]
    for layer in (attention.position_attention_module.pa, attention.channel_attention_module.pa):
        torch.nn.init.normal_(layer["fc_o"].weight)
    with torch.no_grad():
        assert not torch.equal(attention(x, drawn), attention(x, drawn))
        attention.eval()
        assert torch.equal(attention(x, drawn), attention(x, drawn))


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ({"att_heads": 2}, r"model\.backbone\.att_heads: expected 1, got 2"),
        ({"coam_modules": [2, 5]}, r"model\.backbone\.coam_modules: expected some of 1, 2, 3, 4, got \[2, 5\]"),
        (
            {"kpt_encoder": {"type": "ColouredEncoder"}},
            r"model\.backbone\.kpt_encoder\.type: unknown 'ColouredEncoder'",
        ),
    ],
)
def test_what_is_not_supported_is_named(backbone, message):
    with pytest.raises(DlcxError, match=message):
        build(**backbone)


def test_crops_of_another_size_are_refused():
    with pytest.raises(DlcxError, match="expects crops of 96 x 64 pixels, got 64 x 64"):
        build()(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 3))


def test_a_prenet_keeps_all_batch_norms_as_they_are():
    model = build_model(ModelConfig.model_validate(model_config("ctd_prenet_hrnet_w32", THREE))).train()
    norms = [layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(layer.training or layer.weight.requires_grad for layer in norms)
