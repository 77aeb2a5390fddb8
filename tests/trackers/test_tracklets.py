"""Tracklets equal DeepLabCut's (filterpy 1.4.5); its errors are reproduced in one test and corrected in another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden_tracking import detections, runs, same_poses, theirs

from dlcx.poses import Instances, Prediction
from dlcx.trackers import tracklets
from dlcx.trackers.box import Box
from dlcx.trackers.detections import Detections
from dlcx.trackers.ellipse import Ellipse
from dlcx.trackers.identity import identity_tracklets, single_animal_tracklets
from dlcx.trackers.skeleton import Skeleton
from dlcx.trackers.tracklets import MotionModel, Tracklet, build_tracklets


def motion_model(run: dict[str, Any], parts: int) -> MotionModel:
    settings = run["inference_cfg"]
    if run["track_method"] == "ellipse":
        return Ellipse(threshold=settings["iou_threshold"])
    if run["track_method"] == "box":
        return Box(margin=settings["boundingboxslack"], threshold=settings["iou_threshold"])
    return Skeleton(parts)


def built(run: dict[str, Any]) -> tuple[Detections, list[Tracklet]]:
    settings = run["inference_cfg"]
    if settings["topktoretain"] == 1:
        found = detections(run, keep_negative=True)
        return found, single_animal_tracklets(found)
    found = detections(run)
    if run.get("identity_only"):
        return found, identity_tracklets(found, 3)
    follows = motion_model(run, found.score.shape[1])
    return found, build_tracklets(found, follows, max_age=settings["max_age"], min_hits=settings["min_hits"])


def with_wrong_poses(found: Detections, tracklet: Tracklet) -> Tracklet:
    """What DeepLabCut stores: the index among the ellipses of a frame, used as an index among all of its animals."""
    fitted = np.isfinite(found.xy).all(-1).sum(1) >= 3
    rows = []
    for row in tracklet.rows:
        begin = np.flatnonzero(found.frame == found.frame[row])[0]
        rows.append(begin + int(fitted[begin:row].sum()))
    return Tracklet(tracklet.number, np.array(rows))


def count_complete_poses(age: np.ndarray, streak: np.ndarray, matched: np.ndarray, measured: np.ndarray) -> None:
    """DeepLabCut's skeletons: a pose with a missing keypoint does not count as a detection."""
    age[matched[np.isfinite(measured).all(1)]] = 0
    streak[matched] += 1


@pytest.mark.parametrize("run", runs(), ids=lambda run: f"{run['name']}-{run['track_method']}")
def test_as_deeplabcut_with_its_errors(run: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    if run["track_method"] == "skeleton":
        monkeypatch.setattr(tracklets, "_count_detections", count_complete_poses)
    found, mine = built(run)
    if run["track_method"] == "ellipse" and run["inference_cfg"]["topktoretain"] > 1 and not run.get("identity_only"):
        mine = [with_wrong_poses(found, tracklet) for tracklet in mine]
    its = theirs(run, found)
    assert [tracklet.number for tracklet in mine] == [tracklet.number for tracklet in its]
    for one, other in zip(mine, its, strict=True):
        np.testing.assert_array_equal(found.frame[one.rows], found.frame[other.rows])
        assert same_poses(found, one.rows, other.rows).all()


@pytest.mark.parametrize("name", ["walk.0", "walk.3", "walk.6", "walk.7"])
def test_an_ellipse_keeps_its_own_pose(name: str) -> None:
    """The corrected value: what a tracklet holds is where its ellipse was."""
    run = next(run for run in runs() if run["name"] == name)
    found, mine = built(run)
    wrong = [~same_poses(found, one.rows, other.rows) for one, other in zip(mine, theirs(run, found), strict=True)]
    assert sum(map(np.sum, wrong)) > 0, "DeepLabCut stores wrong poses here"
    for tracklet in mine:
        assert (np.isfinite(found.xy[tracklet.rows]).all(-1).sum(1) >= 3).all()


def test_a_skeleton_with_missing_keypoints_lives_on() -> None:
    """The corrected value: three walking animals are a few long tracklets, not 51 short ones."""
    run = next(run for run in runs() if run["name"] == "walk.2")
    found, mine = built(run)
    assert len(run["tracklets"]) == 51
    assert len(mine) == 7
    assert sum(len(tracklet.rows) for tracklet in mine) == len(found)


def poses(*places: tuple[float, float], parts: int = 4) -> Instances:
    shape = np.array([[0, 0], [8, 1], [16, 3], [20, 12]], np.float32)[:parts]
    xy = np.array([np.add(place, shape) for place in places], np.float32).reshape(-1, parts, 2)
    return Instances(xy, np.full(xy.shape[:2], 0.9, np.float32))


@pytest.mark.parametrize("follows", [Ellipse(), Box(), Skeleton(4)], ids=lambda follows: type(follows).__name__)
def test_frames_without_animals_do_not_age_a_tracker(follows: MotionModel) -> None:
    frames = [Prediction(poses((20, 20), (120, 40)))] * 3
    frames += [Prediction(Instances.empty(4))] * 5 + [Prediction(poses((120, 40), (20, 20)))] * 3
    found = Detections.of(frames, 4)
    mine = build_tracklets(found, follows)
    assert [found.frame[tracklet.rows].tolist() for tracklet in mine] == [[0, 1, 2, 8, 9, 10]] * 2
    for tracklet in mine:
        assert np.ptp(found.xy[tracklet.rows], axis=0).max() == 0


@pytest.mark.parametrize("follows", [Ellipse(), Box(), Skeleton(4)], ids=lambda follows: type(follows).__name__)
def test_nothing_to_link(follows: MotionModel) -> None:
    assert build_tracklets(Detections.of([], 4), follows) == []
    assert build_tracklets(Detections.of([Prediction(Instances.empty(4))] * 4, 4), follows) == []


def frame_with(*places: tuple[float, float]) -> Prediction:
    return Prediction(poses(*places))


@pytest.mark.parametrize(("max_age", "tracklets"), [(2, 2), (3, 1)])
def test_a_tracker_survives_up_to_max_age(max_age: int, tracklets: int) -> None:
    """The animal is missing in three frames, which the presence of another animal makes count."""
    seen = [frame_with((20, 20), (200, 200))] * 5
    missing = [frame_with((200, 200))] * 3
    found = Detections.of(seen + missing + seen, 4)
    left = [one for one in build_tracklets(found, Box(), max_age=max_age) if found.xy[one.rows[0], 0, 0] < 100]
    assert len(left) == tracklets


@pytest.mark.parametrize(("min_hits", "expected"), [(1, [6, 7, 8, 9]), (3, [8, 9])])
def test_min_hits_drops_the_first_detections(min_hits: int, expected: list[int]) -> None:
    """The second animal appears in frame 5; its first detection only creates the tracker."""
    found = Detections.of([frame_with((200, 200))] * 5 + [frame_with((200, 200), (20, 20))] * 5, 4)
    _, appearing = build_tracklets(found, Box(), min_hits=min_hits)
    assert found.frame[appearing.rows].tolist() == expected


def test_dissimilar_animals_are_not_matched() -> None:
    found = Detections.of([frame_with((20, 20))] * 3 + [frame_with((300, 300))] * 3, 4)
    assert len(build_tracklets(found, Box())) == 2
    assert len(build_tracklets(found, Box(threshold=-1.0))) == 1
