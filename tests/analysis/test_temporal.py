"""Analyses that remember the frame before: stopped, resumed and partial ones equal the whole, bit for bit."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from small_videos import SIZE, break_frames, disc, write_video

from dlcx.analysis import network_loading
from dlcx.cli.app import run
from dlcx.errors import DlcxError, Stopped
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import read_model_config
from dlcx.formats.weights.snapshot import write_snapshot
from dlcx.nets.build import build_model
from dlcx.poses import Instances, Prediction, Tracks
from dlcx.predictors import temporal
from dlcx.predictors.local_views import RegionView
from dlcx.store import chunks
from dlcx.workflow import demo as demo_workflow
from dlcx.workflow.analyze_video import AnalyzedVideo, analyze_video
from dlcx.workflow.create_dataset import create_dataset
from dlcx.workflow.demo import demo

TRAIN = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"
RESET_INTERVAL = 20


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "RESET_INTERVAL", RESET_INTERVAL)
    monkeypatch.setattr(chunks, "CHUNK_FRAMES", 8)


class SeesDisc:
    """In place of a net that finds one animal: where it thinks the disc is depends a little on what it is shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []
        self.before: Callable[[int], None] = lambda image: None

    def local_view(self) -> RegionView:
        return RegionView(self)  # type: ignore[arg-type]

    def predict(self, images: np.ndarray, guesses: object = None) -> list[Prediction]:
        self.before(len(self.shown))
        (image,) = images
        self.shown.append(image.shape[1::-1])
        y, x = np.nonzero((image[..., 0] > 150) & (image[..., 1] < 120))
        if not len(x):
            return [Prediction(Instances(np.ones((1, 3, 2), np.float32), np.full((1, 3), 0.1, np.float32)))]
        sway = 3 * np.random.default_rng(image.sum()).random(2)
        xy = np.add((x.mean() + sway[0], y.mean() + sway[1]), [[0, 0], [10, 0], [0, 10]]).astype(np.float32)
        return [Prediction(Instances(xy[None], np.full((1, 3), 0.9, np.float32)))]


@pytest.fixture
def net(project: Path, monkeypatch: pytest.MonkeyPatch) -> SeesDisc:
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    finds = SeesDisc()
    monkeypatch.setattr(network_loading, "load_network", lambda network: SimpleNamespace(predictor=finds))
    return finds


@pytest.fixture
def follow(project: Path, net: SeesDisc) -> Callable[..., AnalyzedVideo]:
    """Analyze one video with dynamic cropping, as a process of its own would."""

    def call(path: Path, **options: object) -> AnalyzedVideo:
        net.shown.clear()
        return analyze_video(project, path, dynamic_crop=(0.5, 5), **options).videos[0]  # type: ignore[arg-type]

    return call


def poses(video: AnalyzedVideo) -> Tracks:
    return read_predictions(video.h5)


def assert_same(one: Tracks, other: Tracks) -> None:
    assert one.first == other.first
    np.testing.assert_array_equal(one.xy, other.xy)
    np.testing.assert_array_equal(one.score, other.score)


def kill(number: int) -> Callable[[int], None]:
    def at(image: int) -> None:
        if image == number:
            raise KeyboardInterrupt

    return at


def terminate(number: int) -> Callable[[int], None]:
    return lambda image: signal.raise_signal(signal.SIGTERM) if image == number else None


def test_one_animal_is_followed_in_pixels_of_the_frame(
    project: Path, net: SeesDisc, follow: Callable[..., AnalyzedVideo]
) -> None:
    path = write_video(project / "videos" / "v.avi", 45)
    done = follow(path)
    centers = np.array([disc(number) for number in range(45)])
    np.testing.assert_allclose(poses(done).xy[:, 0, 0], centers, atol=4)
    whole = [frame for frame, shown in enumerate(net.shown) if shown == SIZE]
    assert whole[:1] == [0]
    assert len(net.shown) < 1.2 * 45
    assert net.shown.count(SIZE) < 10


