"""Linking all detections at once, on drawn animals whose tracks are known; and where it doubts."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from dlcx.data import synthetic
from dlcx.data.synthetic.detections import DetectionErrors, simulate_detections
from dlcx.metrics.tracks import TrackMetrics, evaluate_tracks
from dlcx.poses import Instances, Layout, Prediction
from dlcx.trackers.detections import Detections
from dlcx.trackers.motion_cost import MotionCost
from dlcx.trackers.reliable_tracklets import ReliableTracklets, body_length
from dlcx.trackers.tracking import LinkResult, Tracking, link

SHAPE = np.array([[0, 0], [10, 2], [20, 0], [30, 4]], float)
LAYOUT = Layout(("a", "b", "c", "d"), ("one", "two"), multi=True)


@cache
def drawn_scene(seed: int) -> synthetic.scene:  # type: ignore[valid-type]
    return synthetic.scene(3, 250, size=(280, 210), body_length=50, meeting=0.3, leaving=0.1, seed=seed)


def judged(seed: int, **settings: object) -> tuple[LinkResult, TrackMetrics]:
    scene = drawn_scene(seed)
    linked = link(simulate_detections(scene, DetectionErrors(), seed=seed), scene.layout, Tracking(**settings))  # type: ignore[arg-type]
    return linked, evaluate_tracks(linked.tracks, synthetic.true_tracks(scene))


def test_beats_stitching() -> None:
    both = [(judged(seed, relink=False)[1], judged(seed)[1]) for seed in (1, 2, 3)]
    for name in ("HOTA", "IDF1", "MOTA"):
        stitched, anew = (np.mean([getattr(one, name) for one in side]) for side in zip(*both, strict=True))
        assert anew > stitched + 0.02, name
    assert sum(one.switches for one, _ in both) > sum(one.switches for _, one in both)


def test_no_detection_is_in_two_tracks() -> None:
    linked, _ = judged(4)
    for frame in range(0, 250, 10):
        places = linked.tracks.xy[frame][np.isfinite(linked.tracks.xy[frame]).any((1, 2))]
        assert len({place.tobytes() for place in places}) == len(places)
    assert linked.linked <= len(linked.detections)


def frames(*tracks: list[tuple[float, float] | None]) -> list[Prediction]:
    """Animals of one shape at places, None for not found, listed in changing order."""
    found = []
    for number, places in enumerate(zip(*tracks, strict=True)):
        xy = np.array([SHAPE + place for place in places if place is not None], np.float32).reshape(-1, 4, 2)
        xy = xy[::-1] if number % 2 else xy
        found.append(Prediction(Instances(xy, np.full(xy.shape[:2], 0.9, np.float32))))
    return found


def held(linked: LinkResult) -> np.ndarray:
    """x and y of the first keypoint (T, A, 2)."""
    return linked.tracks.xy[:, :, 0]


def test_everything_of_two_plain_animals_is_linked() -> None:
    walk = [[(10 + 2.0 * t, 10.0) for t in range(40)], [(200 - 2.0 * t, 90.0) for t in range(40)]]
    for side, start in ((0, 5), (1, 30)):  # too short a hole for tracklets of ten frames to come back
        walk[side][start : start + 4] = [None] * 4  # type: ignore[assignment]
    linked = link(frames(*walk), LAYOUT, Tracking())
    assert linked.linked == len(linked.detections) == 72
    y = held(linked)[..., 1]
    assert {float(np.nanmin(track)) for track in y.T} == {10, 90}
    assert np.nanmax(np.ptp(y, axis=0)) == 0 if np.isfinite(y).all() else np.nanmax(np.nanstd(y, axis=0)) == 0
    assert linked.swaps == ()


def test_false_detections_are_left_out() -> None:
    rng = np.random.default_rng(0)
    ghost = [tuple(rng.uniform(0, 400, 2)) if t % 7 == 3 else None for t in range(60)]
    walk = [(10 + 2.0 * t, 10.0) for t in range(60)]
    linked = link(frames(walk, ghost), LAYOUT, Tracking())  # type: ignore[arg-type]
    y = held(linked)[..., 1]
    animal = int(np.isfinite(y).sum(0).argmax())
    assert (y[:, animal] == 10).all()


def test_animals_that_cross_keep_on_walking() -> None:
    one = [(5.0 * t, 100 + 3.0 * t) for t in range(60)]
    other = [(295 - 5.0 * t, 100 + 3.0 * t) for t in range(60)]
    for t in (29, 30, 31):
        one[t] = None  # type: ignore[call-overload]
    linked = link(frames(one, other), LAYOUT, Tracking())
    x = held(linked)[..., 0]
    assert sorted((x[0] < x[59]).tolist()) == [False, True]
    assert linked.linked == 117


def test_a_meeting_that_tells_nothing_is_a_candidate() -> None:
    lost = [None] * 20
    one = [*[(100.0, 100.0)] * 30, *lost, *[(80.0, 112.0)] * 30]
    other = [*[(100.0, 124.0)] * 30, *lost, *[(120.0, 112.0)] * 30]
    linked = link(frames(one, other), LAYOUT, Tracking(), first=1000)
    (swap,) = linked.swaps
    assert swap.frame == 1050
    assert swap.score == pytest.approx(0.5, abs=0.05)
    assert {swap.one, swap.other} == {"one", "two"}


def test_identities_tell_who_is_who() -> None:
    """After both were lost, votes say who is where, against the nearer place; tracks are in the individuals' order."""
    xy = frames([(100.0, 100.0)] * 30 + [(160.0, 100.0)] * 30, [(160.0, 100.0)] * 30 + [(100.0, 100.0)] * 30)
    named = []
    for t, one in enumerate(xy):
        first = one.animals.xy[:, 0, 0] < 130
        name = np.where(first, 0, 1) if t < 25 else np.where(first, 1, 0)
        votes = np.eye(2, dtype=np.float32)[name][:, None].repeat(4, 1)
        poses = Instances.none(4) if 25 <= t < 35 else Instances(one.animals.xy, one.animals.score, identity=votes)
        named.append(Prediction(poses))
    x = held(link(named, LAYOUT, Tracking()))[..., 0]
    assert x[0].tolist() == [100, 160]
    assert x[59].tolist() == [160, 100]


