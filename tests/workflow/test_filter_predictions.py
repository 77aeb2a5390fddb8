"""Filtered poses and bones against the files that DeepLabCut 3.0.2 makes of the same poses."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.pose_tables import read_csv
from dlcx.formats.predictions.video_predictions import read_predictions, write_predictions
from dlcx.poses import Layout, Tracks
from dlcx.workflow.analyze_skeleton import analyze_skeleton
from dlcx.workflow.filter_predictions import filter_predictions
from dlcx.workflow.swap_tracks import swap_tracks

SA = "vidDLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
MUI = "vidDLC_Resnet50_goldmuiNov22shuffle1_snapshot_10_el"


@pytest.fixture(params=[("sa", SA), ("mui", MUI)], ids=["sa", "mui"])
def analyzed(request: pytest.FixtureRequest, golden: Path, tmp_path: Path) -> tuple[Path, Path, Path]:
    """A project, its video, and the poses that DeepLabCut found in it."""
    name, stem = request.param
    return (*_project(golden, tmp_path, name), _with_poses(golden, tmp_path, stem))


def _project(golden: Path, tmp_path: Path, name: str) -> tuple[Path, Path]:
    root = tmp_path / f"gold{name}"
    shutil.copytree(golden / "files" / name, root)
    for train in root.glob("dlc-models-pytorch/*/*/train"):
        (train / "snapshot-010.pt").write_bytes(b"weights")
    (tmp_path / "vid.avi").write_bytes(b"")
    return root, tmp_path / "vid.avi"


def _with_poses(golden: Path, tmp_path: Path, stem: str) -> Path:
    return Path(shutil.copy(golden / "predictions" / f"{stem}.h5", tmp_path))


def same(made: Path, theirs: Path, ends: int = 0) -> None:
    """Names, columns and numbers of a csv of DeepLabCut's, in the h5 and in the csv, but for frames at the ends."""
    expected = read_csv(theirs)
    for poses in (pd.read_hdf(made, "df_with_missing"), read_csv(made.with_suffix(".csv"))):
        assert poses.columns.tolist() == expected.columns.tolist()
        inner = slice(ends, len(expected) - ends)
        np.testing.assert_allclose(poses.to_numpy()[inner], expected.to_numpy()[inner], rtol=1e-6)


def test_median_is_deeplabcuts(golden: Path, analyzed: tuple[Path, Path, Path]) -> None:
    project, video, poses = analyzed
    (done,) = filter_predictions(project, video, window=3).videos
    assert done.filtered == poses.with_name(f"{poses.stem}_filtered.h5")
    assert not done.existed
    assert done.moved > 0
    same(done.filtered, golden / "predictions" / f"{poses.stem}_filtered.csv", ends=1)
    assert pd.read_hdf(done.filtered).to_numpy().dtype == pd.read_hdf(poses).to_numpy().dtype


def test_bones_are_deeplabcuts(golden: Path, analyzed: tuple[Path, Path, Path]) -> None:
    project, video, poses = analyzed
    (done,) = analyze_skeleton(project, video, pcutoff=0.3).videos
    assert done.skeleton == poses.with_name(f"{poses.stem}_skeleton.h5")
    theirs = golden / "predictions" / f"{poses.stem}_skeleton.csv"
    expected = pd.read_csv(theirs, header=[0, 1], index_col=0)
    frame = pd.read_hdf(done.skeleton, "df_with_missing")
    assert frame.columns.tolist() == expected.columns.tolist()
    np.testing.assert_allclose(frame.to_numpy(), expected.to_numpy(), rtol=1e-5)
    assert done.csv.read_text().splitlines()[:2] == theirs.read_text().splitlines()[:2]
    assert done.bones[0].length == pytest.approx(np.median(expected.iloc[:, 0]), rel=1e-5)
    again = analyze_skeleton(project, video, pcutoff=0.3).videos[0]
    assert again.existed
    assert again.bones == done.bones


@pytest.fixture
def gaps(golden: Path, tmp_path: Path) -> tuple[Path, Path, Path, np.ndarray]:
    """80 frames with gaps."""
    project, video = _project(golden, tmp_path, "sa")
    with np.load(golden / "post" / "filters.npz") as stored:
        values = stored["with_gaps"].reshape(80, 1, 3, 3)
    layout = Layout(("snout", "back", "tail"))
    h5 = tmp_path / f"{SA}.h5"
    write_predictions(Tracks(layout, values[..., :2], values[..., 2]), h5, SA.removeprefix("vid"), double=True)
    return project, video, h5, values


def test_a_spline_fills_gaps_and_moves_nothing(golden: Path, gaps) -> None:
    project, video, _, values = gaps
    (done,) = filter_predictions(project, video, filter="spline", window=5).videos
    made = read_predictions(done.filtered)
    with np.load(golden / "post" / "filters.npz") as stored:
        expected = stored["spline5.xy"].reshape(80, 1, 3, 2)
    np.testing.assert_allclose(made.xy, expected, rtol=1e-9)
    filled = np.isfinite(expected).all(-1) & ~np.isfinite(values[..., :2]).all(-1)
    assert done.filled == filled.sum() > 0
    assert (made.score[filled] == 0.01).all()
    assert done.moved == 0


def test_arima_needs_statsmodels_and_is_deeplabcuts(golden: Path, gaps) -> None:
    pytest.importorskip("statsmodels", reason="the extra 'arima' is not installed")
    project, video, _, values = gaps
    (done,) = filter_predictions(project, video, filter="arima").videos
    made = read_predictions(done.filtered)
    with np.load(golden / "post" / "filters.npz") as stored:
        expected = stored["arima_3_1_0.001.with_gaps"].reshape(80, 1, 3, 3)[..., :2]
    np.testing.assert_allclose(made.xy[1:], expected[1:], rtol=1e-3)
    np.testing.assert_array_equal(made.xy[0], values[0, ..., :2])  # as filterpredictions has it
    gap = np.isnan(values[..., 0])
    np.testing.assert_array_equal(made.score[~gap], values[..., 2][~gap])
    assert (made.score[gap] == 0.01).all()
    assert done.filled == gap.sum() > 0


