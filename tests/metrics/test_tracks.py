import numpy as np
import pytest
import trackeval

from dlcx.metrics.tracks import ALPHAS, evaluate_tracks
from dlcx.poses import Layout, Tracks

PARTS = ("nose", "ear", "back", "tail")
SHAPE = np.array([[0, 0], [4, 6], [14, 2], [30, -3]], float)


def _tracks(xy: np.ndarray, score: np.ndarray | None = None, first: int = 0, names: str = "m") -> Tracks:
    layout = Layout(PARTS, tuple(f"{names}{number}" for number in range(xy.shape[1])), multi=True)
    return Tracks(layout, xy, np.isfinite(xy).all(-1).astype(float) if score is None else score, first=first)


def _walk(rng: np.random.Generator, frames: int = 120, animals: int = 4) -> np.ndarray:
    """Animals (T, A, K, 2) whose paths cross."""
    place = 60 + np.cumsum(rng.normal(0, 4, (frames, animals, 1, 2)), 0)
    return place + SHAPE + rng.normal(0, 1, (frames, animals, len(PARTS), 2))


def _predicted(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    """What a poor tracker makes of them: moved, swapped, lost, with one track too many."""
    xy = truth + rng.normal(0, 4, truth.shape)
    for frame in rng.integers(10, len(xy), 5):
        xy[frame:] = xy[frame:, rng.permutation(xy.shape[1])]
    xy[rng.random(xy.shape[:2]) < 0.15] = np.nan
    xy[rng.random(xy.shape[:3]) < 0.1] = np.nan
    ghost = np.where(rng.random((len(xy), 1, 1, 1)) < 0.5, truth[:, :1] + rng.normal(0, 30, (len(xy), 1, 1, 2)), np.nan)
    return np.concatenate([xy, ghost], 1)


def _similarity(xy: np.ndarray, truth: np.ndarray, sigma: float = 0.1) -> np.ndarray:
    """The definition, written out for one frame: (G, P)."""
    out = np.zeros((truth.shape[1], xy.shape[1], len(xy)))
    for g in range(truth.shape[1]):
        areas = []
        for pose in truth[:, g]:
            pose = pose[np.isfinite(pose).all(-1)]
            if len(pose) > 1:
                areas.append(6 * ((pose - pose.mean(0)) ** 2).sum(-1).mean())
        spread = 2 * np.median(areas) * (2 * sigma) ** 2
        for p in range(xy.shape[1]):
            for t in range(len(xy)):
                labeled = np.isfinite(truth[t, g]).all(-1)
                squared = ((truth[t, g] - xy[t, p]) ** 2).sum(-1)[labeled]
                out[g, p, t] = np.nansum(np.exp(-squared / spread)) / max(labeled.sum(), 1)
    return np.moveaxis(out, -1, 0)


def _trackeval(xy: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    alike = _similarity(xy, truth)
    there, guessed = (np.isfinite(one).all(-1).any(-1) for one in (truth, xy))
    data = {
        "gt_ids": [np.flatnonzero(row) for row in there],
        "tracker_ids": [np.flatnonzero(row) for row in guessed],
        "similarity_scores": [one[np.ix_(*pair)] for one, *pair in zip(alike, there, guessed, strict=True)],
        "num_timesteps": len(xy),
        "num_gt_ids": there.shape[1],
        "num_tracker_ids": guessed.shape[1],
        "num_gt_dets": int(there.sum()),
        "num_tracker_dets": int(guessed.sum()),
    }
    results: dict[str, float] = {}
    for metric in (
        trackeval.metrics.HOTA(),
        trackeval.metrics.Identity({"PRINT_CONFIG": False}),
        trackeval.metrics.CLEAR({"PRINT_CONFIG": False}),
    ):
        results |= metric.eval_sequence(data)
    return results


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("leaving", [False, True])
def test_equal_to_trackeval(seed: int, leaving: bool):
    rng = np.random.default_rng(seed)
    truth = _walk(rng)
    if leaving:
        truth[20:50, 1] = truth[70:, 2] = truth[:10, 0] = np.nan
    truth[rng.random(truth.shape[:3]) < 0.05] = np.nan
    xy = _predicted(rng, truth)
    if leaving:
        xy[40:44] = np.nan
    mine, theirs = evaluate_tracks(_tracks(xy, names="track"), _tracks(truth)), _trackeval(xy, truth)
    for name in ("HOTA", "DetA", "AssA", "LocA"):
        assert len(ALPHAS) == len(theirs[name])
        np.testing.assert_allclose(getattr(mine, name), np.mean(theirs[name]), rtol=1e-9, err_msg=name)
    for name in ("IDF1", "IDP", "IDR", "MOTA"):
        np.testing.assert_allclose(getattr(mine, name), theirs[name], rtol=1e-9, err_msg=name)
    assert (mine.switches, mine.found, mine.missed, mine.false) == tuple(
        theirs[name] for name in ("IDSW", "CLR_TP", "CLR_FN", "CLR_FP")
    )
    if not leaving:
        assert mine.fragmentations == theirs["Frag"]
    assert mine.switches == len(mine.switched) == sum(one.switches for one in mine.animals) > 0


def test_perfect_tracks_under_other_names_with_other_frame_numbers():
    truth = _walk(np.random.default_rng(0))
    shuffled = _tracks(truth[20:90, ::-1], first=27, names="track")
    mine = evaluate_tracks(shuffled, _tracks(truth[30:60], first=37))
    assert (mine.HOTA, mine.IDF1, mine.MOTA, mine.switches, mine.fragmentations) == (1, 1, 1, 0, 0)
    assert [one.track for one in mine.animals] == ["track3", "track2", "track1", "track0"]
    assert mine.frames == 30


def test_a_swap_is_named():
    truth = _walk(np.random.default_rng(1), animals=2)
    truth[:, 1] += 200
    xy = truth.copy()
    xy[70:] = truth[70:, ::-1]
    mine = evaluate_tracks(_tracks(xy, names="track"), _tracks(truth, first=0))
    assert [(one.frame, one.animal, one.before, one.after) for one in mine.switched] == [
        (70, "m0", "track0", "track1"),
        (70, "m1", "track1", "track0"),
    ]
    assert pytest.approx(70 / 120) == mine.IDF1
    assert mine.DetA == 1


def test_frames_that_a_side_lacks():
    truth = _walk(np.random.default_rng(2), animals=2)
    lacking = truth.copy()
    lacking[:40] = np.nan
    mine = evaluate_tracks(_tracks(truth), _tracks(lacking))
    assert (mine.frames, mine.empty, mine.false, mine.HOTA) == (80, 40, 0, 1)
    mine = evaluate_tracks(_tracks(truth[60:], first=60), _tracks(truth))
    assert (mine.frames, mine.missed, mine.fragmentations) == (120, 120, 0)
    assert pytest.approx(0.5) == mine.IDR


def test_fragmentations_count_only_where_the_animal_is():
    truth = _walk(np.random.default_rng(3), animals=1)
    truth[30:40] = np.nan
    xy = truth.copy()
    xy[60:65] = np.nan  # no prediction at all in these frames
    xy[80, 0] += 500
    mine = evaluate_tracks(_tracks(xy), _tracks(truth))
    assert (mine.fragmentations, mine.missed, mine.false) == (2, 6, 1)


def test_hidden_animals_are_neither_missed_nor_false():
    truth = _walk(np.random.default_rng(4), animals=2)
    truth[:, 1] += 300
    score = np.ones(truth.shape[:3])
    score[20:40, 1] = 0
    there = _tracks(truth, score)
    absent = truth.copy()
    absent[20:40, 1] = np.nan
    for xy in (truth, absent):
        mine = evaluate_tracks(_tracks(xy), there)
        assert (mine.missed, mine.false, mine.HOTA, mine.fragmentations) == (0, 0, 1, 0)
        assert mine.animals[1].frames == 100


def test_bodyparts_are_matched_by_name():
    truth = _walk(np.random.default_rng(5))
    layout = Layout(("tail", "whisker", "nose"), ("a", "b", "c", "d"), multi=True)
    xy = np.full((120, 4, 3, 2), np.nan)
    xy[:, :, [0, 2]] = truth[:, :, [3, 0]]
    mine = evaluate_tracks(Tracks(layout, xy, np.ones(xy.shape[:3])), _tracks(truth))
    assert mine.HOTA == 1
    nobody = evaluate_tracks(_tracks(np.full_like(truth, np.nan)), _tracks(truth))
    assert (nobody.HOTA, nobody.IDF1, nobody.MOTA, nobody.found) == (0, 0, 0, 0)
    assert nobody.animals[0].track is None
    other = Tracks(Layout(("wing",)), np.zeros((5, 1, 1, 2)), np.ones((5, 1, 1)))
    with pytest.raises(ValueError, match="no bodypart"):
        evaluate_tracks(other, _tracks(truth))
    with pytest.raises(ValueError, match="scale"):
        evaluate_tracks(other, other)
    assert evaluate_tracks(other, other, scale=20).HOTA == 1
