"""The maps that are drawn are those that poses are read from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.poses import Instances, Layout
from dlcx.predictors import create_predictor
from dlcx.predictors.maps import see
from dlcx.settings import ModelConfig

ONE = Layout(("nose", "back", "tail"))
TWO = Layout(("nose", "back", "tail"), ("ann", "bob"), multi=True)
IMAGE = np.random.default_rng(0).integers(0, 255, (90, 131, 3), np.uint8)


def predictor(net_type: str, layout: Layout, crop: int = 0):
    torch.manual_seed(0)
    plain = model_config(net_type, layout)
    if crop:
        plain["data"]["inference"]["top_down_crop"] = {"width": crop, "height": crop}
    config = ModelConfig.model_validate(plain)
    return create_predictor(build_model(config), config, device="cpu")


def boxes(count: int) -> Instances:
    box = np.array([(4, 14, 40, 50), (60, 20, 50, 60)], np.float32)[:count]
    return Instances(np.zeros((count, 0, 2)), np.zeros((count, 0)), box=box, box_score=np.ones(count))


def test_one_animal() -> None:
    made = predictor("timm/test_resnet", ONE)
    (seen,) = see(made, IMAGE)
    maps = seen.heads["bodypart"]
    np.testing.assert_array_equal(seen.image[: IMAGE.shape[0], : IMAGE.shape[1]], IMAGE)
    assert maps.stride == (8, 8)
    assert 0 <= maps.scores.min() <= maps.scores.max() <= 1
    pose = made.predict(IMAGE[None])[0].animals
    for part, scores in enumerate(maps.scores):
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        place = (np.array([column, row]) + 0.5) * maps.stride + maps.locref[part, row, column]
        np.testing.assert_allclose(pose.xy[0, part], place, rtol=1e-5)
        assert pose.score[0, part] == pytest.approx(scores.max(), rel=1e-5)


def test_several_animals_have_fields() -> None:
    (seen,) = see(predictor("timm/test_resnet", TWO), IMAGE)
    maps = seen.heads["bodypart"]
    assert maps.edges == ((0, 1), (0, 2), (1, 2))
    assert maps.fields.shape == (3, *maps.scores.shape[1:], 2)


@pytest.mark.parametrize("count", [0, 2])
def test_a_net_on_boxes_sees_each(count: int) -> None:
    rows = see(predictor("top_down_resnet_50", TWO, crop=64), IMAGE, boxes(count))
    assert len(rows) == count
    for seen in rows:
        assert seen.image.shape == (64, 64, 3)
        assert seen.heads["bodypart"].scores.shape[0] == 3


def test_bins_cross_at_the_keypoint() -> None:
    made = predictor("rtmpose_s", TWO)
    given = boxes(1)
    (seen,) = see(made, IMAGE, given)
    maps = seen.heads["bodypart"]
    assert maps.scores.max() == pytest.approx(1)
    pose = made.predict(IMAGE[None], [given])[0].animals
    place = made.inputs(IMAGE[None], [given]).geometries[0].to_net(pose.xy[0])
    for part, scores in enumerate(maps.scores):
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        np.testing.assert_allclose(place[part], np.array([column, row]) * maps.stride, atol=1e-3)


def test_maps_of_an_unknown_kind_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = predictor("timm/test_resnet", ONE)
    monkeypatch.setattr(made, "engine", lambda *tensors: {"bodypart": {"density": torch.zeros(1, 3, 8, 8)}})
    with pytest.raises(DlcxError, match=r"the head 'bodypart' \(\w+\) gives maps that cannot be drawn: density"):
        see(made, IMAGE)


def test_centres_are_one_more_map() -> None:
    net = predictor("dekr_w18", TWO)
    (seen,) = see(net, IMAGE)
    maps = seen.heads["bodypart"]
    assert len(maps.scores) == 4
    # The ways from the best centre lead to the pose that is decoded, in pixels of the network input.
    outputs = net.engine(*net.inputs(IMAGE[None], None).tensors)["bodypart"]
    centres = outputs["heatmap"][0, -1].numpy()
    row, column = np.unravel_index(centres.argmax(), centres.shape)
    middle = (np.array([column, row]) + 0.5) * maps.stride
    decoded = net.model.heads["bodypart"].decode(outputs)[0]
    np.testing.assert_allclose(middle + maps.ways[:, row, column], decoded.xy[0], atol=1e-3)
