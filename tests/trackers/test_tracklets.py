"""Tracklets against DeepLabCut's (filterpy 1.4.5); where it is wrong, its slip is made on purpose and then left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from golden_tracking import arrays, detections, runs, same_poses, theirs

from dlcx.poses import Instances, Prediction
from dlcx.trackers import tracklets
from dlcx.trackers.box import Box, corners
from dlcx.trackers.detections import Detections
from dlcx.trackers.ellipse import Ellipse, ellipse_similarity, ellipses
from dlcx.trackers.identity import identity_tracklets, single_animal_tracklets
from dlcx.trackers.skeleton import Skeleton
from dlcx.trackers.tracklets import Motion, Tracklet, build_tracklets


def motion(run: dict[str, Any], parts: int) -> Motion:
    settings = run["inference_cfg"]
    if run["track_method"] == "ellipse":
        return Ellipse(threshold=settings["iou_threshold"])
    if run["track_method"] == "box":
        return Box(slack=settings["boundingboxslack"], threshold=settings["iou_threshold"])
    return Skeleton(parts)


def built(run: dict[str, Any]) -> tuple[Detections, list[Tracklet]]:
    settings = run["inference_cfg"]
    if settings["topktoretain"] == 1:
        found = detections(run, outside=True)
        return found, single_animal_tracklets(found)
    found = detections(run)
    if run.get("identity_only"):
        return found, identity_tracklets(found, 3)
    follows = motion(run, found.score.shape[1])
    return found, build_tracklets(found, follows, max_age=settings["max_age"], min_hits=settings["min_hits"])


def mixed_up(found: Detections, tracklet: Tracklet) -> Tracklet:
    """What DeepLabCut stores: the number among a frame's ellipses, taken as one among all of its animals."""
    fitted = np.isfinite(found.xy).all(-1).sum(1) >= 3
    rows = []
    for row in tracklet.rows:
        begin = np.flatnonzero(found.frame == found.frame[row])[0]
        rows.append(begin + int(fitted[begin:row].sum()))
    return Tracklet(tracklet.number, np.array(rows))


def only_whole_poses(unseen: np.ndarray, streak: np.ndarray, which: np.ndarray, measured: np.ndarray) -> None:
    """DeepLabCut's skeletons: a pose with a missing keypoint does not count as found."""
    unseen[which[np.isfinite(measured).all(1)]] = 0
    streak[which] += 1


@pytest.mark.parametrize("run", runs(), ids=lambda run: f"{run['name']}-{run['track_method']}")
def test_as_deeplabcut_with_its_slips(run: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    if run["track_method"] == "skeleton":
        monkeypatch.setattr(tracklets, "_note_found", only_whole_poses)
    found, mine = built(run)
    if run["track_method"] == "ellipse" and run["inference_cfg"]["topktoretain"] > 1 and not run.get("identity_only"):
        mine = [mixed_up(found, tracklet) for tracklet in mine]
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
    assert sum(map(np.sum, wrong)) > 0, "DeepLabCut mixes poses up here"
    for tracklet in mine:
        assert (np.isfinite(found.xy[tracklet.rows]).all(-1).sum(1) >= 3).all()


def test_a_skeleton_with_missing_keypoints_lives_on() -> None:
    """The corrected value: three walking animals are a few long tracklets, not 51 short ones."""
    run = next(run for run in runs() if run["name"] == "walk.2")
    found, mine = built(run)
    assert len(run["tracklets"]) == 51
    assert len(mine) == 7
    assert sum(len(tracklet.rows) for tracklet in mine) == len(found)


def test_ellipses_and_boxes() -> None:
    gold = arrays()
    points = np.stack([gold[f"ellipse.{number}.points"] for number in range(12)])
    np.testing.assert_allclose(ellipses(points), gold["ellipse.parameters"], atol=1e-9)
    fitted = gold["ellipse.parameters"]
    np.testing.assert_allclose(ellipse_similarity(fitted, fitted), gold["ellipse.similarity"], atol=1e-12)
    for slack in (0, 10):
        sides = np.concatenate(corners(gold["boxes.poses"][..., :2], slack), 1)
        np.testing.assert_allclose(sides, gold[f"boxes.slack{slack}"][:, :4])


def poses(*places: tuple[float, float], parts: int = 4) -> Instances:
    shape = np.array([[0, 0], [8, 1], [16, 3], [20, 12]], np.float32)[:parts]
    xy = np.array([np.add(place, shape) for place in places], np.float32).reshape(-1, parts, 2)
    return Instances(xy, np.full(xy.shape[:2], 0.9, np.float32))


@pytest.mark.parametrize("follows", [Ellipse(), Box(), Skeleton(4)], ids=lambda follows: type(follows).__name__)
def test_frames_without_animals_do_not_age_a_tracker(follows: Motion) -> None:
    frames = [Prediction(poses((20, 20), (120, 40)))] * 3
    frames += [Prediction(Instances.none(4))] * 5 + [Prediction(poses((120, 40), (20, 20)))] * 3
    found = Detections.of(frames, 4)
    mine = build_tracklets(found, follows)
    assert [found.frame[tracklet.rows].tolist() for tracklet in mine] == [[0, 1, 2, 8, 9, 10]] * 2
    for tracklet in mine:
        assert np.ptp(found.xy[tracklet.rows], axis=0).max() == 0


@pytest.mark.parametrize("follows", [Ellipse(), Box(), Skeleton(4)], ids=lambda follows: type(follows).__name__)
def test_nothing_to_link(follows: Motion) -> None:
    assert build_tracklets(Detections.of([], 4), follows) == []
    assert build_tracklets(Detections.of([Prediction(Instances.none(4))] * 4, 4), follows) == []


def test_a_box_without_extent_is_followed_no_farther() -> None:
    one_point = Instances(np.array([[[5, 5], [np.nan, np.nan]]], np.float32), np.array([[0.9, 0]], np.float32))
    found = Detections.of([Prediction(one_point)] * 6, 2)
    assert all(len(tracklet.rows) == 1 for tracklet in build_tracklets(found, Box()))
    assert [len(tracklet.rows) for tracklet in build_tracklets(found, Box(slack=40))] == [6]
