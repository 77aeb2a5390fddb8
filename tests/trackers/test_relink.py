"""Global linking, on synthetic animals whose tracks are known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from walking_animals import LAYOUT, frames

from dlcx.data import synthetic
from dlcx.data.synthetic.detections import DetectionErrors, simulate_detections
from dlcx.metrics.tracks import TrackMetrics, evaluate_tracks
from dlcx.poses import Instances, Layout, Prediction
from dlcx.trackers.tracking import LinkResult, Tracking, link


@cache
def synthetic_scene(seed: int) -> synthetic.scene:  # type: ignore[valid-type]
    return synthetic.scene(3, 250, size=(280, 210), body_length=50, meeting=0.3, leaving=0.1, seed=seed)


def judged(seed: int, **settings: object) -> tuple[LinkResult, TrackMetrics]:
    scene = synthetic_scene(seed)
    linked = link(simulate_detections(scene, DetectionErrors(), seed=seed), scene.layout, Tracking(**settings))  # type: ignore[arg-type]
    return linked, evaluate_tracks(linked.tracks, synthetic.true_tracks(scene))


def test_beats_stitching() -> None:
    both = [(judged(seed, relink=False)[1], judged(seed)[1]) for seed in (1, 2, 3)]
    for name in ("HOTA", "IDF1", "MOTA"):
        stitched, relinked = (np.mean([getattr(one, name) for one in side]) for side in zip(*both, strict=True))
        assert relinked > stitched + 0.02, name
    assert sum(one.switches for one, _ in both) > sum(one.switches for _, one in both)


def test_no_detection_is_in_two_tracks() -> None:
    linked, _ = judged(4)
    for frame in range(0, 250, 10):
        places = linked.tracks.xy[frame][np.isfinite(linked.tracks.xy[frame]).any((1, 2))]
        assert len({place.tobytes() for place in places}) == len(places)
    assert linked.linked <= len(linked.detections)


def held(linked: LinkResult) -> np.ndarray:
    """x and y of the first keypoint (T, A, 2)."""
    return linked.tracks.xy[:, :, 0]


def test_all_detections_of_two_separate_animals_is_linked() -> None:
    walk = [[(10 + 2.0 * t, 10.0) for t in range(40)], [(200 - 2.0 * t, 90.0) for t in range(40)]]
    for side, start in ((0, 5), (1, 30)):  # the tracklets around these gaps are too short for stitching
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


def test_crossing_animals_keep_their_direction() -> None:
    one = [(5.0 * t, 100 + 3.0 * t) for t in range(60)]
    other = [(295 - 5.0 * t, 100 + 3.0 * t) for t in range(60)]
    for t in (29, 30, 31):
        one[t] = None  # type: ignore[call-overload]
    linked = link(frames(one, other), LAYOUT, Tracking())
    x = held(linked)[..., 0]
    assert sorted((x[0] < x[59]).tolist()) == [False, True]
    assert linked.linked == 117


def test_identity_scores_outweigh_distance() -> None:
    """After both animals were missing, identity scores outweigh distance; tracks are in the individuals' order."""
    xy = frames([(100.0, 100.0)] * 30 + [(160.0, 100.0)] * 30, [(160.0, 100.0)] * 30 + [(100.0, 100.0)] * 30)
    named = []
    for t, one in enumerate(xy):
        first = one.animals.xy[:, 0, 0] < 130
        name = np.where(first, 0, 1) if t < 25 else np.where(first, 1, 0)
        votes = np.eye(2, dtype=np.float32)[name][:, None].repeat(4, 1)
        poses = Instances.empty(4) if 25 <= t < 35 else Instances(one.animals.xy, one.animals.score, identity=votes)
        named.append(Prediction(poses))
    x = held(link(named, LAYOUT, Tracking()))[..., 0]
    assert x[0].tolist() == [100, 160]
    assert x[59].tolist() == [160, 100]


@pytest.mark.parametrize("count", [0, 1])
def test_little_to_link(count: int) -> None:
    found = [Prediction(Instances.empty(4))] * 3 + frames(*[[(5.0, 5.0)]] * count) if count else []
    linked = link(found, LAYOUT, Tracking())
    assert linked.linked == count
    assert len(linked.tracks) == len(found)


def test_windows_give_the_same_tracks(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = synthetic.scene(2, 400, size=(400, 300), body_length=50, meeting=0.2, leaving=0.0, seed=6)
    found = simulate_detections(scene, DetectionErrors().scaled(0.5), seed=6)
    full = link(found, scene.layout, Tracking())
    monkeypatch.setattr("dlcx.trackers.relink.MIN_WINDOW", 40)
    parts = link(found, scene.layout, Tracking())
    np.testing.assert_array_equal(parts.tracks.xy, full.tracks.xy)
    monkeypatch.setattr("dlcx.trackers.relink.MAX_WINDOW", 60)
    forced = link(found, scene.layout, Tracking())
    assert (forced.tracks.xy == full.tracks.xy).mean() > 0.5


def test_single_keypoints_and_low_frame_rates() -> None:
    """If animals have no size, or move farther than that per frame, their steps give the scale."""
    scene = synthetic_scene(1)
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
