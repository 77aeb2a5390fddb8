from __future__ import annotations

import numpy as np

from dlcx.poses import Instances, Layout, Prediction
from dlcx.trackers.keep_order import KeepOrder

PARTS = ("a", "b", "c")


def found(animals: int, seed: int = 0) -> Instances:
    random = np.random.default_rng(seed)
    return Instances(
        random.uniform(0, 100, (animals, 3, 2)).astype(np.float32),
        random.uniform(0, 1, (animals, 3)).astype(np.float32),
    )


def test_keep_order_keeps_order_and_leaves_absent_animals_nan() -> None:
    layout = Layout(PARTS, ("one", "two"), ("corner",), multi=True)
    corner = Instances(np.full((1, 1, 2), 7, np.float32), np.ones((1, 1), np.float32))
    frames = [Prediction(found(1), corner), Prediction(found(0)), Prediction(found(3, seed=1), corner)]
    tracks = KeepOrder().link(frames, layout, first=5)
    assert tracks.first == 5
    assert np.array_equal(tracks.xy[0, 0], frames[0].animals.xy[0])
    assert np.isnan(tracks.xy[0, 1]).all()
    assert np.isnan(tracks.xy[1]).all()
    assert np.isnan(tracks.score[1]).all()
    assert np.array_equal(tracks.xy[2], frames[2].animals.xy[:2])
    assert np.array_equal(tracks.score[2], frames[2].animals.score[:2])
    np.testing.assert_array_equal(tracks.unique_xy[:, 0, 0], [7, np.nan, 7])
    np.testing.assert_array_equal(tracks.unique_score[:, 0], [1, np.nan, 1])


def test_no_frames() -> None:
    assert len(KeepOrder().link([], Layout(PARTS))) == 0


def test_rows_of_absent_animals_stay_nan() -> None:
    """A network that keeps a row for each individual marks absent ones with negative scores."""
    animals = Instances(np.full((1, 3, 2), np.nan, np.float32), np.full((1, 3), -1, np.float32))
    tracks = KeepOrder().link([Prediction(animals)], Layout(PARTS))
    assert np.isnan(tracks.score).all()
