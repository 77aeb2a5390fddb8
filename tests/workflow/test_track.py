"""Tracking from stored detections, and during video analysis; mending of swaps."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from small_videos import write_video

from dlcx.analysis import network_loading
from dlcx.analysis.tracking import next_steps
from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.swap_candidates import read_swap_candidates
from dlcx.formats.predictions.tracklets import read_tracklets
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.poses import Instances, Prediction, SwapCandidate
from dlcx.workflow.analyze_video import AnalyzedVideo, analyze_video
from dlcx.workflow.swap_tracks import swap_tracks
from dlcx.workflow.track import track

SCORER = "DLC_Resnet50_goldmuiNov22shuffle1_snapshot_10"
ROOT = Path(__file__).resolve().parents[2]
TRAIN = "dlc-models-pytorch/iteration-0/goldmuiNov22-trainset75shuffle1/train"


@pytest.fixture
def project(golden: Path, tmp_path: Path) -> Path:
    """Two animals with identities and two unique bodyparts, analyzed by DeepLabCut; no snapshot is left."""
    root = tmp_path / "goldmui-me-2025-11-22"
    shutil.copytree(golden / "files" / "mui", root)
    (root / "videos").mkdir(exist_ok=True)
    shutil.copy(golden / "analysis" / "mui" / "vid.avi", root / "videos")
    shutil.copy(golden / "predictions" / f"vid{SCORER}_assemblies.pickle", root / "videos")
    return root


def test_equals_deeplabcut(project: Path, golden: Path) -> None:
    """The same csv to the letter, and the same h5, from the detections that DeepLabCut stored."""
    (done,) = track(project, project / "videos" / "vid.avi", relink=False).videos
    theirs = golden / "predictions" / f"vid{SCORER}_el.h5"
    assert done.h5.name == theirs.name
    assert done.csv is not None
    assert done.csv.read_text() == theirs.with_suffix(".csv").read_text()
    mine, its = pd.read_hdf(done.h5, key="tracks"), pd.read_hdf(theirs, key="tracks")
    pd.testing.assert_frame_equal(mine, its, check_column_type=False, rtol=1e-6)
    assert (done.detections, done.linked, done.tracklets, done.tracks) == (24, 24, 2, 2)
    stored = read_tracklets(done.tracklets_pickle)
    assert list(stored.tracklets) == [1, 0]
    assert stored.tracklets[0][0].tolist() == list(range(12))
    content = load_plain_pickle(done.tracklets_pickle, foreign=True)
    assert list(content)[:2] == ["header", "single"]
    assert list(content[0])[:2] == ["frame00", "frame01"]
    assert content[0]["frame00"].shape == (3, 4)
    assert content["single"][0].shape == (2, 3)
    assert pd.read_pickle(done.tracklets_pickle)["header"].get_level_values("bodyparts").unique().tolist() == [
        "snout",
        "back",
        "tail",
        "lamp",
        "door",
    ]


@pytest.mark.parametrize("added", ["multianimalbodyparts", "uniquebodyparts"])
def test_poses_of_other_bodyparts_are_refused(project: Path, added: str) -> None:
    """A bodypart that was added to config.yaml after the analysis."""
    config = project / "config.yaml"
    lines = config.read_text().splitlines()
    at = lines.index(f"{added}:")
    config.write_text("\n".join([*lines[: at + 1], "- added", *lines[at + 1 :], ""]))
    what = (
        "3 bodyparts, config.yaml lists 4" if added.startswith("multi") else "2 unique bodyparts, config.yaml lists 3"
    )
    with pytest.raises(DlcxError, match=f"vid{SCORER}_assemblies.pickle holds poses of {what}"):
        track(project, project / "videos" / "vid.avi", relink=False)


@pytest.mark.slow
def test_deeplabcut_stitches_the_tracklets(project: Path) -> None:
    """DeepLabCut 3.0.2 itself, in the environment of ``make interchange-env``."""
    python = ROOT / ".venv-deeplabcut" / "bin" / "python"
    if not python.is_file():
        pytest.skip("DeepLabCut's environment (make interchange-env) is not here")
    (project / TRAIN / "snapshot-010.pt").touch()  # only its name is asked for
    video = project / "videos" / "vid.avi"
    (done,) = track(project, video, relink=False).videos
    script = ROOT / "tests" / "interchange" / "stitch_side.py"
    said = subprocess.run([python, script, project / "config.yaml", video], capture_output=True, text=True, timeout=600)
    assert "stitched: (12, 24) equal" in said.stdout, said.stderr
    assert done.h5.is_file()


def test_asking_again_and_otherwise(project: Path) -> None:
    video = project / "videos" / "vid.avi"
    (first,) = track(project, video).videos
    assert not first.existed
    (again,) = track(project, video).videos
    assert again.existed
    assert again.detections == first.detections
    with pytest.raises(DlcxError, match=r"was linked otherwise: min_length 10 there, 5 asked for") as refused:
        track(project, video, min_length=5)
    assert "--overwrite" in refused.value.hint
    assert not track(project, video, min_length=5, overwrite=True).videos[0].existed
    (box,) = track(project, video, tracker="box").videos
    assert box.h5.name.endswith("_bx.h5")
    first.h5.with_name(f"{first.h5.stem}_tracking.json").unlink()
    with pytest.raises(DlcxError, match="was not linked by dlcx"):
        track(project, video, min_length=5)


def test_wrong_calls(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = str(project / "videos" / "vid.avi")
    for arguments, message in (
        (["--tracker", "elipse"], "--tracker elipse: expected ellipse, box or skeleton"),
        (["--shuffle", "7"], "no such file"),
        (["--out", str(project)], "0 analyses of vid.avi"),
    ):
        assert run(["track", video, "-p", str(project), *arguments]) == 3
        assert message in capsys.readouterr().err


def test_the_hint_names_a_video_that_was_tracked(project: Path) -> None:
    video, other = project / "videos" / "vid.avi", project / "videos" / "bare.avi"
    shutil.copy(video, other)
    done = track(project, [other, video])
    assert [failure.video for failure in done.failed] == [other]
    assert done.next_steps[0].startswith(f"Look at it: dlcx create-labeled-video {video}")


def test_what_is_said_to_do_next_is_not_done_already(project: Path) -> None:
    """A mended swap is not hinted again, which would swap back; tracks of several trackers are told apart."""
    video = project / "videos" / "vid.avi"
    (done,) = track(project, video).videos
    swaps = (SwapCandidate(3, 0.5, "ann", "bob"), SwapCandidate(8, 0.9, "ann", "bob"))
    found = dataclasses.replace(done, swaps=swaps)

    def hinted() -> str:
        return " ".join(next_steps(video, found, ["--shuffle", "1"])[1:]).partition(" --from ")[2]

    assert hinted() == "8"
    swap_tracks(found.h5, "bob", "ann", first=8)
    assert hinted() == "3"
    swap_tracks(found.h5, "ann", "bob", first=4)  # a frame beside it
    assert hinted() == ""
    swap_tracks(found.h5, "ann", "bob", first=8)  # taken back
    assert hinted() == "8"
    assert "--tracker" not in next_steps(video, found, [])[0]
    (box,) = track(project, video, tracker="box").videos
    assert next_steps(video, box, [])[0].endswith(f"{video} --tracker box")
    assert next_steps(video, found, [])[0].endswith(f"{video} --tracker ellipse")


def test_animals_beyond_the_project_get_names(project: Path) -> None:
    (done,) = track(project, project / "videos" / "vid.avi", animals=3).videos
    tracks = read_predictions(done.h5)
    assert tracks.layout.individuals == ("ind1", "ind2", "ind3")
    (fewer,) = track(project, project / "videos" / "vid.avi", animals=1, overwrite=True).videos
    assert read_predictions(fewer.h5).layout.individuals == ("ann",)


def test_a_video_that_cannot_be_linked_gets_nan_and_a_warning(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "dlcx"):
        (done,) = track(project, project / "videos" / "vid.avi", min_length=30, relink=False).videos
    assert "no tracks of 2 animals: 24 animals found in 12 of 12 frames, 2 tracklets, the longest of 12" in caplog.text
    tracks = read_predictions(done.h5)
    assert tracks.xy.shape == (12, 2, 3, 2)
    assert np.isnan(tracks.xy).all()
    assert np.isfinite(tracks.unique_xy).all()


class TwoWalkers:
    """In place of a net: two animals that walk past each other, in changing order; none in frames 12 to 14."""

    def __init__(self) -> None:
        self.frame = 0

    def predict(self, images: np.ndarray, guesses: object = None) -> list[Prediction]:
        found = []
        for _ in images:
            frame, self.frame = self.frame, self.frame + 1
            if 12 <= frame < 15:
                found.append(Prediction(Instances.empty(3)))
                continue
            shape = np.array([[0, 0], [6, 1], [3, 9]])
            xy = np.array([np.add(shape, (5 + 2 * frame, 10)), np.add(shape, (75 - 2 * frame, 40))], np.float32)
            if frame % 2:
                xy = xy[::-1].copy()
            found.append(Prediction(Instances(xy, np.full((2, 3), 0.9, np.float32))))
        return found


@pytest.fixture
def walking(golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AnalyzedVideo]:
    root = tmp_path / "goldmui-me-2025-11-22"
    shutil.copytree(golden / "files" / "mui", root)
    (root / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    monkeypatch.setattr(network_loading, "load_network", lambda network: SimpleNamespace(predictor=TwoWalkers()))
    path = write_video(root / "videos" / "v.avi", 30)

    def call(**options: object) -> AnalyzedVideo:
        return analyze_video(root, path, **options).videos[0]  # type: ignore[arg-type]

    return call


def test_analyze_video_tracks_by_default(walking: Callable[..., AnalyzedVideo]) -> None:
    done = walking()
    tracked = done.tracked
    assert tracked is not None
    assert f"tracks: {tracked.h5}" in done.lines()
    tracks = read_predictions(tracked.h5)
    assert tracks.layout.individuals == ("ann", "bob")
    nobody = np.isnan(tracks.xy).all((2, 3))
    assert nobody[12:15].all()
    assert np.isnan(tracks.score[12:15]).all()
    assert not nobody[:12].any()
    assert not nobody[15:].any()
    assert {tracks.xy[0, 0, 0, 1], tracks.xy[0, 1, 0, 1]} == {10, 40}
    assert np.nanmax(np.ptp(tracks.xy[..., 1][~nobody[:, 0]], axis=0)) == 0
    assert read_swap_candidates(tracked.swaps_csv) == tracked.swaps
    again = walking()
    assert again.analyzed == 0
    assert again.tracked is not None
    assert again.tracked.existed
    with pytest.raises(DlcxError, match="individuals"):
        walking(animals=1)


def test_a_wider_range_is_linked_anew(walking: Callable[..., AnalyzedVideo]) -> None:
    first = walking(frames=(0, 16)).tracked
    assert first is not None
    wider = walking().tracked
    assert wider is not None
    assert not wider.existed
    assert len(read_predictions(wider.h5)) == 30


class LowerWalkers(TwoWalkers):
    """The same, 3 pixels further down."""

    def predict(self, images: np.ndarray, guesses: object = None) -> list[Prediction]:
        return [one.shifted(0, 3) for one in super().predict(images, guesses)]


@pytest.mark.parametrize("killed_in", ["VideoResults.write", "ChunkStore.record_output_frames", "Linking.link"])
@pytest.mark.parametrize("tracker", ["ellipse", "box"])
def test_tracks_of_poses_that_are_no_more_are_linked_anew(
    walking: Callable[..., AnalyzedVideo], monkeypatch: pytest.MonkeyPatch, killed_in: str, tracker: str
) -> None:
    """An --overwrite that was killed when all frames were analyzed goes on without it, with any tracker."""
    from dlcx.analysis.output_files import VideoResults
    from dlcx.analysis.tracking import Linking
    from dlcx.store import ChunkStore

    walking(tracker="box")
    before = walking().tracked
    assert before is not None
    swap_tracks(before.h5, "ann", "bob", first=5)
    monkeypatch.setattr(network_loading, "load_network", lambda network: SimpleNamespace(predictor=LowerWalkers()))

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        owner, name = killed_in.split(".")
        patch.setattr({"VideoResults": VideoResults, "ChunkStore": ChunkStore, "Linking": Linking}[owner], name, die)
        with pytest.raises(KeyboardInterrupt):
            walking(overwrite=True)
    after = walking(tracker=tracker)
    assert after.analyzed == 0
    assert after.tracked is not None
    assert not after.tracked.existed
    assert set(read_predictions(after.tracked.h5).xy[0, :, 0, 1]) == {13, 43}


def test_no_track(walking: Callable[..., AnalyzedVideo]) -> None:
    done = walking(track=False)
    assert done.tracked is None
    assert not list(done.h5.parent.glob("*_el*"))
    with pytest.raises(DlcxError, match="--no-track and --animals"):
        walking(track=False, animals=2)


def test_from_python_and_shell_the_chunk_store_is_enough(
    walking: Callable[..., AnalyzedVideo], capsys: pytest.CaptureFixture[str]
) -> None:
    done = walking(track=False)
    assert done.assemblies is not None
    done.assemblies.unlink()
    root = str(done.video.parents[1])
    assert run(["track", str(done.video), "-p", root, "--tracker", "skeleton", "--json", "-q"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["videos"][0]["linked"] == 54
    assert result["videos"][0]["h5"].endswith("_sk.h5")


def test_another_video_of_the_name_is_refused(walking: Callable[..., AnalyzedVideo], tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = walking(track=False, out=out)
    root = done.video.parents[1]
    other = write_video(tmp_path / "day2" / "v.avi", 31)
    before = sorted(out.rglob("*"))
    with pytest.raises(DlcxError, match=f"{done.video} and {other} would both write"):
        track(root, [done.video, other], out=out)
    with pytest.raises(DlcxError, match=f"holds the poses of another video than {other}"):
        track(root, other, out=out)
    assert sorted(out.rglob("*")) == before
    assert track(root, done.video, out=out).videos[0].h5.parent == out


def test_swap_tracks(walking: Callable[..., AnalyzedVideo], capsys: pytest.CaptureFixture[str]) -> None:
    tracked = walking().tracked
    assert tracked is not None
    before, text = read_predictions(tracked.h5), tracked.h5.with_suffix(".csv").read_text()
    assert run(["swap-tracks", str(tracked.h5), "ann", "bob", "--from", "5", "--to", "20"]) == 0
    assert "ann and bob in frames 5 to 20" in capsys.readouterr().out
    after = read_predictions(tracked.h5)
    np.testing.assert_array_equal(after.xy[5:21], before.xy[5:21, ::-1])
    np.testing.assert_array_equal(after.score[5:21], before.score[5:21, ::-1])
    np.testing.assert_array_equal(after.xy[21:], before.xy[21:])
    np.testing.assert_array_equal(after.xy[:5], before.xy[:5])
    np.testing.assert_array_equal(after.unique_xy, before.unique_xy)
    np.testing.assert_allclose(read_predictions(tracked.h5.with_suffix(".csv")).xy, after.xy)
    with pd.HDFStore(tracked.h5, "r") as store:
        assert store.keys() == ["/tracks"]
    record = json.loads(tracked.h5.with_name(f"{tracked.h5.stem}_tracking.json").read_text())
    assert [{**one, "token": ""} for one in record["mended"]] == [
        {"one": "ann", "other": "bob", "first": 5, "last": 20, "token": ""}
    ]
    again = walking()
    assert again.tracked is not None
    assert again.tracked.existed
    np.testing.assert_array_equal(read_predictions(tracked.h5).xy, after.xy)
    swap_tracks(tracked.h5.with_suffix(".csv"), "bob", "ann", first=5, last=20)
    np.testing.assert_array_equal(read_predictions(tracked.h5).xy, before.xy)
    assert tracked.h5.with_suffix(".csv").read_text() == text


def test_swaps_that_cannot_be_made(walking: Callable[..., AnalyzedVideo]) -> None:
    tracked = walking().tracked
    assert tracked is not None
    with pytest.raises(DlcxError, match="has no individual anne"):
        swap_tracks(tracked.h5, "anne", "bob")
    with pytest.raises(DlcxError, match="cannot be swapped with itself"):
        swap_tracks(tracked.h5, "bob", "bob")
    with pytest.raises(DlcxError, match="has no frames from 99 to the end, but 0 to 29"):
        swap_tracks(tracked.h5, "ann", "bob", first=99)
    with pytest.raises(DlcxError, match="--to 3: expected --from 5 or later"):
        swap_tracks(tracked.h5, "ann", "bob", first=5, last=3)
    with pytest.raises(DlcxError, match="no such file"):
        swap_tracks(tracked.h5.with_name("other.h5"), "ann", "bob")


def test_analyze_video_without_relinking(walking: Callable[..., AnalyzedVideo]) -> None:
    tracked = walking(relink=False).tracked
    assert tracked is not None
    assert (
        json.loads(tracked.h5.with_name(f"{tracked.h5.stem}_tracking.json").read_text())["settings"]["relink"] is False
    )
    with pytest.raises(DlcxError, match="relink False there, True asked for"):
        walking()
