"""Decoding of the SimCC head against DeepLabCut's."""

import json

import numpy as np
import torch

from heads.simcc.cases import head


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
