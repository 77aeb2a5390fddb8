import pytest
import torch
from torch import nn

from dlcx.engines import create_engine
from dlcx.engines.devices import choose_device
from dlcx.errors import DlcxError


class Tiny(nn.Module):
    """Says what it got: enough of a PoseModel for an engine."""

    def __init__(self, norm: nn.Module):
        super().__init__()
        self.layer, self.norm = nn.Conv2d(3, 4, 3), norm

    def forward(self, images):
        return {"bodypart": {"heatmap": self.norm(self.layer(images))}}


@pytest.mark.parametrize(("norm", "last"), [(nn.BatchNorm2d(4), True), (nn.GroupNorm(2, 4), False)])
def test_the_quicker_memory_layout_gives_the_same_numbers(norm, last):
    model, images = Tiny(norm).eval(), torch.rand(2, 3, 9, 11)
    with torch.inference_mode():
        expected = model(images)["bodypart"]["heatmap"]
    engine = create_engine(model, device="cpu")
    found = engine(images)["bodypart"]["heatmap"]
    assert model.layer.weight.is_contiguous(memory_format=torch.channels_last) is last
    torch.testing.assert_close(found, expected)
    assert found.is_inference()


def test_mixed_precision():
    engine = create_engine(Tiny(nn.Identity()), device="cpu", precision="bf16")
    assert engine(torch.rand(1, 3, 8, 8))["bodypart"]["heatmap"].dtype == torch.bfloat16


def test_compiled_equals_eager(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda model: torch._dynamo.optimize("eager")(model))
    model, images = Tiny(nn.Identity()), torch.rand(1, 3, 8, 8)
    found = create_engine(model, kind="compile")(images)["bodypart"]["heatmap"]
    torch.testing.assert_close(found, create_engine(model)(images)["bodypart"]["heatmap"])


@pytest.mark.parametrize(
    ("options", "message"), [({"kind": "onnx"}, "--engine onnx"), ({"precision": "fp8"}, "--precision fp8")]
)
def test_unknown_choices(options, message):
    with pytest.raises(DlcxError, match=message) as caught:
        create_engine(Tiny(nn.Identity()), **options)
    assert caught.value.hint


def test_auto_prefers_cuda_then_mps_for_resnets(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto", "resnet_50").type == "mps"
    assert choose_device("auto", "hrnet_w32").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto", "hrnet_w32").type == "cuda"


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda0", "cuda:7", "mps"])
def test_devices_that_are_not_there(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DlcxError, match=f"--device {name}"):
        choose_device(name)
