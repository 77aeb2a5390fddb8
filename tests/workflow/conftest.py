"""A project that DeepLabCut made and evaluated, with the weights it was evaluated with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from finds_disc import FindsDisc

from dlcx.store import chunks
from dlcx.workflow.analysis import loading
from dlcx.workflow.analyze_video import AnalyzedVideo, analyze_video

SNAPSHOT = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train/snapshot-010.pt"


@pytest.fixture
def project(golden: Path, tmp_path: Path) -> Path:
    """DeepLabCut's single-animal project: 8 labelled images, shuffle 1 with resnet_50, no snapshot."""
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

    from dlcx.formats.model_config import read_model_config
    from dlcx.formats.snapshot import write_snapshot
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

    def load_predictor(*args: object, **options: object) -> SimpleNamespace:
        assert not loads, "the net is loaded once"
        loads.append(args)
        return SimpleNamespace(predictor=finds)

    monkeypatch.setattr(loading, "load_predictor", load_predictor)
    monkeypatch.setattr(chunks, "CHUNK_FRAMES", 8)
    finds.forget_load = loads.clear  # type: ignore[attr-defined]
    return finds


@pytest.fixture
def again(project: Path, net: FindsDisc) -> Callable[..., AnalyzedVideo]:
    """Analyse one video, as a process of its own would."""

    def call(path: Path, **options: object) -> AnalyzedVideo:
        net.forget_load()  # type: ignore[attr-defined]
        net.batches.clear()
        return analyze_video(project, path, **{"batch_size": 4, **options}).videos[0]  # type: ignore[arg-type]

    return call
