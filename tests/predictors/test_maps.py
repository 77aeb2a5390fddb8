"""The maps that are drawn are those that poses are read from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dlcx.errors import DlcxError
from dlcx.heads.heatmap.head import HeatmapHead
from dlcx.heads.protocol import MapDescription, vector_maps
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.poses import Instances, Layout
from dlcx.predictors import create_predictor
from dlcx.predictors.maps import compute_maps
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
    (seen,) = compute_maps(made, IMAGE)
    maps = seen.heads["bodypart"]
    np.testing.assert_array_equal(seen.image[: IMAGE.shape[0], : IMAGE.shape[1]], IMAGE)
    assert maps.stride == (8, 8)
    assert 0 <= maps.scores.min() <= maps.scores.max() <= 1
    pose = made.predict(IMAGE[None])[0].animals
    for part, scores in enumerate(maps.scores):
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        place = (np.array([column, row]) + 0.5) * maps.stride + maps.keypoint_offsets[part, row, column]
        np.testing.assert_allclose(pose.xy[0, part], place, rtol=1e-5)
        assert pose.score[0, part] == pytest.approx(scores.max(), rel=1e-5)


def test_several_animals_have_fields() -> None:
    (seen,) = compute_maps(predictor("timm/test_resnet", TWO), IMAGE)
    maps = seen.heads["bodypart"]
    assert maps.edges == ((0, 1), (0, 2), (1, 2))
    assert maps.fields.shape == (3, *maps.scores.shape[1:], 2)


@pytest.mark.parametrize("count", [0, 2])
def test_a_net_on_boxes_sees_each(count: int) -> None:
    rows = compute_maps(predictor("top_down_resnet_50", TWO, crop=64), IMAGE, boxes(count))
    assert len(rows) == count
    for seen in rows:
        assert seen.image.shape == (64, 64, 3)
        assert seen.heads["bodypart"].scores.shape[0] == 3


def test_bins_cross_at_the_keypoint() -> None:
    made = predictor("rtmpose_s", TWO)
    given = boxes(1)
    (seen,) = compute_maps(made, IMAGE, given)
    maps = seen.heads["bodypart"]
    assert maps.scores.max() == pytest.approx(1)
    pose = made.predict(IMAGE[None], [given])[0].animals
    place = made.inputs(IMAGE[None], [given]).geometries[0].to_net(pose.xy[0])
    for part, scores in enumerate(maps.scores):
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        np.testing.assert_allclose(place[part], np.array([column, row]) * maps.stride, atol=1e-3)


class DensityHead(nn.Module):
    """A head of another package: one map of how many keypoints there are, offsets in cells, and no keypoints."""

    stride = 16.0

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, 3, 1)

    def forward(self, features: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"density": self.layer(features)}

    def describe(self, maps: dict[str, torch.Tensor]) -> MapDescription:
        density = maps["density"]
        offsets = vector_maps(density[:, 1:]) * self.stride
        return MapDescription(density[:, :1].sigmoid(), (16.0, 8.0), ("crowd",), keypoint_offsets=offsets)


def test_a_head_describes_its_own_maps() -> None:
    made = predictor("timm/test_resnet", ONE)
    head = DensityHead(made.model.heads["bodypart"].heatmap_head.deconv_layers[0].in_channels)
    made.model.heads["density"] = head
    (found,) = compute_maps(made, IMAGE)
    maps = found.heads["density"]
    raw = made.engine(*made.inputs(IMAGE[None]).tensors)["density"]["density"][0].numpy()
    assert (maps.stride, maps.extra_channels, maps.edges) == ((16, 8), ("crowd",), ())
    assert maps.fields is None
    assert maps.center_offsets is None
    np.testing.assert_allclose(maps.scores[0], 1 / (1 + np.exp(-raw[0])), rtol=1e-5)
    np.testing.assert_allclose(maps.keypoint_offsets[0], 16 * raw[1:].transpose(1, 2, 0), rtol=1e-6)


def test_a_head_without_a_description_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    made = predictor("timm/test_resnet", ONE)
    monkeypatch.delattr(HeatmapHead, "describe")
    with pytest.raises(DlcxError, match=r"the maps of the head 'bodypart' \(HeatmapHead\) cannot be drawn") as caught:
        compute_maps(made, IMAGE)
    assert "docs/adding-a-head.md" in caught.value.hint


def test_centers_are_one_more_map() -> None:
    net = predictor("dekr_w18", TWO)
    (seen,) = compute_maps(net, IMAGE)
    maps = seen.heads["bodypart"]
    assert len(maps.scores) == 4
    assert maps.extra_channels == ("center",)
    # The offset vectors at the best center lead to the decoded pose.
    outputs = net.engine(*net.inputs(IMAGE[None], None).tensors)["bodypart"]
    centers = outputs["heatmap"][0, -1].numpy()
    row, column = np.unravel_index(centers.argmax(), centers.shape)
    middle = (np.array([column, row]) + 0.5) * maps.stride
    decoded = net.model.heads["bodypart"].decode(outputs)[0]
    np.testing.assert_allclose(middle + maps.center_offsets[:, row, column], decoded.xy[0], atol=1e-3)
