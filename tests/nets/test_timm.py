"""timm's networks as backbones give timm's own features; names below are timm's tiny test networks and small ones."""

import pytest
import timm
import torch
from fill_weights import fill_weights

from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.registry import find
from dlcx.nets.timm.model import Timm, describe
from dlcx.poses import Layout
from dlcx.settings import ModelConfig

TWO = Layout(("nose", "tail"))


def configure(name: str) -> ModelConfig:
    return ModelConfig.model_validate(model_config(f"timm/{name}", TWO))


def test_dilated_to_stride_16():
    """Features equal timm's own of the same network at output stride 16."""
    config = configure("tf_efficientnet_lite0")
    model = build_model(config).eval()
    fill_weights(model.backbone.model, seed=3)
    own = timm.create_model("tf_efficientnet_lite0", output_stride=16, num_classes=0, global_pool="").eval()
    missing, _ = own.load_state_dict(model.backbone.model.state_dict(), strict=False)
    assert all(key.startswith(("conv_head", "bn2")) for key in missing)
    images = torch.rand(1, 3, 70, 90)
    with torch.inference_mode():
        expected = own.blocks(own.bn1(own.conv_stem(images)))
        torch.testing.assert_close(model.backbone(images), expected)
        maps = model(images)["bodypart"]
    assert config.model.backbone == {
        "type": "Timm",
        "model_name": "tf_efficientnet_lite0",
        "output_stride": 16,
        "out_index": 4,
        "freeze_bn_stats": False,
        "freeze_bn_weights": False,
    }
    assert config.runner.optimizer.plain() == {"type": "AdamW", "params": {"lr": 5e-4}}
    assert model.stride() == find("timm/tf_efficientnet_lite0").stride == 8
    assert maps["heatmap"].shape == (1, 2, 11, 13)


def test_transformers_take_images_of_any_size():
    config = configure("test_vit")
    model = build_model(config).eval()
    own = timm.create_model("test_vit", num_classes=0, dynamic_img_size=True, dynamic_img_pad=True).eval()
    own.load_state_dict(
        {key.removeprefix("model."): value for key, value in model.backbone.model.state_dict().items()}, strict=False
    )
    last = config.model.backbone["out_index"]
    assert last == len(own.blocks) - 1
    images = torch.rand(1, 3, 150, 201)
    with torch.inference_mode():
        features = model.backbone(images)
        expected = own.forward_intermediates(images, indices=[last], intermediates_only=True, norm=False)[0]
    torch.testing.assert_close(features, expected)
    assert features.shape == (1, model.backbone.channels, 10, 13)
    assert model.stride() == 8


def test_networks_with_channels_last_and_fixed_divisors():
    facts = describe("swin_tiny_patch4_window7_224", stride=16)
    assert (facts.stride, facts.channels, facts.divisor, facts.output_stride) == (16, 384, 32, None)
    with torch.inference_mode():
        features = Timm("swin_tiny_patch4_window7_224", facts.out_index).eval()(torch.zeros(1, 3, 64, 96))
    assert features.shape == (1, 384, 4, 6)


def test_padding_is_written_where_a_network_needs_it(monkeypatch):
    config = configure("hrnet_w18_small")
    for transforms in (config.data.train, config.data.inference):
        assert transforms.auto_padding.pad_width_divisor == transforms.auto_padding.pad_height_divisor == 32


def test_coarse_features_get_another_deconvolution():
    config = configure("vit_tiny_r_s16_p8_224")
    head = config.model.heads["bodypart"]
    stride = describe("vit_tiny_r_s16_p8_224", stride=16).stride
    assert stride == 32
    assert head["heatmap_config"] == {"channels": [192, 192, 2], "kernel_size": [3, 3], "strides": [2, 2]}


def test_a_network_of_one_size_is_refused():
    with pytest.raises(DlcxError, match="timm/mixer_s32_224: accepts only images of a fixed size") as caught:
        configure("mixer_s32_224")
    assert "tf_efficientnet_lite0" in caught.value.hint


def test_an_unknown_network_is_answered_with_the_nearest():
    with pytest.raises(DlcxError, match=r"timm/efficentnet_b0: timm [\d.]+ has no such model") as caught:
        configure("efficentnet_b0")
    assert "'efficientnet_b0'" in caught.value.hint


def test_several_animals_get_fields_twice_as_fine_as_the_maps_of_one():
    one, several = Layout(("nose", "tail")), Layout(("nose", "tail"), individuals=("a", "b"), multi=True)
    strides = []
    for layout in (one, several):
        config = ModelConfig.model_validate(model_config("timm/test_resnet", layout))
        strides.append(build_model(config).stride())
    assert strides == [8, 4]
    assert config.model.heads["bodypart"]["predictor"]["graph"] == [[0, 1]]
