"""The DEKR head alone: layers, targets, losses and decoding against DeepLabCut's, and what it refuses."""

import json

import numpy as np
import pytest
import torch
from golden_io import error
from torch.nn import functional
from torchvision.ops import deform_conv2d

from dlcx.errors import DlcxError
from dlcx.heads import HEADS
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.dekr.decoding import find_duplicates
from dlcx.heads.dekr.head import DekrHead
from dlcx.heads.dekr.layers import KERNEL_OFFSETS, AdaptiveBlock, OffsetBranch, deformable_convolution
from dlcx.heads.dekr.targets import DekrTargets, offset_owners
from dlcx.heads.targets import Target
from dlcx.nets.configure import model_config
from dlcx.poses import Layout

LAYOUT = Layout(("a", "b", "c", "d"), ("x", "y", "z"), multi=True)


def head(**changes) -> DekrHead:
    """dekr_w18's head on its 270 features; ``changes`` replace keys of its block, mappings in it are merged."""
    block = model_config("dekr_w18", LAYOUT)["model"]["heads"]["bodypart"]
    for key, value in changes.items():
        block[key] = {**block[key], **value} if isinstance(value, dict) else value
    return build_from_config(block, HEADS, "HEAD", backbone_stride=4, backbone_channels=270, where="HEAD")


def labels(keypoints: np.ndarray, area: np.ndarray | None = None) -> BatchLabels:
    shape = keypoints.shape[:2]
    return BatchLabels(
        keypoints=torch.as_tensor(keypoints, dtype=torch.float32),
        unique=torch.zeros(shape[0], 0, 3),
        area=torch.ones(shape) if area is None else torch.from_numpy(area),
        individual_ids=torch.zeros(shape, dtype=torch.int64),
    )


def records(golden, place: str, key: str, start: str) -> list[dict]:
    found = json.loads((golden / place).read_text())
    return [record for record in found if str(record.get(key, "")).startswith(start)]


def test_targets_equal_deeplabcut(golden):
    stored = np.load(golden / "train" / "generators.npz")
    cases = json.loads((golden / "train" / "generators.json").read_text())
    cases = [case for case in cases if case["config"]["type"] == "DEKRGenerator"]
    assert len(cases) == 6
    batch = labels(stored["keypoints_with_center"][:, :, :-1], stored["area"])  # dlcx finds the centre itself
    for case in cases:
        draw = head(target_generator=case["config"]).draw
        for name, target in draw(batch, *case["map_hw"], case["stride"]).items():
            assert error(stored, f"{case['name']}.{name}.target", target.values) < 1e-6, case
            assert error(stored, f"{case['name']}.{name}.weights", target.weights) < 1e-6, case


def test_losses_equal_deeplabcut(golden):
    stored = np.load(golden / "train" / "criteria.npz")
    cases = records(golden, "train/criteria.json", "criterion", "DEKR")
    assert len(cases) == 8
    output, values = torch.from_numpy(stored["output"]), torch.from_numpy(stored["target"])
    for case in cases:
        weights = torch.from_numpy(np.asarray(stored[f"weights.{case['weights']}"]))
        loss = head().criteria[case["criterion"].removeprefix("DEKR").removesuffix("Loss").lower()]
        assert loss(output, Target(values, weights)).item() == pytest.approx(case["value"], rel=1e-6), case


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


def test_all_keypoints_at_once_are_each_keypoint_alone():
    torch.manual_seed(0)
    branch = OffsetBranch(6, 5, keypoints=3, blocks=2).double().train()
    alone = OffsetBranch(6, 5, keypoints=3, blocks=2).double().train()
    alone.load_state_dict(branch.state_dict())
    features = torch.randn(2, 6, 7, 9, dtype=torch.float64)

    def adapted(block: AdaptiveBlock, x: torch.Tensor) -> torch.Tensor:
        matrix, shift = block.transform_matrix_conv(x), block.translation_conv(x)
        offsets = []
        for tap in range(9):
            y, x_ = block.regular_matrix[:, tap]
            offsets.append(matrix[:, 0] * y + matrix[:, 1] * x_ - y + shift[:, 0])
            offsets.append(matrix[:, 2] * y + matrix[:, 3] * x_ - x_ + shift[:, 1])
        moved = deform_conv2d(x, torch.stack(offsets, 1), block.adapt_conv.weight, padding=1)
        return functional.relu(block.bn(moved) + x)

    parts = []
    for number, x in enumerate(alone.transition_offset(features).split(5, 1)):
        for block in alone.offset_feature_layers[number]:
            x = adapted(block, x)
        parts.append(alone.offset_final_layer[number](x))
    torch.testing.assert_close(branch(features), torch.cat(parts, 1), rtol=0, atol=1e-12)
    torch.testing.assert_close(branch.state_dict(), alone.state_dict(), rtol=0, atol=1e-12)  # statistics of batch norms
    assert branch.state_dict()["offset_feature_layers.2.1.bn.num_batches_tracked"] == 1
    branch.eval()(features)
    torch.testing.assert_close(branch.state_dict(), alone.state_dict(), rtol=0, atol=1e-12)


