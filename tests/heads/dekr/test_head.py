"""The DEKR head alone: layers, targets, losses and decoding against DeepLabCut's, and what it refuses."""

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from heads.dekr.cases import head, labels


def test_what_is_drawn_is_found_again():
    keypoints = np.array([[[[30, 30, 2], [54, 34, 2]], [[130, 90, 2], [112, 74, 2]], [[0, 0, 0], [0, 0, 0]]]])
    made = head(
        target_generator={"num_joints": 2},
        heatmap_config={"channels": [270, 18, 3]},
        offset_config={"channels": [270, 30, 2]},
    )
    targets = made.target_generator(labels(keypoints), 32, 48, 4)
    (found,) = made.decode({name: target.values for name, target in targets.items()})
    assert len(found) == 2  # three are looked for, two are there
    order = np.argsort(found.xy[:, 0, 0])
    np.testing.assert_allclose(found.xy[order], keypoints[0, :2, :, :2], atol=1e-4)
    assert (found.score > 0.8).all()


def test_without_animals_nothing_is_drawn_and_nothing_found():
    made = head()
    targets = made.target_generator(labels(np.zeros((2, 1, 4, 3))), 8, 8, 4)
    assert not targets["heatmap"].values.any()
    assert (targets["heatmap"].weights == 0.1).all()
    assert not targets["offset"].weights.any()
    maps = {name: target.values.clone().requires_grad_() for name, target in targets.items()}
    assert made.loss(maps, labels(np.zeros((2, 1, 4, 3))))["total_loss"] == 0
    assert [len(found) for found in made.decode({name: value.detach() for name, value in maps.items()})] == [0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heatmap_config": {"channels": [270, 18, 4]}}, r"HEAD.heatmap_config.channels: expected \[270, hidden, 5\]"),
        ({"offset_config": {"channels": [270, 60]}}, r"HEAD.offset_config.channels: expected \[270, hidden, 4\]"),
        ({"offset_config": {"channels": [270, 59, 4]}}, "offset_config.channels: expected 15 x 4 = 60 in the middle"),
        ({"offset_config": {"dilation_rate": 2}}, "offset_config.dilation_rate: only 1 is supported, got 2"),
        ({"predictor": {"keypoint_score_type": "centre"}}, "keypoint_score_type: unknown 'centre'"),
        ({"predictor": {"nms": 1}}, "HEAD.predictor.nms: unknown key"),
        ({"weight_init": "normal"}, "HEAD.weight_init: expected 'dekr' or nothing, got 'normal'"),
        ({"criterion": {"paf": {}}}, "HEAD.criterion: expected heatmap and offset, got heatmap, offset, paf"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(DlcxError, match=message):
        head(**changes)


def test_first_weights_are_small_also_of_batch_norms():
    torch.manual_seed(0)
    weights = dict(head().named_parameters())
    assert all(not value.any() for name, value in weights.items() if name.endswith("bias"))
    assert all(0 < value.abs().max() < 0.01 for name, value in weights.items() if not name.endswith("bias"))


@pytest.mark.parametrize(("clip", "expected"), [(False, 3.0), (True, 1.0)])
def test_clip_scores_limits_scores_to_1(clip, expected):
    decoder = head(
        predictor={"apply_sigmoid": False, "clip_scores": clip, "keypoint_score_type": "heatmap", "use_heatmap": False}
    ).decoder
    heat = torch.zeros(1, 4, 8, 8)
    heat[0, :, 3, 3] = 3.0
    poses, found = decoder({"heatmap": heat, "offset": torch.zeros(1, 6, 8, 8)}, 4)
    assert found[0, 0]
    assert poses[0, 0, :, 2].tolist() == [expected] * 3
