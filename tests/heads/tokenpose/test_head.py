"""The head of TokenPose alone; tests/nets/test_parity.py compares it with DeepLabCut's."""

import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.heads import HEADS
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.protocol import HeadContext
from dlcx.heads.tokenpose.head import TokenHead
from dlcx.nets.configure import model_config
from dlcx.poses import Layout


def head(**changes) -> TokenHead:
    block = model_config("animaltokenpose_base", Layout(("a", "b")))["model"]["heads"]["bodypart"]
    block |= {"dim": 4, "hidden_heatmap_dim": 8, "heatmap_dim": 48, "heatmap_size": [8, 6]}
    for key, value in changes.items():
        block[key] = {**block[key], **value} if isinstance(value, dict) else value
    return build_from_config(block, HEADS, "HEAD", context=HeadContext(channels=32, stride=4, where="HEAD"))


def test_what_is_drawn_is_found_again():
    made = head()
    labels = BatchLabels(
        keypoints=torch.tensor([[[[2.0, 2.0, 2], [18.0, 30.0, 2]]]]),
        unique=torch.zeros(1, 0, 3),
        area=torch.ones(1, 1),
        individual_ids=torch.zeros(1, 1, dtype=torch.int64),
    )
    maps = made(torch.randn(1, 2, 12))
    assert maps["heatmap"].shape == (1, 2, 8, 6)
    target = made.targets(maps, labels)["heatmap"]
    perfect = {"heatmap": target.values * 40 - 20}
    assert made.loss(perfect, labels)["total_loss"] < 1e-6 < made.loss(maps, labels)["total_loss"]
    peaked = target.values.clone()
    for part, (row, column) in enumerate([(0, 0), (7, 4)]):
        peaked[0, part, row, column] += 1
    (found,) = made.decode({"heatmap": peaked})
    assert found.xy.tolist() == [[[2, 2], [18, 30]]]
    assert found.score == pytest.approx(torch.tensor(2.0).sigmoid().item())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heatmap_size": [8, 8]}, r"HEAD.heatmap_size: expected height and width of 48 cells, got \[8, 8\]"),
        ({"hidden_heatmap_dim": 24}, "HEAD.hidden_heatmap_dim: 24 adds a hidden layer"),
        ({"predictor": {"location_refinement": True}}, "HEAD.predictor.location_refinement: the head has no offsets"),
        ({"target_generator": {"generate_locref": True}}, "HEAD.target_generator.generate_locref: the head has no"),
        ({"criterion": {"type": "MSE"}}, "HEAD.criterion.type: unknown 'MSE'"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(DlcxError, match=message):
        head(**changes)


def test_without_many_tokens_the_layer_between_may_be_switched_off():
    assert head(hidden_heatmap_dim=24, apply_multi=False).mlp_head[1].out_features == 48
