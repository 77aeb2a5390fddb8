"""Decoding of the DEKR head against DeepLabCut's."""

import numpy as np
import pytest
import torch

from dlcx.heads.dekr.decoding import find_duplicates
from heads.dekr.cases import head, records


def test_decoding_equals_deeplabcut_but_for_the_order(golden):
    stored = np.load(golden / "post" / "decoders.npz")
    cases = records(golden, "post/decoders.json", "name", "dekr")
    assert len(cases) == 10
    maps = {name: torch.from_numpy(stored[f"dekr.{name}"]) for name in ("heatmap", "offset")}
    for case in cases:
        made = head(predictor=case["predictor"])
        for found, poses in zip(made.decode(maps), stored[f"{case['name']}.poses"], strict=True):
            poses = poses[~(poses == -1).all((1, 2))]
            if case["predictor"]["apply_pose_nms"]:
                poses = poses[::-1]  # DeepLabCut's suppression leaves the best one last
            np.testing.assert_allclose(found.xy, poses[..., :2], rtol=0, atol=1e-4, err_msg=case["name"])
            np.testing.assert_allclose(found.score, poses[..., 2], rtol=0, atol=1e-6, err_msg=case["name"])


def test_animals_come_best_first():
    maps = {"heatmap": torch.zeros(1, 5, 20, 20), "offset": torch.zeros(1, 8, 20, 20)}
    for score, place in ((0.5, 3), (0.9, 10), (0.7, 17)):
        maps["heatmap"][0, :, place, place] = score
    (found,) = head(predictor={"keypoint_score_type": "center"}).decode(maps)
    assert found.score[:, 0] == pytest.approx([0.9, 0.7, 0.5])
    assert found.xy[:, 0].tolist() == [[42, 42], [70, 70], [14, 14]]


def test_a_pose_like_a_better_one_is_a_double():
    pose = torch.tensor([[0.0, 0], [100, 0]])
    poses = torch.stack([pose, pose + 50, pose + torch.tensor([0.0, 4.9]), pose + torch.tensor([0.0, 5.1])])
    assert find_duplicates(poses[None], 0.05).tolist() == [[False, False, True, True]]  # the last is near the third
    assert find_duplicates(poses[None, [0, 1, 3]], 0.05).tolist() == [[False, False, False]]
    assert find_duplicates(torch.zeros(1, 2, 1, 2), 0.05).tolist() == [[False, True]]  # a point has a diagonal of 1
