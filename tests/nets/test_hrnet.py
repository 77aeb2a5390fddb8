import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.hrnet.model import HRNet
from dlcx.poses import Layout
from dlcx.predictors import create_predictor
from dlcx.settings import ModelConfig

THREE = Layout(("nose", "back", "tail"))


def config(**backbone) -> ModelConfig:
    block = model_config("hrnet_w18", THREE)
    block["model"]["backbone"].update(backbone)
    return ModelConfig.model_validate(block)


@pytest.mark.parametrize(
    ("options", "channels"), [((), 18), ((True,), 270), ((False, True), 128), ((True, True), 1920)]
)
def test_channels_of_the_features(options, channels):
    with torch.device("meta"):
        backbone = HRNet("hrnet_w18", *options).eval()
        features = backbone(torch.zeros(1, 3, 64, 96))
    assert backbone.channels == channels
    assert features.shape == (1, channels, 16, 24)


def test_all_branches_begin_with_the_finest():
    torch.manual_seed(0)
    fine, all_four = HRNet("hrnet_w18").eval(), HRNet("hrnet_w18", interpolate_branches=True).eval()
    all_four.load_state_dict(fine.state_dict())
    image = torch.randn(1, 3, 32, 64)
    with torch.inference_mode():
        features = all_four(image)
        assert torch.equal(features[:, :18], fine(image))
        coarsest = all_four.model(image)[3]
    assert coarsest.shape == (1, 144, 1, 2)
    torch.testing.assert_close(features[:, -144:, :, :4], coarsest[..., :1].expand(-1, -1, 8, 4))  # flat at the border


def test_another_name_is_refused_with_the_nearest():
    with pytest.raises(DlcxError, match="no HRNet 'hrnet_w19'") as caught:
        HRNet("hrnet_w19")
    assert "hrnet_w18" in caught.value.hint


def test_batch_statistics_are_kept_unless_the_file_says_otherwise():
    kept, learned = build_model(config()).train(), build_model(config(freeze_bn_stats=False)).train()
    norms = [
        [layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm2d)] for model in (kept, learned)
    ]
    assert not any(layer.training for layer in norms[0])
    assert all(layer.training for layer in norms[1])
    assert all(parameter.requires_grad for parameter in kept.parameters())


def test_images_of_any_size_are_padded_at_the_bottom_and_right():
    torch.manual_seed(0)
    model = build_model(config(freeze_bn_stats=False)).train()
    with torch.no_grad():
        model(torch.randn(4, 3, 64, 64))  # statistics, so that random layers give maps with one best cell
    predictor = create_predictor(model, config(), device="cpu")
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    padded = np.pad(image, ((0, 14), (0, 26), (0, 0)), mode="reflect")
    (inputs,) = predictor.inputs(image[None]).tensors
    assert inputs.shape == (1, 3, 64, 96)
    torch.testing.assert_close(inputs, predictor.inputs(padded[None]).tensors[0])
    small, large = predictor.predict(image[None])[0], predictor.predict(padded[None])[0]
    np.testing.assert_allclose(small.animals.xy, large.animals.xy, atol=1e-4)
