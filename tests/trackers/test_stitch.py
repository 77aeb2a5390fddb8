"""Stitching equals DeepLabCut's; its indexing errors are reproduced in one test and corrected in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from golden_tracking import arrays, detections, rows_of, runs, same_poses, theirs
from one_point_tracks import made, track

from dlcx.poses import Instances, Prediction
from dlcx.trackers import stitch as stitching
from dlcx.trackers.detections import Detections
from dlcx.trackers.gap_filling import join_short_segments
from dlcx.trackers.segments import TrackSegment
from dlcx.trackers.stitch import StitchResult, max_needed_gap, stitch

#: Here DeepLabCut chooses another of several equally long sets of disjoint paths, depending on the order of its graph.
TIED = "montblanc.4.stitch0"
#: Here it loses short segments, see ``with_wrong_indices``.
WRONG_INDICES = "walk.1.stitch0"


def cases() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(run, case) for run in runs() for case in run["stitch"] if case["key"]]


def stitched(run: dict[str, Any], case: dict[str, Any]) -> tuple[Detections, StitchResult]:
    found = detections(run, keep_negative=run["inference_cfg"]["topktoretain"] == 1)
    options = case["args"]
    done = stitch(
        found,
        theirs(run, found),
        options["n_tracks"],
        min_length=options["min_length"],
        split_at_gaps=options["split_tracklets"],
        join_short=options["prestitch_residuals"],
        **case["build_graph"],
    )
    return found, done


def with_wrong_indices(short: Sequence[TrackSegment]) -> list[TrackSegment]:
    """DeepLabCut deletes the joined segments from the unsorted list by their indices in the sorted one."""
    joined_list = join_short_segments(short)
    order = sorted(short, key=lambda segment: segment.start)
    gone = [number for number, segment in enumerate(order) if not any(segment is kept for kept in joined_list)]
    joined = [segment for segment in joined_list if not any(segment is old for old in short)]
    return [segment for number, segment in enumerate(short) if number not in gone] + joined


def rows_of_case(found: Detections, run: dict[str, Any], case: dict[str, Any]) -> np.ndarray:
    animal = arrays()[f"{case['key']}.animal"].astype(int)
    rows = np.full((run["n_frames"], animal.shape[1]), -1)
    frames, tracks = np.nonzero(animal >= 0)
    rows[frames, tracks] = rows_of(found, frames, animal[frames, tracks], run)
    return rows


@pytest.mark.parametrize(("run", "case"), cases(), ids=lambda value: value.get("key", ""))
def test_as_deeplabcut(run: dict[str, Any], case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    if case["key"] == WRONG_INDICES:
        monkeypatch.setattr(stitching, "join_short_segments", with_wrong_indices)
    found, done = stitched(run, case)
    mine, its = done.rows(run["n_frames"], case["args"]["n_tracks"]), rows_of_case(found, run, case)
    if case["key"] == TIED:
        assert same_poses(found, mine, its).sum(0).tolist() == [90, 48, 38]
        return
    assert same_poses(found, mine, its).all()


def test_joined_segments_are_used_once() -> None:
    """The corrected value: joined segments stay together; segments that DeepLabCut failed to delete fill no gaps."""
    run, case = next(one for one in cases() if one[1]["key"] == WRONG_INDICES)
    found, done = stitched(run, case)
    mine = done.rows(run["n_frames"], 3)
    held = mine[mine >= 0]
    assert len(set(held.tolist())) == len(held)
    its = rows_of_case(found, run, case)
    assert (its >= 0).sum() == 212
    assert len(held) == 203


@pytest.mark.parametrize("name", ["walk.6", "montblanc.1"])
def test_without_long_segments_there_are_no_tracks(name: str) -> None:
    run = next(run for run in runs() if run["name"] == name)
    assert run["stitch"][0]["error"] == "OSError"
    _, done = stitched(run, run["stitch"][0])
    assert done.tracks == ()
    assert (done.rows(run["n_frames"], 3) == -1).all()
    assert done.short_segments > 0


def test_identities_beat_distance() -> None:
    near, far = track(range(15), 0, 0), track(range(15), 100, 1)
    found, tracklets = made(near, far, track(range(20, 35), 1, 1), track(range(20, 35), 99, 0))
    done = stitch(found, tracklets, 2)
    assert [segment.identity for segment in done.tracks] == [0, 1]
    rows = done.rows(35, 2)
    assert found.xy[rows[0], 0, 0].tolist() == [0, 100]
    assert found.xy[rows[34], 0, 0].tolist() == [133, 35]


def test_gaps() -> None:
    found, tracklets = made(track(range(10), 0), track(range(14, 30), 0), track(range(40, 60), 0))
    segments = [TrackSegment(found, tracklet.rows) for tracklet in tracklets]
    assert max_needed_gap(segments) == int(1.5 * 11)
    assert max_needed_gap(segments[:1]) == 0


def test_no_detections() -> None:
    found = Detections.of([Prediction(Instances.empty(2))] * 3, 2)
    assert stitch(found, [], 2).rows(3, 2).tolist() == [[-1, -1]] * 3
