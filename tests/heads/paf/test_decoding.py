"""Peaks, affinities and animals against DeepLabCut's."""

import json

import numpy as np
import pytest
import torch

from dlcx.heads.paf.decoding import PafDecoder, build_decoder, top_scores, window_maximum
from dlcx.nets.bottom_up import paf_head


def cases(golden):
    return json.loads((golden / "post" / "paf_decoding.json").read_text())["cases"]


def maps_of(stored, name: str) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(stored[f"{name}.{key}"].astype(np.float32)) for key in ("heatmap", "locref", "paf")}


def test_peaks_and_affinities_are_deeplabcuts(golden):
    stored = np.load(golden / "post" / "paf_decoding.npz")
    assert len(cases(golden)) == 9
    for case in cases(golden):
        decoder = build_decoder(case["predictor"], "predictor")
        name = case["name"]
        detections, keys = stored[f"{name}.det"], stored[f"{name}.cost_key"].astype(int)
        for image, found in enumerate(decoder.detect(maps_of(stored, case["maps"]), case["stride"])):
            peaks = np.column_stack([found.part, found.xy, found.score])
            np.testing.assert_allclose(peaks, detections[detections[:, 0] == image, 1:], rtol=0, atol=1e-5)
            own = keys[:, 0] == image
            place = pair_places(decoder, found.counts)
            order = [place[edge, first, second] for edge, first, second in keys[own, 1:].tolist()]
            assert sorted(order) == list(range(len(found.affinity)))
            np.testing.assert_allclose(found.affinity[order], stored[f"{name}.cost_m1"][own], rtol=0, atol=1e-6)


def pair_places(decoder: PafDecoder, counts) -> dict[tuple[int, int, int], int]:
    places: dict[tuple[int, int, int], int] = {}
    for edge in decoder.edges:
        first, second = decoder.graph[edge]
        for pair in np.ndindex(counts[first], counts[second]):
            places[(edge, *pair)] = len(places)
    return places


def test_animals_are_deeplabcuts(golden):
    stored = np.load(golden / "post" / "paf_decoding.npz")
    for case in cases(golden):
        decoder = build_decoder(case["predictor"], "predictor")
        found = decoder(maps_of(stored, case["maps"]), case["stride"])
        for animals, poses in zip(found, stored[f"{case['name']}.poses"], strict=True):
            poses = poses[~(poses[..., 0] == -1).all(-1)]
            np.testing.assert_allclose(animals.xy, poses[..., :2], rtol=0, atol=1e-3)
            np.testing.assert_allclose(animals.score, np.nan_to_num(poses[..., 2]), rtol=0, atol=1e-5)
            np.testing.assert_allclose(animals.affinity, poses[:, 0, 4], rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
def test_the_highest_score_around_each_cell(size):
    heat = torch.randn(2, 3, 9, 4, generator=torch.Generator().manual_seed(0))
    pooled = torch.nn.functional.max_pool2d(heat, size, stride=1, padding=size // 2)
    assert torch.equal(window_maximum(heat, size), pooled)


def test_of_equal_peaks_the_first_are_kept():
    group = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    score = torch.tensor([0.5, 0.9, 0.5, 0.2, 0.2, 0.1, 0.3])
    assert top_scores(group, score, 2).tolist() == [0, 1, 3, 4, 5, 6]
    assert top_scores(group, score, 1).tolist() == [1, 3, 6]


def test_maps_without_peaks_show_no_animal():
    decoder = build_decoder(paf_head(8, 3, 2)["predictor"], "predictor")
    maps = {"heatmap": torch.full((2, 3, 6, 6), -9.0), "locref": torch.zeros(2, 6, 6, 6), "paf": torch.ones(2, 6, 6, 6)}
    found = decoder(maps, 4)
    assert [animals.xy.shape for animals in found] == [(0, 3, 2)] * 2


@pytest.mark.parametrize(("clip", "expected"), [(False, 3.0), (True, 1.0)])
def test_clip_scores_limits_scores_to_1(clip, expected):
    block = {
        "type": "PartAffinityFieldPredictor",
        "num_animals": 1,
        "num_multibodyparts": 1,
        "num_uniquebodyparts": 0,
        "graph": [],
        "edges_to_keep": [],
        "apply_sigmoid": False,
        "clip_scores": clip,
        "sigma": 0.01,  # a Gaussian filter that changes nothing
    }
    heat = torch.zeros(1, 1, 15, 15)
    heat[0, 0, 7, 7] = 3.0
    assert build_decoder(block, "predictor").peaks(heat).score.tolist() == [pytest.approx(expected)]
