"""The SimCC head alone: targets, loss and decoding against DeepLabCut's, and what it refuses."""

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from heads.simcc.cases import head, labels


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
    with pytest.raises(DlcxError, match="expects crops of 64 x 96 pixels, got 64 x 64") as caught:
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