def test_taps_may_lie_anywhere():
    """The way for CPUs is torchvision's deformable convolution, beyond the borders too, and learns the same."""
    torch.manual_seed(0)
    x, ways, weight = torch.randn(2, 6, 5, 7), torch.randn(2, 2, 9, 2, 5, 7) * 4, torch.randn(6, 3, 3, 3)
    inputs = [value.double().requires_grad_() for value in (x, ways, weight)]
    usual = torch.tensor(KERNEL_OFFSETS, dtype=torch.float64).T[:, :, None, None]
    expected = deform_conv2d(inputs[0], (inputs[1] - usual).flatten(1, 3), inputs[2], padding=1)
    found = deformable_convolution(*inputs)
    torch.testing.assert_close(found, expected)
    for own, theirs in zip(*(torch.autograd.grad(y.square().sum(), inputs) for y in (found, expected)), strict=True):
        torch.testing.assert_close(own, theirs)


def test_owners_are_those_of_a_walk_from_animal_to_animal():
    generator = np.random.default_rng(0)
    seen = generator.random((400, 4, 3)) < 0.5
    area = generator.integers(1, 5, (400, 4)).astype(np.float32)  # with ties
    expected = np.full((400, 3), -1)
    for cell in range(400):
        noted = 0.0
        for animal in range(4):
            for part in range(3):
                free = expected[cell, part] < 0
                if seen[cell, animal, part] and (free or noted >= area[cell, animal]):
                    expected[cell, part], noted = animal, area[cell, animal]
    np.testing.assert_array_equal(offset_owners(torch.from_numpy(seen), torch.from_numpy(area)), expected)


def test_the_smaller_of_two_animals_keeps_its_cells():
    keypoints = np.array([[[[20, 20, 2], [24, 20, 2]], [[40, 20, 2], [44, 20, 2]]]], np.float32)
    for area in ([100, 900], [900, 100]):
        draw = DekrTargets(keypoints=2, radius=17)
        offset = draw(labels(keypoints, np.array([area], np.float32)), 12, 20, 4)["offset"]
        smaller = int(np.argmin(area))
        x = 8  # both centres are within 17 pixels of this column
        assert offset.values[0, 0, 5, x] == x - (keypoints[0, smaller, 0, 0] - 2) / 4
        assert offset.weights[0, :, 5, x].unique().tolist() == pytest.approx([0.1])


def test_what_is_drawn_is_found_again():
    keypoints = np.array([[[[30, 30, 2], [54, 34, 2]], [[130, 90, 2], [112, 74, 2]], [[0, 0, 0], [0, 0, 0]]]])
    made = head(
        target_generator={"num_joints": 2},
        heatmap_config={"channels": [270, 18, 3]},
        offset_config={"channels": [270, 30, 2]},
    )
    targets = made.draw(labels(keypoints), 32, 48, 4)
    (found,) = made.decode({name: target.values for name, target in targets.items()})
    assert len(found) == 2  # three are looked for, two are there
    order = np.argsort(found.xy[:, 0, 0])
    np.testing.assert_allclose(found.xy[order], keypoints[0, :2, :, :2], atol=1e-4)
    assert (found.score > 0.8).all()


def test_without_animals_nothing_is_drawn_and_nothing_found():
    made = head()
    targets = made.draw(labels(np.zeros((2, 1, 4, 3))), 8, 8, 4)
    assert not targets["heatmap"].values.any()
    assert (targets["heatmap"].weights == 0.1).all()
    assert not targets["offset"].weights.any()
    maps = {name: target.values.clone().requires_grad_() for name, target in targets.items()}
    assert made.loss(maps, labels(np.zeros((2, 1, 4, 3))))["total_loss"] == 0
    assert [len(found) for found in made.decode({name: value.detach() for name, value in maps.items()})] == [0, 0]


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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heatmap_config": {"channels": [270, 18, 4]}}, r"HEAD.heatmap_config.channels: expected \[270, between, 5\]"),
        ({"offset_config": {"channels": [270, 60]}}, r"HEAD.offset_config.channels: expected \[270, between, 4\]"),
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
