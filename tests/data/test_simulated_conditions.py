"""Guesses drawn from labels: where each kind of error lies, and how often it comes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dlcx.data.build_transforms import build_sampler
from dlcx.data.simulated_conditions import ConditionSampler
from dlcx.errors import DlcxError
from dlcx.settings.model import GenerativeSampling

OWN = np.array([[200, 200], [800, 200], [200, 800], [800, 800.0]])
NEIGHBORS = OWN[None] + (300, 0)
PAIRS = ((0, 1), (2, 3))
AREA, IMAGE = 1e4, (2000, 2000)
NONE = {"jitter": 0.0, "swap": 0.0, "inversion": 0.0, "miss": 0.0}


def reach(similarity: float, area: float = AREA, sigma: float = 0.1) -> float:
    return math.sqrt(-2 * area * (2 * sigma) ** 2 * math.log(similarity))


FAR, MIDDLE, NEAR = reach(0.1), reach(0.5), reach(0.85)


def draws(count: int = 400, *, own=OWN, neighbors=NEIGHBORS, pairs=PAIRS, image=IMAGE, **chances) -> np.ndarray:
    """Guesses (count, K, 2)."""
    sampler = ConditionSampler(pairs=pairs, **chances)
    rng = np.random.default_rng(0)
    return np.array([sampler.sample(own, neighbors, AREA, image, rng) for _ in range(count)])


def shares(found: np.ndarray, *centers) -> tuple[list[float], np.ndarray]:
    """How many of the points (N, 2) are nearest to each center, and how far they are from it."""
    distance = np.linalg.norm(found[:, None] - np.array(centers), axis=-1)
    nearest = distance.argmin(1)
    return [float((nearest == index).mean()) for index in range(len(centers))], distance.min(1)


@pytest.mark.parametrize(
    ("kind", "low", "high", "expected"),
    [
        ("good", 0, NEAR, [1, 0, 0, 0]),
        ("jitter", NEAR, MIDDLE, [1, 0, 0, 0]),
        ("inversion", 0, MIDDLE, [0, 1, 0, 0]),
        ("swap", 0, MIDDLE, [0, 0, 0.5, 0.5]),
        ("miss", MIDDLE, FAR, [4 / 7, 1 / 7, 1 / 7, 1 / 7]),
    ],
)
def test_each_kind_lies_in_its_band(kind, low, high, expected):
    chances = NONE if kind == "good" else {**NONE, kind: 1.0}
    found = draws(**chances)[:, 0]
    share, distance = shares(found, OWN[0], OWN[1], NEIGHBORS[0, 0], NEIGHBORS[0, 1])
    assert share == pytest.approx(expected, abs=0.09)
    assert low <= distance.min() < low + 0.2 * (high - low)
    assert high - 0.2 * (high - low) < distance.max() <= high
    assert distance.mean() == pytest.approx((low + high) / 2, abs=0.06 * (high - low))  # uniform


def test_how_often_each_kind_comes():
    found = draws(3000)[:, 0]  # the chances of DeepLabCut's files
    share, distance = shares(found, OWN[0], OWN[1], NEIGHBORS[0, 0], NEIGHBORS[0, 1])
    missed = 0.10 / 7
    assert share == pytest.approx([0.63 + 0.16 + 4 * missed, 0.03 + missed, 0.04 + missed, 0.04 + missed], abs=0.025)
    assert (distance > MIDDLE).mean() == pytest.approx(0.10, abs=0.02)
    own = distance[np.linalg.norm(found - OWN[0], axis=1) < MIDDLE]
    assert (own < NEAR).mean() == pytest.approx(0.63 / 0.79, abs=0.03)


def test_the_probability_of_impossible_kinds_goes_to_the_others():
    found = draws(2000, neighbors=NEIGHBORS[:0], swap=0.5, miss=0.0, jitter=0.2, inversion=0.0)[:, 0]
    share, distance = shares(found, OWN[0], OWN[1])
    assert share == [1.0, 0.0]
    assert (distance > NEAR).mean() == pytest.approx(0.2 / 0.5, abs=0.04)


def test_a_keypoint_stays_closer_to_its_own_position_than_to_others():
    crowd = OWN[None] + (10, 0)
    found = draws(neighbors=crowd, **{**NONE, "jitter": 1.0})[:, 0]
    assert (np.linalg.norm(found - crowd[0, 0], axis=1) > np.linalg.norm(found - OWN[0], axis=1)).all()
    found = draws(neighbors=crowd, **{**NONE, "miss": 1.0})[:, 0]
    places = np.concatenate([OWN[:2], crowd[0, :2]])
    assert (np.linalg.norm(found[:, None] - places, axis=-1) >= MIDDLE).all()


def test_unseen_keypoints_get_no_condition():
    own = OWN.copy()
    own[1] = np.nan
    found = draws(own=own)
    assert np.isnan(found[:, 1]).all()
    assert np.isfinite(found[:, [0, 2, 3]]).all()
    assert np.isnan(draws(5, own=own, neighbors=NEIGHBORS[:0], **{**NONE, "inversion": 1.0})[:, 0]).all()


def test_random_partners_are_any_other_keypoint():
    found = draws(1500, pairs=None, neighbors=NEIGHBORS[:0], **{**NONE, "inversion": 1.0})[:, 0]
    share, _ = shares(found, *OWN)
    assert share == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3], abs=0.05)
    odd = draws(900, own=OWN[:3], pairs=None, neighbors=NEIGHBORS[:0, :3], **{**NONE, "inversion": 1.0})[:, 0]
    assert np.isnan(odd[:, 0]).mean() == pytest.approx(1 / 3, abs=0.06)  # two of three are partners


def test_guesses_stay_in_the_image():
    found = draws(own=OWN - 199, image=(610, 605), pairs=PAIRS)
    assert (found >= 0).all()
    assert (found <= (610, 605)).all()
    assert (found == 0).any()


def test_sigmas_of_each_keypoint():
    sampler = ConditionSampler(sigmas=(0.05, 0.1, 0.2, 0.1), pairs=PAIRS, **NONE)
    rng = np.random.default_rng(0)
    found = np.array([sampler.sample(OWN, NEIGHBORS, AREA, IMAGE, rng) for _ in range(300)])
    farthest = np.linalg.norm(found - OWN, axis=-1).max(0)
    assert farthest == pytest.approx([reach(0.85, sigma=sigma) for sigma in sampler.sigmas], rel=0.03)


def test_equal_generators_draw_equal_guesses():
    assert np.array_equal(draws(3), draws(3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"keypoint_sigmas": [0.1, 0.2]}, r"data\.gen_sampling\.keypoint_sigmas: expected 1 number or 4"),
        ({"keypoints_symmetry": [[0, 4]]}, r"data\.gen_sampling\.keypoints_symmetry: expected indices of bodyparts"),
        ({"jitter_prob": 0.6, "miss_prob": 0.5}, r"data\.gen_sampling: .* sum to more than 1"),
    ],
)
def test_settings_that_do_not_fit(given, message):
    with pytest.raises(DlcxError, match=message):
        build_sampler(GenerativeSampling(**given), 4)


def test_settings_of_the_file():
    sampler = build_sampler(GenerativeSampling(keypoint_sigmas=[0.1, 0.2], keypoints_symmetry=[(0, 1)]), 2)
    assert sampler == ConditionSampler((0.1, 0.2), ((0, 1),), 0.16, 0.08, 0.03, 0.10)
