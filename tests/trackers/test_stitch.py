"""Stitching against DeepLabCut's tracks; where its indices slip, the slip is made on purpose and then left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from golden_tracking import arrays, detections, rows_of, runs, same_poses, theirs

from dlcx.poses import Instances, Prediction
from dlcx.trackers import stitch as stitching
from dlcx.trackers.detections import Detections
from dlcx.trackers.flow import disjoint_chains, min_cost_chains
from dlcx.trackers.gap_filling import insert_short_segments, join_short_segments
from dlcx.trackers.segments import Piece, split_tracklets
from dlcx.trackers.stitch import StitchResult, longest_needed_gap, stitch
from dlcx.trackers.tracklets import Tracklet

#: Here DeepLabCut takes another of several sets of disjoint paths that are equally long; which one hangs on the order
#: in which its graph was put together.
TIED = "montblanc.4.stitch0"
#: Here it loses residuals, see ``slipping``.
SLIPS = "walk.1.stitch0"


def cases() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(run, case) for run in runs() for case in run["stitch"] if case["key"]]


def stitched(run: dict[str, Any], case: dict[str, Any]) -> tuple[Detections, StitchResult]:
    found = detections(run, outside=run["inference_cfg"]["topktoretain"] == 1)
    options = case["args"]
    done = stitch(
        found,
        theirs(run, found),
        options["n_tracks"],
        min_length=options["min_length"],
        split=options["split_tracklets"],
        join_residuals=options["prestitch_residuals"],
        **case["build_graph"],
    )
    return found, done


def slipping(short: Sequence[Piece]) -> list[Piece]:
    """DeepLabCut deletes the joined residuals by their numbers in the sorted list from the unsorted one."""
    mended = join_short_segments(short)
    order = sorted(short, key=lambda piece: piece.start)
    gone = [number for number, piece in enumerate(order) if not any(piece is kept for kept in mended)]
    joined = [piece for piece in mended if not any(piece is old for old in short)]
    return [piece for number, piece in enumerate(short) if number not in gone] + joined


def rows_of_case(found: Detections, run: dict[str, Any], case: dict[str, Any]) -> np.ndarray:
    animal = arrays()[f"{case['key']}.animal"].astype(int)
    rows = np.full((run["n_frames"], animal.shape[1]), -1)
    frames, tracks = np.nonzero(animal >= 0)
    rows[frames, tracks] = rows_of(found, frames, animal[frames, tracks], run)
    return rows


@pytest.mark.parametrize(("run", "case"), cases(), ids=lambda value: value.get("key", ""))
def test_as_deeplabcut(run: dict[str, Any], case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    if case["key"] == SLIPS:
        monkeypatch.setattr(stitching, "join_short_segments", slipping)
    found, done = stitched(run, case)
    mine, its = done.rows(run["n_frames"], case["args"]["n_tracks"]), rows_of_case(found, run, case)
    if case["key"] == TIED:
        assert same_poses(found, mine, its).sum(0).tolist() == [90, 48, 38]
        return
    assert same_poses(found, mine, its).all()


def test_residuals_are_deleted_where_they_were_joined() -> None:
    """The corrected value: joined residuals stay whole; pieces that DeepLabCut forgot to delete fill no holes."""
    run, case = next(one for one in cases() if one[1]["key"] == SLIPS)
    found, done = stitched(run, case)
    mine = done.rows(run["n_frames"], 3)
    held = mine[mine >= 0]
    assert len(set(held.tolist())) == len(held)
    its = rows_of_case(found, run, case)
    assert (its >= 0).sum() == 212
    assert len(held) == 203


@pytest.mark.parametrize("name", ["walk.6", "montblanc.1"])
def test_where_deeplabcut_gives_up_there_are_no_tracks(name: str) -> None:
    run = next(run for run in runs() if run["name"] == name)
    assert run["stitch"][0]["error"] == "OSError"
    _, done = stitched(run, run["stitch"][0])
    assert done.tracks == ()
    assert (done.rows(run["n_frames"], 3) == -1).all()
    assert done.residuals > 0


def track(frames: Sequence[int], x: float, identity: float = -1.0) -> list[tuple[int, float, float]]:
    return [(frame, x + frame, identity) for frame in frames]


def made(*tracks: list[tuple[int, float, float]]) -> tuple[Detections, list[Tracklet]]:
    """Detections of one keypoint, one tracklet a list of (frame, x, identity)."""
    flat = sorted((frame, number, x, identity) for number, one in enumerate(tracks) for frame, x, identity in one)
    frame, number, x, identity = (np.array(column) for column in zip(*flat, strict=True))
    xy = np.stack([x, np.zeros(len(x))], -1)[:, None]
    found = Detections(xy, np.ones((len(x), 1)), identity[:, None], frame, int(frame.max()) + 1)
    return found, [Tracklet(one, np.flatnonzero(number == one)) for one in range(len(tracks))]


def test_identities_beat_distance() -> None:
    near, far = track(range(15), 0, 0), track(range(15), 100, 1)
    found, tracklets = made(near, far, track(range(20, 35), 1, 1), track(range(20, 35), 99, 0))
    done = stitch(found, tracklets, 2)
    assert [piece.identity for piece in done.tracks] == [0, 1]
    rows = done.rows(35, 2)
    assert found.xy[rows[0], 0, 0].tolist() == [0, 100]
    assert found.xy[rows[34], 0, 0].tolist() == [133, 35]


def test_the_residuals_of_a_swapped_list_stay() -> None:
    """Joined in time, whatever the order in which they are listed; and laid into the track that they fit."""
    found, tracklets = made(
        track(range(40), 0),
        track([*range(15), *range(30, 45)], 100),
        track(range(24, 29), 100),
        track(range(16, 23), 100),
    )
    long, short = split_tracklets(found, tracklets, min_length=10, split=True)
    assert len(long) == 3
    (joined,) = join_short_segments(short)
    assert joined.frames.tolist() == [*range(16, 23), *range(24, 29)]
    done = stitch(found, tracklets, 2)
    assert len(done.tracks[1]) == 42


def test_residuals_go_to_the_nearest_track_that_they_fit() -> None:
    hole = [*range(10), *range(20, 30)]
    found, tracklets = made(track(range(30), 0), track(hole, 100), track(hole, 200), track(range(12, 15), 190))
    pieces = [Piece(found, tracklet.rows) for tracklet in tracklets]
    assert [len(piece) for piece in insert_short_segments(pieces[:3], pieces[3:])] == [30, 20, 23]


def test_gaps() -> None:
    found, tracklets = made(track(range(10), 0), track(range(14, 30), 0), track(range(40, 60), 0))
    pieces = [Piece(found, tracklet.rows) for tracklet in tracklets]
    assert longest_needed_gap(pieces) == int(1.5 * 11)
    assert longest_needed_gap(pieces[:1]) == 0


def test_chains_are_the_cheapest() -> None:
    edges = np.array([[0, 2], [0, 3], [1, 2], [1, 3]])
    assert min_cost_chains(4, edges, np.array([5.0, 1, 1, 5]), 2) == [[0, 3], [1, 2]]
    assert min_cost_chains(4, edges, np.array([1.0, 5, 5, 1]), 2) == [[0, 2], [1, 3]]
    assert min_cost_chains(4, edges, np.array([5.0, 1, 2, 5]), 3) == [[0, 3], [1], [2]]
    assert min_cost_chains(4, edges[:1], np.zeros(1), 2) is None
    assert min_cost_chains(1, edges[:0], np.zeros(0), 2) is None
    assert disjoint_chains(4, [0, 1], [2, 3], edges[:1]) == [[0, 2]]
    assert disjoint_chains(4, [0, 1], [2, 3], edges[:0]) == []


def test_nobody() -> None:
    found = Detections.of([Prediction(Instances.none(2))] * 3, 2)
    assert stitch(found, [], 2).rows(3, 2).tolist() == [[-1, -1]] * 3
