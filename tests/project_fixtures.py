"""A project that DeepLabCut made and evaluated, with the weights it was evaluated with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from finds_disc import FindsDisc
from small_videos import write_video

from dlcx.analysis import network_loading
from dlcx.formats.predictions.frame_status import FrameStatus, write_frame_status
from dlcx.formats.predictions.swap_candidates import write_swap_candidates
from dlcx.formats.predictions.video_predictions import write_predictions
from dlcx.poses import Layout, SwapCandidate, Tracks
from dlcx.store import chunks
from dlcx.workflow.analyze_video import AnalyzedVideo, analyze_video

SNAPSHOT = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train/snapshot-010.pt"
#: What made the poses of the fixture ``tracked``.
TRACKED_SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"


@pytest.fixture
def project(golden: Path, tmp_path: Path) -> Path:
    """DeepLabCut's single-animal project: 8 labeled images, shuffle 1 with resnet_50, no snapshot."""
    root = tmp_path / "goldsa-me-2025-11-22"
    shutil.copytree(golden / "files" / "sa", root)
    images = root / "labeled-data" / "vid"
    shutil.copytree(golden / "evaluation" / "sa" / "images", images)
    for suffix in (".h5", ".csv"):
        shutil.copy(golden / "evaluation" / "sa" / f"CollectedData_me{suffix}", images)
    return root


@pytest.fixture(scope="session")
def golden_snapshot(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snapshot of shuffle 1: weights made from their names, epoch 10."""
    from fill_weights import fill_weights

    from dlcx.formats.shuffles.model_config import read_model_config
    from dlcx.formats.weights.snapshot import write_snapshot
    from dlcx.nets.build import build_model

    config = (golden / "files" / "sa" / SNAPSHOT).with_name("pytorch_config.yaml")
    model = build_model(read_model_config(config))
    fill_weights(model, seed=1, gain=1.0, head_gain=0.0126)
    path = tmp_path_factory.mktemp("weights") / "snapshot-010.pt"
    write_snapshot(path, model=model.state_dict(), epoch=10, metrics={}, losses={})
    return path


@pytest.fixture
def trained_project(project: Path, golden_snapshot: Path) -> Path:
    """The project with its snapshot."""
    (project / SNAPSHOT).symlink_to(golden_snapshot)
    return project


@pytest.fixture
def net(project: Path, monkeypatch: pytest.MonkeyPatch) -> FindsDisc:
    """The project's shuffle 1 is trained, and its net finds discs."""
    (project / SNAPSHOT).write_bytes(b"weights")
    finds = FindsDisc()
    loads = []

    def load_network(network: object) -> SimpleNamespace:
        assert not loads, "the network is loaded once"
        loads.append(network)
        return SimpleNamespace(predictor=finds)

    monkeypatch.setattr(network_loading, "load_network", load_network)
    monkeypatch.setattr(chunks, "CHUNK_FRAMES", 8)
    finds.forget_load = loads.clear  # type: ignore[attr-defined]
    return finds


@pytest.fixture
def again(project: Path, net: FindsDisc) -> Callable[..., AnalyzedVideo]:
    """Analyze one video, as a process of its own would."""

    def call(path: Path, **options: object) -> AnalyzedVideo:
        net.forget_load()  # type: ignore[attr-defined]
        net.batches.clear()
        return analyze_video(project, path, **{"batch_size": 4, **options}).videos[0]  # type: ignore[arg-type]

    return call


@pytest.fixture
def tracked(project: Path) -> Path:
    """A video of 60 frames with two animals; one jumps in frame 30, and the last frames are unreadable."""
    snapshot = project / "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train/snapshot-010.pt"
    if not snapshot.exists():
        snapshot.write_bytes(b"w")
    video = write_video(project / "videos" / "v.avi", 60)
    xy = np.full((60, 2, 2, 2), 30.0) + np.arange(60)[:, None, None, None] * 0.2
    xy[:, 1] += 20
    score = np.full((60, 2, 2), 0.9)
    xy[30, 0, 0] += 25
    score[50, 1] = 0.1
    xy[57:], score[57:] = np.nan, np.nan
    layout = Layout(("snout", "tail"), ("ann", "bob"), multi=True)
    write_predictions(
        Tracks(layout, xy, score), video.with_name(f"v{TRACKED_SCORER}_el.h5"), TRACKED_SCORER, key="tracks"
    )
    number = np.arange(60)
    status = FrameStatus.of(0, number / 30, number < 57, np.zeros(60, bool), 60)
    write_frame_status(status, video.with_name(f"v{TRACKED_SCORER}_frames.csv"))
    write_swap_candidates([SwapCandidate(12, 0.75, "ann", "bob")], video.with_name(f"v{TRACKED_SCORER}_el_swaps.csv"))
    return video
