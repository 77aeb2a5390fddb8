from copy import deepcopy

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.heads.batch_labels import BatchLabels
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.poses import Layout
from dlcx.settings import ModelConfig

THREE = Layout(("nose", "back", "tail"))


def small(**backbone) -> dict:
    """A net that is quick to build: resnet_50's file with timm's ResNet-18."""
    block = model_config("resnet_50", THREE)
    block["model"]["backbone"].update(model_name="resnet18", **backbone)
    block["model"]["backbone_output_channels"] = 512
    for key in ("heatmap_config", "locref_config"):
        block["model"]["heads"]["bodypart"][key]["channels"][0] = 512
    return block


def build(block: dict):
    return build_model(ModelConfig.model_validate(block))


def one_animal(batch: int = 2) -> BatchLabels:
    keypoints = torch.tensor([[[20.0, 20.0, 2.0], [40.0, 30.0, 2.0], [60.0, 50.0, 0.0]]]).repeat(batch, 1, 1, 1)
    return BatchLabels(keypoints, torch.zeros(batch, 0, 3), torch.ones(batch, 1), torch.zeros(batch, 1).long())


def test_deconvolution_layers_added_in_the_file():
    block = small()
    head = block["model"]["heads"]["bodypart"]
    head["heatmap_config"] = {"channels": [512, 64, 3], "kernel_size": [3, 3], "strides": [2, 2]}
    head["locref_config"] = {"channels": [512, 64, 6], "kernel_size": [3, 3], "strides": [2, 2]}
    model = build(block)
    assert model.stride() == 4
    outputs = model(torch.zeros(1, 3, 64, 96))
    assert outputs["bodypart"]["heatmap"].shape == (1, 3, 19, 27)
    assert outputs["bodypart"]["locref"].shape == (1, 6, 19, 27)
    names = [name for name, _ in model.heads.named_parameters() if "heatmap" in name and "weight" in name]
    assert names == [f"bodypart.heatmap_head.deconv_layers.{layer}.weight" for layer in (0, 2)]


def test_a_final_convolution_in_the_file():
    block = small()
    head = block["model"]["heads"]["bodypart"]
    layers = {"channels": [512], "kernel_size": [], "strides": []}
    head["heatmap_config"] = {**layers, "final_conv": {"out_channels": 3, "kernel_size": 1}}
    head["locref_config"] = {**layers, "final_conv": {"out_channels": 6, "kernel_size": 1}}
    model = build(block)
    assert model.stride() == 16
    assert model(torch.zeros(1, 3, 64, 96))["bodypart"]["locref"].shape == (1, 6, 4, 6)
    assert "bodypart.heatmap_head.final_conv.weight" in dict(model.heads.named_parameters())


def test_losses_of_several_heads_are_averaged():
    block = small()
    unique = deepcopy(block["model"]["heads"]["bodypart"])
    unique["target_generator"]["label_keypoint_key"] = "keypoints_unique"
    block["model"]["heads"]["unique_bodypart"] = unique
    model = build(block).eval()
    labels = one_animal()
    labels = BatchLabels(labels.keypoints, labels.keypoints[:, 0], labels.area, labels.individual_ids)
    outputs = model(torch.zeros(2, 3, 64, 96))
    losses = model.loss(outputs, labels)
    heads = [losses[f"{name}_total_loss"].item() for name in ("bodypart", "unique_bodypart")]
    assert losses["total_loss"].item() == pytest.approx(np.mean(heads))
    prediction = model.decode(outputs)[0]
    assert prediction.unique is not None
    assert prediction.unique.xy.shape == (1, 3, 2)


@pytest.mark.parametrize(("stats", "weights"), [(False, False), (True, False), (False, True)])
def test_frozen_batch_norm(stats, weights):
    model = build(small(freeze_bn_stats=stats, freeze_bn_weights=weights)).train()
    norm = model.backbone.model.bn1
    assert norm.training is not stats
    assert norm.weight.requires_grad is not weights
    assert model.backbone.model.conv1.weight.requires_grad
    before = norm.running_mean.clone()
    model.loss(model(torch.rand(2, 3, 64, 96)), one_animal())["total_loss"].backward()
    assert torch.equal(before, norm.running_mean) is stats


def test_the_loss_halves_within_twelve_steps():
    torch.manual_seed(0)
    model = build(small()).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    images, losses = torch.rand(2, 3, 64, 96), []
    for _ in range(12):
        optimizer.zero_grad()
        loss = model.loss(model(images), one_animal())["total_loss"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize(
    ("place", "value", "message", "hint"),
    [
        ("backbone.type", "Resnet", "model.backbone.type: unknown 'Resnet'", "Did you mean 'ResNet'?"),
        ("backbone.outputstride", 8, "model.backbone.outputstride: unknown key", "Did you mean 'output_stride'?"),
        ("backbone.output_stride", "8", "model.backbone.output_stride: expected int, got '8'", ""),
        ("backbone.output_stride", 12, "expected 8, 16 or 32, got 12", ""),
        ("backbone.model_name", "resnet_18", "no ResNet 'resnet_18'", "Did you mean 'resnet18'?"),
        ("backbone_output_channels", 100, "the backbone has 512 channels, the file says 100", ""),
        (
            "heads.bodypart.heatmap_config.kernel_size",
            [10**9],
            "kernel_size: expected numbers from 1 to 64, got 1000",
            "",
        ),
        ("heads.bodypart.heatmap_config.strides", [0], "strides: expected numbers from 1 to 64, got 0", ""),
        ("heads.bodypart.heatmap_config.strides", [2.5], "strides: expected numbers from 1 to 64, got 2.5", ""),
        ("heads.bodypart.type", "HeatmapHed", "model.heads.bodypart.type: unknown 'HeatmapHed'", "'HeatmapHead'?"),
        ("heads.bodypart.predictr", {}, "model.heads.bodypart.predictr: unknown key", "Did you mean 'predictor'?"),
    ],
)
def test_wrong_keys_of_the_file_are_named(place, value, message, hint):
    block = small()
    inner = block["model"]
    *path, last = place.split(".")
    for step in path:
        inner = inner[step]
    inner[last] = value
    with pytest.raises(DlcxError) as caught:
        build(block)
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_a_file_without_bodyparts_is_refused():
    block = small()
    block["model"]["heads"]["other"] = block["model"]["heads"].pop("bodypart")
    with pytest.raises(DlcxError, match="expected a head 'bodypart'"):
        build(block)


def test_pretrained_is_accepted_and_downloads_nothing():
    assert build(small(pretrained=True)).stride() == 8


def test_batch_norms_of_random_layers_learn_whatever_the_file_says():
    config = ModelConfig.model_validate(model_config("hrnet_w18", Layout(("a", "b"))))
    config.model.backbone["freeze_bn_weights"] = True
    kept, learning = (build_model(config, from_scratch=scratch).train() for scratch in (False, True))
    for model, expected in ((kept, False), (learning, True)):
        norms = [layer for layer in model.backbone.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
        assert len(norms) > 100
        assert all(layer.training == expected for layer in norms)
        assert all(layer.weight.requires_grad == expected for layer in norms)
