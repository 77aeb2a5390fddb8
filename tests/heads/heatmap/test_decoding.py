"""Argmax decoding against DeepLabCut's."""

import json

import numpy as np
import pytest
import torch

from dlcx.heads.heatmap.decoding import ArgmaxDecoder, build_argmax_decoder
from heads.heatmap.cases import head


def test_decoding_equals_deeplabcut(golden):
    stored = np.load(golden / "post" / "decoders.npz")
    records = json.loads((golden / "post" / "decoders.json").read_text())
    records = [record for record in records if record["name"].startswith("heatmap")]
    assert len(records) == 8
    maps = {name: torch.from_numpy(stored[f"heatmap.{name}"]) for name in ("heatmap", "locref")}
    for record in records:
        made = head(predictor=record["predictor"])
        poses = made.decoder(maps, record["stride"])
        np.testing.assert_allclose(poses, stored[f"{record['name']}.poses"][:, 0], rtol=0, atol=1e-5)


def test_the_first_of_equal_cells_is_taken():
    pose = ArgmaxDecoder(sigmoid=False, locref=False)({"heatmap": torch.zeros(1, 1, 4, 4)}, 8)
    assert pose.tolist() == [[[4.0, 4.0, 0.0]]]


@pytest.mark.parametrize(("clip", "expected"), [(False, [3.0, -2.0]), (True, [1.0, 0.0])])
def test_clip_scores_limits_scores_to_0_and_1(clip, expected):
    decoder = build_argmax_decoder(apply_sigmoid=False, clip_scores=clip, location_refinement=False)
    heat = torch.full((1, 2, 4, 5), -2.0)
    heat[0, 0, 2, 3] = 3.0
    assert decoder({"heatmap": heat}, 8)[0, :, 2].tolist() == expected
