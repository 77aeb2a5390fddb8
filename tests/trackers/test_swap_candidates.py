from __future__ import annotations

from itertools import pairwise

import pytest
from walking_animals import LAYOUT, frames

from dlcx.trackers.tracking import Tracking, link


def test_an_ambiguous_meeting_is_a_candidate() -> None:
    missing = [None] * 20
    one = [*[(100.0, 100.0)] * 30, *missing, *[(80.0, 112.0)] * 30]
    other = [*[(100.0, 124.0)] * 30, *missing, *[(120.0, 112.0)] * 30]
    linked = link(frames(one, other), LAYOUT, Tracking(), first=1000)
    (swap,) = linked.swaps
    assert swap.frame == 1050
    assert swap.score == pytest.approx(0.5, abs=0.05)
    assert {swap.one, swap.other} == {"one", "two"}


def test_of_neighboring_candidates_only_the_most_probable_one_is_reported() -> None:
    """Two animals walk side by side so closely that every frame might be a swap."""
    one = [(2.0 * t, 100.0) for t in range(60)]
    other = [(2.0 * t, 101.0) for t in range(60)]
    swaps = link(frames(one, other), LAYOUT, Tracking()).swaps  # type: ignore[arg-type]
    assert swaps
    assert all(later.frame - earlier.frame > 15 for earlier, later in pairwise(swaps))


def test_animals_that_stay_apart_are_no_candidates() -> None:
    one = [(2.0 * t, 20.0) for t in range(60)]
    other = [(2.0 * t, 300.0) for t in range(60)]
    assert link(frames(one, other), LAYOUT, Tracking()).swaps == ()  # type: ignore[arg-type]