@pytest.mark.parametrize("stop", [kill, terminate])
def test_a_resumed_run_goes_on_with_what_the_whole_one_remembered(
    project: Path,
    net: SeesDisc,
    follow: Callable[..., AnalyzedVideo],
    tmp_path: Path,
    stop: Callable[[int], Callable[[int], None]],
) -> None:
    path = write_video(project / "videos" / "v.avi", 70)
    straight = follow(path, out=tmp_path / "straight")
    looks = len(net.shown)
    net.before = stop(35)
    with pytest.raises((KeyboardInterrupt, Stopped)):
        follow(path)
    (manifest,) = path.parent.glob("*.dlcx/manifest.json")
    reached = json.loads(manifest.read_text())["chunks"][-1]["stop"]
    assert RESET_INTERVAL < reached < 2 * RESET_INTERVAL
    net.before = lambda image: None
    done = follow(path)
    assert done.analyzed == 70 - reached
    assert net.shown[0] == SIZE  # it begins where the last stretch does
    assert 70 - RESET_INTERVAL <= len(net.shown) < looks
    assert_same(poses(done), poses(straight))


def test_parts_of_a_video_are_parts_of_the_whole(
    project: Path, net: SeesDisc, follow: Callable[..., AnalyzedVideo], tmp_path: Path
) -> None:
    path = write_video(project / "videos" / "v.avi", 70)
    whole = poses(follow(path, out=tmp_path / "whole"))
    part = poses(follow(path, frames=(33, 50)))
    assert part.first == 33
    np.testing.assert_array_equal(part.xy, whole.xy[33:50])
    assert 50 - RESET_INTERVAL <= len(net.shown) < 50
    # two gaps, the second in a stretch whose end is there already
    shutil.rmtree(next(path.parent.glob("*.dlcx")))
    follow(path, frames=(25, 30), overwrite=True)
    assert_same(poses(follow(path)), whole)
    assert follow(path).analyzed == 0


def test_unreadable_frames_change_nothing_for_those_after_a_restart(
    project: Path, follow: Callable[..., AnalyzedVideo], tmp_path: Path
) -> None:
    path = write_video(project / "videos" / "v.avi", 70)
    break_frames(path, 19, 22)  # the first frame of a stretch is among them
    whole = poses(follow(path, out=tmp_path / "whole"))
    assert np.isnan(whole.xy[19:22]).all()
    part = poses(follow(path, frames=(22, 70)))
    np.testing.assert_array_equal(part.xy, whole.xy[22:])


def test_a_crop_of_the_frame_bounds_the_search(
    project: Path, net: SeesDisc, follow: Callable[..., AnalyzedVideo]
) -> None:
    path = write_video(project / "videos" / "v.avi", 15)
    found = poses(follow(path, crop=(50, 96, 10, 64))).xy[:, 0, 0]
    np.testing.assert_allclose(found, [disc(number) for number in range(15)], atol=4)
    assert set(net.shown) == {(46, 54)}  # all of it is smaller than the least region


def test_other_memories_are_other_settings(project: Path, follow: Callable[..., AnalyzedVideo]) -> None:
    path = write_video(project / "videos" / "v.avi", 10)
    follow(path)
    with pytest.raises(DlcxError, match=r"--dynamic-crop: \[0.5, 5.0\] stored, None requested"):
        analyze_video(project, path, batch_size=1)


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--dynamic-crop", "0.5"], 2, "expected SCORE,MARGIN, e.g. 0.5,10, got '0.5'"),
        (["--dynamic-crop", "1.5,10"], 3, "--dynamic-crop 1.5: expected 0 to 1"),
        (["--dynamic-crop", "0.5,-1"], 3, "--dynamic-crop -1.0: expected 0 to 100000"),
        (["--dynamic-crop", "0.5,10", "--batch-size", "4"], 3, "--batch-size 4: --dynamic-crop needs the poses"),
        (["--tracker", "ctd"], 3, "--tracker ctd: resnet_50 does not correct poses"),
    ],
)
def test_wrong_calls(
    project: Path,
    net: SeesDisc,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(project)
    write_video(project / "v.avi", 4)
    assert run(["analyze-video", "v.avi", *flags]) == code
    assert message in capsys.readouterr().err.splitlines()[0]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drawn animals, 36 frames, and a BUCTD net with random weights that starts from the true poses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_workflow, "FRAMES", 36)
        patch.setattr(demo_workflow, "LABELED", 6)
        made = demo(tmp_path_factory.mktemp("drawn") / "two", animals=2)
    create_dataset(made.project, net_type="ctd_prenet_rtmpose_s", weights="none", conditions=str(made.truth))
    shuffle = open_project(made.project).shuffle()
    torch.manual_seed(0)
    model = build_model(read_model_config(shuffle.model_config_path))
    write_snapshot(shuffle.snapshot_path(1), model=model.state_dict(), epoch=1, metrics={}, losses={})
    return made.project