@pytest.mark.parametrize("filter", ["median", "arima", "spline"])
@pytest.mark.parametrize("frames", [1, 3, 11, 40])
def test_gaps_make_no_half_lost_or_unmarked_positions(golden: Path, tmp_path: Path, filter: str, frames: int) -> None:
    """Gaps at the ends and inside, single points, a point never seen, one half known, one that is always there."""
    if filter == "arima":
        pytest.importorskip("statsmodels", reason="the extra 'arima' is not installed")
    project, video = _project(golden, tmp_path, "sa")
    random = np.random.default_rng(frames)
    values = np.concatenate([random.uniform(200, 300, (frames, 1, 6, 2)), np.full((frames, 1, 6, 1), 0.9)], -1)
    time = np.arange(frames)
    for point, gap in enumerate([time < 2, (time > 4) & (time < 8), time % 7 != 2, time >= 0]):
        values[gap, 0, point] = np.nan
    values[frames // 2, 0, 4, 1] = np.nan  # x is known, y and so the position is not
    values[0, 0, 3, 2] = 0.7  # a likelihood of no position
    layout = Layout(("start", "inside", "single", "never", "half", "always"))
    h5 = tmp_path / f"{SA}.h5"
    write_predictions(Tracks(layout, values[..., :2], values[..., 2]), h5, SA.removeprefix("vid"), double=True)
    (done,) = filter_predictions(project, video, filter=filter).videos
    made = read_predictions(done.filtered)
    before, after = np.isfinite(values[..., :2]).all(-1), np.isfinite(made.xy).all(-1)
    np.testing.assert_array_equal(np.isfinite(made.xy).any(-1), after)
    np.testing.assert_array_equal(made.score[before], values[..., 2][before])
    assert after[before].all()
    assert (made.score[after & ~before] == 0.01).all()
    assert not (made.score[~after] > 0).any()
    assert done.filled == (after & ~before).sum()
    assert not after[:, 0, 3].any()
    if filter == "median":
        np.testing.assert_array_equal(after, before)
    if filter == "spline" and frames == 40:
        assert after[:, 0, [0, 1, 4]].all()
    if filter == "arima" and frames == 40:
        assert after[:, 0, [1, 4]].all()
        assert not after[:2, 0, 0].any()
        np.testing.assert_array_equal(made.xy[2, 0, 0], values[2, 0, 0, :2])  # nothing is known before


def test_what_is_there_is_kept_and_other_filters_are_told(gaps, capsys: pytest.CaptureFixture[str]) -> None:
    project, video, h5, _ = gaps
    call = ["filter-predictions", str(video), "-p", str(project), "-q"]
    assert run(call) == 0
    capsys.readouterr()
    assert run(call) == 0
    assert "(was there already)" in capsys.readouterr().out
    assert run([*call, "--window", "7"]) == 3
    assert "filter median" not in capsys.readouterr().err
    with pytest.raises(DlcxError, match="was made with other settings: window 5") as told:
        filter_predictions(project, video, window=7)
    assert "--overwrite" in told.value.hint
    tracks = read_predictions(h5)
    write_predictions(replace(tracks, xy=tracks.xy + 1), h5, SA.removeprefix("vid"), double=True)
    with pytest.raises(DlcxError, match="poses that have changed since"):
        filter_predictions(project, video)
    assert not filter_predictions(project, video, overwrite=True).videos[0].existed
    for wrong, code in (
        (["--filter", "medain"], 3),
        (["--window", "4"], 3),
        (["--filter", "spline", "--window", "-1"], 2),
    ):
        assert run([*call, *wrong]) == code


def test_a_swap_mended_in_filtered_poses_is_not_lost(golden: Path, tmp_path: Path) -> None:
    project, video = _project(golden, tmp_path, "mui")
    _with_poses(golden, tmp_path, MUI)
    filtered = filter_predictions(project, video, window=3).videos[0].filtered
    before = read_predictions(filtered).xy
    swap_tracks(filtered, "ann", "bob")
    assert filter_predictions(project, video, window=3).videos[0].existed
    with pytest.raises(DlcxError, match="was made with other settings: filter median, now arima"):
        filter_predictions(project, video, filter="arima")
    np.testing.assert_array_equal(read_predictions(filtered).xy, before[:, ::-1])


def test_animals_that_are_not_linked_are_refused(golden: Path, tmp_path: Path) -> None:
    project, video = _project(golden, tmp_path, "mui")
    h5 = _with_poses(golden, tmp_path, MUI)
    h5.rename(h5.with_name(f"{MUI.removesuffix('_el')}.h5"))
    with pytest.raises(DlcxError, match="its animals are not linked"):
        filter_predictions(project, video)


def test_a_skeleton_of_other_bodyparts(golden: Path, tmp_path: Path) -> None:
    project, video = _project(golden, tmp_path, "sa")
    _with_poses(golden, tmp_path, SA)
    config = project / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("- - snout\n", "- - snoot\n"))
    with pytest.raises(DlcxError, match="snoot-back"):
        analyze_skeleton(project, video)
    config.write_text(text.replace("- - snout\n  - back\n", "").replace("skeleton:", "skeleton: []"))
    with pytest.raises(DlcxError, match="skeleton is empty"):
        analyze_skeleton(project, video)
