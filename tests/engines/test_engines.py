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
    ("options", "message"),
    [
        ({"kind": "onyx"}, "--engine onyx"),
        ({"precision": "fp8"}, "--precision fp8"),
        ({"kind": "auto"}, "--engine auto"),
    ],
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


class Greedy(nn.Module):
    """Has memory for two images of at most 40 pixels at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def forward(self, images: torch.Tensor, conditions: torch.Tensor) -> object:
        self.asked.append(len(images))
        if len(images) > 2 or images.shape[-1] > 40:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nmore")
        found = images.mean((1, 2, 3)) + conditions.sum(1)
        return {"bodypart": {"heatmap": found}}, [{"boxes": value} for value in found]


def test_too_large_batches_are_halved(caplog: pytest.LogCaptureFixture) -> None:
    model = Greedy()
    engine = create_engine(model)
    images, conditions = torch.rand(7, 3, 8, 8), torch.rand(7, 2)
    expected = images.mean((1, 2, 3)) + conditions.sum(1)
    for _ in range(2):
        maps, boxes = engine(images, conditions)
        torch.testing.assert_close(maps["bodypart"]["heatmap"], expected)
        torch.testing.assert_close(torch.stack([box["boxes"] for box in boxes]), expected)
    assert model.asked == [7, 3, 1, 1, 1, 1, 1, 1, 1] + [1] * 7
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "continuing with 3" in caplog.text


def test_one_image_that_is_too_large_is_said() -> None:
    engine = create_engine(Greedy())
    with pytest.raises(
        DlcxError, match="out of memory for a single image of 48x8 pixels: CUDA out of memory"
    ) as caught:
        engine(torch.rand(2, 3, 8, 48), torch.rand(2, 2))
    assert "--precision" in caught.value.hint


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    class Broken(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        create_engine(Broken())(torch.rand(4, 3, 8, 8))