def track(project: Path, out: Path, **options: object) -> AnalyzedVideo:
    return analyze_video(project, project / "videos/arena.mp4", tracker="ctd", out=out, **options).videos[0]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def straight(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Tracks:
    """The tracks of an uninterrupted run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(temporal, "RESET_INTERVAL", RESET_INTERVAL)
        done = track(drawn, tmp_path_factory.mktemp("straight"))
    assert done.tracks is not None
    table = pd.read_hdf(done.tracks, key="df_with_missing")
    assert table.shape == (36, 2 * len(open_project(drawn).layout.bodyparts) * 3)
    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    assert done.tracks.name == f"{done.h5.stem}_ctd.h5"
    assert done.tracks.with_suffix(".csv").is_file()
    assert f"tracks: {done.tracks}" in done.lines()
    return read_predictions(done.tracks)


def test_a_resumed_ctd_tracking_equals_the_straight_one(
    drawn: Path, straight: Tracks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlcx.predictors.ctd_tracking import CtdTracking

    predict_next, seen = CtdTracking.predict_next, []

    def counted(self: CtdTracking, image: np.ndarray, condition: Instances | None = None) -> Prediction:
        seen.append(condition)
        if len(seen) == 31:
            raise KeyboardInterrupt
        return predict_next(self, image, condition)

    monkeypatch.setattr(CtdTracking, "predict_next", counted)
    with pytest.raises(KeyboardInterrupt):
        track(drawn, tmp_path)
    seen.clear()
    done = track(drawn, tmp_path)
    assert done.analyzed == 36 - 30
    assert len(seen) == 36 - RESET_INTERVAL
    assert done.tracks is not None
    assert np.isfinite(straight.xy).any((1, 2, 3)).all()
    assert_same(read_predictions(done.tracks), straight)


def test_a_part_of_a_ctd_tracking_equals_that_of_the_whole(drawn: Path, straight: Tracks, tmp_path: Path) -> None:
    done = track(drawn, tmp_path, frames=(RESET_INTERVAL + 3, 30))
    assert done.tracks is not None
    part = read_predictions(done.tracks)
    whole = straight.xy[RESET_INTERVAL + 3 : 30]
    same = [np.array_equal(part.xy, whole[:, order], equal_nan=True) for order in ([0, 1], [1, 0])]
    assert any(same)  # numbers start over, so the rows of a part may be in another order


class KnowsBetter:
    """In place of a BUCTD net: guesses move to within some pixels of the nearest true animal of their frame."""

    def __init__(self, truth: Tracks) -> None:
        self.truth, self.bodyparts, self.margin = truth.xy, truth.xy.shape[2], 20
        self.frame = -1

    def refine(self, images: np.ndarray, conditions: list[Instances]) -> list[Prediction]:
        self.frame += 1
        (given,) = conditions
        apart = np.linalg.norm(given.xy[:, None] - self.truth[self.frame], axis=-1).mean(-1)
        sway = np.random.default_rng(self.frame).normal(0, 1, given.xy.shape)
        xy = (self.truth[self.frame][apart.argmin(1)] + sway).astype(np.float32)
        return [Prediction(Instances(xy, np.full(xy.shape[:2], 0.8, np.float32), box=given.box))]


def test_animals_stay_themselves_where_numbers_begin_anew(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = read_predictions(drawn / "videos" / "arena_truth.h5")
    net = KnowsBetter(truth)
    monkeypatch.setattr(network_loading, "load_network", lambda network: SimpleNamespace(predictor=net))
    monkeypatch.setattr(temporal, "RESET_INTERVAL", 5)
    done = track(drawn, tmp_path)
    assert done.tracks is not None
    np.testing.assert_allclose(read_predictions(done.tracks).xy, truth.xy, atol=5)
