"""The SimCC head alone: targets, loss and decoding against DeepLabCut's, and what it refuses."""

import json

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.heads import HEADS
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.simcc.head import SimCCHead
from dlcx.heads.targets import Target
from dlcx.nets.blocks import simcc_head


def head(crop=(64, 96), keypoints=3, **changes) -> SimCCHead:
    """A head on 8 features of stride 32; ``changes`` replace keys of its block, mappings in it are merged."""
    block = simcc_head(8, keypoints, crop=(256, 256))
    block |= {"input_size": list(crop), "in_featuremap_size": [side // 32 for side in crop]}
    block["target_generator"] = {**block["target_generator"], "input_size": list(crop)}
    for key, value in changes.items():
        block[key] = {**block[key], **value} if isinstance(value, dict) else value
    return build_from_config(block, HEADS, "HEAD", backbone_stride=32, backbone_channels=8, where="HEAD")


def labels(keypoints: np.ndarray) -> BatchLabels:
    count = len(keypoints)
    return BatchLabels(
        keypoints=torch.as_tensor(keypoints, dtype=torch.float32),
        unique=torch.zeros(count, 0, 3),
        area=torch.ones(count, 1),
        individual_ids=torch.zeros(count, 1, dtype=torch.int64),
    )


def test_targets_equal_deeplabcut(golden):
    stored = np.load(golden / "train" / "generators.npz")
    records = json.loads((golden / "train" / "generators.json").read_text())
    records = [record for record in records if record["config"]["type"] == "SimCCGenerator"]
    assert len(records) == 5
    for record in records:
        ratio = record["config"]["simcc_split_ratio"]
        made = head(
            crop=(192, 256),
            keypoints=4,
            target_generator=record["config"],
            predictor={"simcc_split_ratio": ratio},
            simcc_split_ratio=ratio,
        )
        targets = made.targets({}, labels(stored["simcc_keypoints"]))
        for axis, target in targets.items():
            expected = stored[f"{record['name']}.{axis}.target"][:, 0]
            np.testing.assert_allclose(target.values, expected, rtol=0, atol=1e-6, err_msg=record["name"])
            np.testing.assert_array_equal(target.weights, stored[f"{record['name']}.{axis}.weights"][:, 0])


def test_the_loss_equals_deeplabcut(golden):
    stored = np.load(golden / "train" / "criteria.npz")
    records = json.loads((golden / "train" / "criteria.json").read_text())
    records = [record for record in records if record["criterion"] == "KLDiscreteLoss"]
    assert len(records) == 3
    output, values, weight = (torch.from_numpy(stored[f"kl_{name}"]) for name in ("output", "target", "weight"))
    for record in records:
        loss = {"type": "KLDiscreteLoss", **record["kwargs"]}
        made = head(criterion={"x": loss, "y": loss}).criteria["x"]
        assert made(output, Target(values, weight)).item() == pytest.approx(record["value"], rel=1e-6)


def test_decoding_equals_deeplabcut(golden):
    stored = np.load(golden / "post" / "decoders.npz")
    records = json.loads((golden / "post" / "decoders.json").read_text())
    records = [record for record in records if record["name"].startswith("simcc")]
    assert len(records) == 5
    for record in records:
        ratio = record["predictor"]["simcc_split_ratio"]
        made = head(
            predictor=record["predictor"], target_generator={"simcc_split_ratio": ratio}, simcc_split_ratio=ratio
        )
        for scale in (1.0, 0.005):
            maps = {axis: torch.from_numpy(stored[f"simcc.{axis}"]) * scale for axis in "xy"}
            expected = stored[f"{record['name']}.poses_scale{scale}"][:, 0]
            np.testing.assert_allclose(made.decoder(maps), expected, rtol=1e-5, atol=1e-6, err_msg=record["name"])


def test_normalized_outputs_are_neither_negative_nor_above_one():
    decoder = head(predictor={"normalize_outputs": True, "apply_softmax": False}).decoder
    maps = {"x": torch.full((1, 2, 128), -1.0), "y": torch.zeros(1, 2, 192)}
    maps["x"][0, 0, 5], maps["y"][0, :, 7] = 3.0, 2.0
    torch.testing.assert_close(decoder(maps), torch.tensor([[[2.5, 3.5, 1.0], [-0.5, -0.5, 0.0]]]))


def test_decoding_what_was_drawn_gives_the_labels_back():
    made = head()
    truth = np.array([[[[10.0, 90.5, 2], [33.5, 4.0, 2], [63.0, 0.0, 2]]]])
    targets = made.targets({}, labels(truth))
    found = made.decode({axis: target.values for axis, target in targets.items()})
    assert len(found) == 1
    np.testing.assert_array_equal(found[0].xy, truth[0, :, :, :2])


def test_what_is_not_seen_is_not_trained():
    made = head(keypoints=4)
    unseen = np.array([[[[np.nan, np.nan, 0], [20, 20, -1], [-9, 20, 2], [20, 20, 0]]]])
    targets = made.targets({}, labels(unseen))
    assert all(not target.values.any() and not target.weights.any() for target in targets.values())
    maps = {axis: torch.randn(target.values.shape, requires_grad=True) for axis, target in targets.items()}
    losses = made.loss(maps, labels(unseen))
    assert losses["total_loss"].item() == 0


def test_maps_have_two_bins_a_pixel():
    maps = head()(torch.randn(5, 8, 3, 2))
    assert {axis: tuple(logits.shape) for axis, logits in maps.items()} == {"x": (5, 3, 128), "y": (5, 3, 192)}


def test_a_crop_of_another_size_is_refused():
    with pytest.raises(DlcxError, match="made for crops of 64 x 96 pixels, got 64 x 64") as caught:
        head()(torch.randn(1, 8, 2, 2))
    assert "top_down_crop" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"in_channels": 9}, "HEAD.in_channels: expected 8, got 9"),
        ({"in_featuremap_size": [2, 2]}, r"HEAD.in_featuremap_size: expected \[2, 3\], got \[2, 2\]"),
        ({"input_size": 64}, r"HEAD.input_size: expected \[width, height\], got 64"),
        ({"target_generator": {"input_size": [64, 64]}}, "HEAD.target_generator.input_size: expected"),
        ({"target_generator": {"smoothing_type": "gausian"}}, "smoothing_type: unknown 'gausian'"),
        ({"target_generator": {"sigma": [1, 2, 3]}}, "sigma: expected a number of bins, or two"),
        ({"predictor": {"simcc_split_ratio": 1.0}}, "HEAD.predictor.simcc_split_ratio: expected 2.0, got 1.0"),
        ({"predictor": {"betta": 1.0}}, "HEAD.predictor.betta: unknown key"),
        ({"weight_init": "normal"}, "HEAD.weight_init: expected RTMPose, got normal"),
        ({"gau_cfg": {"use_rel_bias": True}}, "gau_cfg.use_rel_bias: only False is supported, got True"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(DlcxError, match=message):
        head(**changes)
