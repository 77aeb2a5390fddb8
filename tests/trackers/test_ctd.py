"""Track numbers become rows; tracks continue where the numbers restart."""

from dataclasses import replace

import numpy as np
import pytest

from dlcx.poses import Instances, Layout, Prediction
from dlcx.trackers.ctd import Ctd

LAYOUT = Layout(("a", "b"), ("ann", "bob", "cat"), unique=("lamp",), multi=True)
RESET_INTERVAL = 10


def truth(frames: int) -> np.ndarray:
    """Three moving animals (T, 3, 2, 2)."""
    time = np.arange(frames, dtype=np.float32)[:, None]
    ways = [np.concatenate([10 + 3 * time, 50 + 0 * time], 1), np.concatenate([90 - time, 10 + time], 1)]
    ways.append(np.concatenate([100 + 0 * time, 100 - 2 * time], 1))
    return np.stack(ways, 1)[:, :, None] + np.array([[0, 0], [5, 5]], np.float32)


def predictions(xy: np.ndarray, first: int, *, hidden=()) -> list[Prediction]:
    """Each interval numbers the animals in its own order, and lists them in another one."""
    found = []
    for index, poses in enumerate(xy):
        rng = np.random.default_rng((first + index) // RESET_INTERVAL)
        number, order = rng.permutation(3), np.random.default_rng(index).permutation(3)
        order = np.array([animal for animal in order if (first + index, animal) not in hidden], int)
        animals = Instances(poses[order], np.full((len(order), 2), 0.5, np.float32), track=number[order])
        lamp = Instances(np.full((1, 1, 2), index, np.float32), np.ones((1, 1), np.float32))
        found.append(Prediction(animals, lamp))
    return found


@pytest.mark.parametrize(("first", "frames"), [(0, 35), (7, 30), (13, 4)])
def test_tracks_continue_where_numbers_restart(first, frames):
    xy = truth(frames)
    tracks = Ctd(RESET_INTERVAL).link(predictions(xy, first), LAYOUT, first)
    assert tracks.first == first
    order = np.random.default_rng(first // RESET_INTERVAL).permutation(3).argsort()
    np.testing.assert_array_equal(tracks.xy, xy[:, order])
    assert (tracks.score == 0.5).all()
    np.testing.assert_array_equal(tracks.unique_xy[:, 0, 0], np.arange(frames))


def test_an_animal_that_is_hidden_at_a_reset_continues_from_its_last_pose():
    hidden = {(frame, 0) for frame in range(7, 13)} | {(frame, 2) for frame in range(20, 40)}
    xy = truth(45)
    tracks = Ctd(RESET_INTERVAL).link(predictions(xy, 0, hidden=hidden), LAYOUT)
    order = np.random.default_rng(0).permutation(3).argsort()
    for row, animal in enumerate(order):
        seen = [frame for frame in range(45) if (frame, animal) not in hidden]
        np.testing.assert_array_equal(tracks.xy[seen, row], xy[seen, animal])
        assert np.isnan(np.delete(tracks.xy[:, row], seen, 0)).all()


def test_no_animals():
    tracks = Ctd(RESET_INTERVAL).link([Prediction(Instances.empty(2))] * 12, LAYOUT)
    assert tracks.xy.shape == (12, 3, 2, 2)
    assert np.isnan(tracks.xy).all()
    assert len(Ctd(RESET_INTERVAL).link([], LAYOUT)) == 0


def test_numbers_beyond_the_project_are_left_out():
    animals = Instances(np.ones((2, 2, 2), np.float32), np.ones((2, 2), np.float32), track=np.array([1, 5]))
    tracks = Ctd(RESET_INTERVAL).link([Prediction(animals), Prediction(replace(animals, track=None))], LAYOUT)
    assert np.isfinite(tracks.xy).all((2, 3)).tolist() == [[False, True, False], [False] * 3]
