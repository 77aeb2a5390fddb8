"""Batch norms folded into convolutions: none is left where that is right, and all stay where it is not."""

from __future__ import annotations

import timm
import torch
from torch import nn

from dlcx.engines import create_engine
from dlcx.engines.batchnorm_folding import fold_batch_norms, has_batch_norms


def learned(model: nn.Module) -> nn.Module:
    """The model with statistics and weights of batch norms that change what passes."""
    drawn = torch.Generator().manual_seed(1)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values, low in ((layer.running_var, 0.5), (layer.weight, 0.5), (layer.running_mean, -0.5)):
                values.data.copy_(low + torch.rand(values.shape, generator=drawn))
            layer.bias.data.copy_(torch.rand(layer.bias.shape, generator=drawn))
    return model.eval()


class Heads(nn.Module):
    """A backbone that gives its last map as heads do."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.backbone = timm.create_model(name, pretrained=False, features_only=True)

    def forward(self, images: torch.Tensor) -> dict[str, dict[str, torch.Tensor]]:
        return {"bodypart": {"heatmap": self.backbone(images)[-1]}}


def test_all_batch_norms_of_real_backbones_fold() -> None:
    for name in ("tf_efficientnet_lite0", "hrnet_w18_small", "resnet18"):
        torch.manual_seed(0)
        model, images = learned(Heads(name)), torch.rand(2, 3, 64, 64)
        with torch.inference_mode():
            expected = model(images)["bodypart"]["heatmap"]
        folded = fold_batch_norms(model, [images[:1]])
        assert has_batch_norms(model)
        assert not has_batch_norms(folded)
        with torch.inference_mode():
            gap = (folded(images)["bodypart"]["heatmap"] - expected).abs().amax()
        assert gap < 1e-4 * expected.abs().amax(), name


class Parts(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.norm = kind, nn.BatchNorm2d(4)
        self.one, self.other = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

    def forward(self, images: torch.Tensor) -> dict[str, dict[str, torch.Tensor]]:
        made = self.one(images)
        if self.kind == "between":
            made = made.relu_()
        found = self.norm(made)
        if self.kind == "shared norm":
            found = found + self.norm(self.other(images))
        if self.kind == "used twice":
            found = found + made
        return {"bodypart": {"heatmap": found}}


def test_what_must_not_fold_does_not() -> None:
    for kind in ("between", "shared norm", "used twice"):
        model, images = learned(Parts(kind)), torch.randn(2, 3, 8, 8)
        with torch.inference_mode():
            expected = model(images)["bodypart"]["heatmap"]
        folded = fold_batch_norms(model, [images[:1]])
        assert has_batch_norms(folded), kind
        with torch.inference_mode():
            torch.testing.assert_close(folded(images)["bodypart"]["heatmap"], expected)


def test_the_model_itself_stays_as_it_is() -> None:
    model, images = learned(Parts("")), torch.rand(2, 3, 8, 8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    frozen, followed = create_engine(model, frozen=True), create_engine(model)
    torch.testing.assert_close(frozen(images), followed(images))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    first = frozen(images)["bodypart"]["heatmap"]
    model.one.weight.data.zero_()
    assert torch.equal(frozen(images)["bodypart"]["heatmap"], first)
    assert not torch.allclose(followed(images)["bodypart"]["heatmap"], first)