def test_motion_is_learned_from_the_video() -> None:
    walk = frames([(2.0 * t, 10.0) for t in range(200)])
    found = Detections.of(walk, 4)
    body = body_length(found)
    assert body == pytest.approx(np.hypot(30, 4), abs=1e-3)
    pieces = ReliableTracklets.of(found, body)
    assert pieces.length.tolist() == [200]
    jumps = MotionCost.learn(found, pieces, body)
    assert (np.diff(jumps.usual) >= 0).all()
    row = np.arange(2)
    near, lost = (jumps.cost(found, row, row + lag, np.array([[2.0, 0]] * 2)) for lag in (1, 10))
    away = jumps.cost(found, row, row + 1, np.array([[-40.0, 0]] * 2))
    assert (near < lost).all()
    assert (away > lost).all()
    short = MotionCost.learn(Detections.of(walk[:3], 4), ReliableTracklets.of(Detections.of(walk[:3], 4), body), body)
    assert (short.usual > 0).all()


@pytest.mark.parametrize("count", [0, 1])
def test_little_to_link(count: int) -> None:
    found = [Prediction(Instances.none(4))] * 3 + frames(*[[(5.0, 5.0)]] * count) if count else []
    linked = link(found, LAYOUT, Tracking())
    assert linked.linked == count
    assert len(linked.tracks) == len(found)


def test_stretches_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = synthetic.scene(2, 400, size=(400, 300), body_length=50, meeting=0.2, leaving=0.0, seed=6)
    found = simulate_detections(scene, DetectionErrors().scaled(0.5), seed=6)
    whole = link(found, scene.layout, Tracking())
    monkeypatch.setattr("dlcx.trackers.relink.STRETCH", 40)
    parts = link(found, scene.layout, Tracking())
    np.testing.assert_array_equal(parts.tracks.xy, whole.tracks.xy)
    monkeypatch.setattr("dlcx.trackers.relink.LONGEST", 60)
    forced = link(found, scene.layout, Tracking())
    assert (forced.tracks.xy == whole.tracks.xy).mean() > 0.5


def test_lone_keypoints_and_few_frames_a_second() -> None:
    """Where animals have no size, or move by more than that from frame to frame, steps give the scale."""
    scene = drawn_scene(1)
    found = [
        Prediction(Instances(one.animals.xy[seen][:, 2:3], one.animals.score[seen][:, 2:3]))
        for one in simulate_detections(scene, DetectionErrors().scaled(0.5), seed=1)
        for seen in [np.isfinite(one.animals.xy[:, 2]).all(-1)]
    ]
    layout = Layout(scene.layout.bodyparts[2:3], scene.layout.individuals, multi=True)
    linked = link(found, layout, Tracking(method="box"))
    assert linked.linked > 0.9 * len(linked.detections)

    fast = frames([(60.0 * t, 10.0) for t in range(30)], [(60.0 * t, 150.0) for t in range(30)])
    linked = link(fast, LAYOUT, Tracking())
    assert linked.linked == 60
    assert np.nanmax(np.ptp(held(linked)[..., 1], axis=0)) == 0
