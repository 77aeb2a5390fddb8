"""Top-down prediction: all boxes of a batch in one forward pass, and each pose in its own image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlcx.data.crops import Cropping
from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.poses import Instances, Layout
from dlcx.predictors import create_predictor
from dlcx.settings import ModelConfig

LAYOUT = Layout(("nose", "tail"), ("ann", "bob"), multi=True)


class BrightestPixel(torch.nn.Module):
    """Stands for a net: the brightest cell of the red channel is the nose, of the green one the tail."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.calls: list[int] = []

    def forward(self, images):
        self.calls.append(len(images))
        return {"bodypart": {"heatmap": images[:, :2], "locref": torch.zeros(len(images), 4, *images.shape[2:])}}


@pytest.fixture
def config() -> ModelConfig:
    plain = model_config("top_down_resnet_50", LAYOUT)
    plain["data"]["inference"]["top_down_crop"] = {"width": 64, "height": 64}
    return ModelConfig.model_validate(plain)


def boxes(*rows: tuple[float, float, float, float]) -> Instances:
    box = np.array(rows, float).reshape(-1, 4)
    return Instances(np.zeros((len(box), 0, 2)), np.zeros((len(box), 0)), box=box, box_score=np.ones(len(box)))


def predictor(config, **options):
    model = build_model(config)
    stand_in = BrightestPixel()
    made = create_predictor(model, config, device="cpu", **options)
    model.heads["bodypart"].stride = 1
    made.engine = stand_in
    return made, stand_in


def test_every_box_is_posed_in_one_pass_and_in_its_image(config):
    images = np.zeros((3, 100, 160, 3), np.uint8)
    noses = {0: [(20, 30), (110, 60)], 2: [(50, 50)]}
    for image, points in noses.items():
        for x, y in points:
            images[image, y, x] = (255, 0, 0)
            images[image, y + 8, x + 8] = (0, 255, 0)
    given = [boxes((4, 14, 32, 32), (94, 44, 32, 32)), boxes(), boxes((34, 34, 32, 32))]
    made, net = predictor(config)
    found = made.predict(images, given)
    assert net.calls == [3]
    assert [len(one.animals) for one in found] == [2, 0, 1]
    for image, points in noses.items():
        expected = [[(x, y), (x + 8, y + 8)] for x, y in points]
        np.testing.assert_allclose(found[image].animals.xy, expected, atol=1.0)
        np.testing.assert_array_equal(found[image].animals.box, given[image].box)
    assert found[1].animals.xy.shape == (0, 2, 2)


def test_without_any_box_the_net_is_not_called(config):
    made, net = predictor(config, detector=lambda images: [boxes()] * len(images))
    found = made.predict(np.zeros((2, 50, 60, 3), np.uint8))
    assert [len(one.animals) for one in found] == [0, 0]
    assert net.calls == []


def test_boxes_come_from_the_finder_unless_they_are_given(config):
    images = np.zeros((1, 100, 160, 3), np.uint8)
    made, _ = predictor(config, detector=lambda images: [boxes((0, 0, 20, 20), (50, 50, 20, 20))])
    assert len(made.predict(images)[0].animals) == 2
    assert len(made.predict(images, [boxes((0, 0, 20, 20))])[0].animals) == 1


def test_no_boxes_at_all_is_an_error_that_names_the_way_out(config):
    made, _ = predictor(config)
    with pytest.raises(DlcxError, match="needs a detector"):
        made.predict(np.zeros((1, 50, 60, 3), np.uint8))


@pytest.mark.parametrize("transforms", [None, {"normalize_images": True, "top_down_crop": None}])
def test_crops_are_256_pixels_wide_where_the_file_does_not_say(config, transforms):
    plain = config.plain()
    plain["data"]["inference"] = transforms
    config = ModelConfig.model_validate(plain)
    made = create_predictor(build_model(config), config, device="cpu")
    rows = made.inputs(np.zeros((1, 100, 160, 3), np.uint8), [boxes((10, 20, 64, 64))])
    assert rows.tensors[0].shape == (1, 3, 256, 256)
    assert made.cropping == Cropping((256, 256), margin=0, context=True)
