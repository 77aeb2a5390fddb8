"""The head of the page on adding a head learns, transfers its weights and is drawn, with no change to dlcx."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from dlcx.cli.app import run
from dlcx.formats.project_config import open_project
from dlcx.formats.weights.snapshot import write_snapshot
from dlcx.heads.batch_labels import BatchLabels
from dlcx.nets import registry
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.transfer import Origin, fill
from dlcx.poses import Layout
from dlcx.settings import ModelConfig
from dlcx.workflow.create_dataset import create_dataset

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-head.md"
NET = "resnet_18_soft_argmax"


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The package of the page, installed."""
    for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        path = tmp_path / "package" / re.match(r"# (\S+)", code)[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "package")
    entry = re.search(r'soft_argmax = "([\w.]+):(\w+)"', PAGE.read_text(encoding="utf-8"))

    def load():
        return getattr(__import__(entry[1], fromlist=["FAMILY"]), entry[2])

    installed = SimpleNamespace(name="soft_argmax", value=entry[0], load=load)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [installed] if group == "dlcx.nets" else [])
    registry._families.cache_clear()
    yield
    registry._families.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "soft_argmax"]:
        del sys.modules[name]


def built(*bodyparts: str):
    torch.manual_seed(0)
    config = ModelConfig.model_validate(model_config(NET, Layout(bodyparts)))
    return build_model(config, from_scratch=True), config


def test_it_learns_what_it_decodes() -> None:
    model, _ = built("a", "b")
    keypoints = torch.tensor([[[[20.0, 70, 2], [50, 30, 2]]], [[[60.0, 10, 2], [0, 0, 0]]]])
    labels = BatchLabels(keypoints, torch.zeros(2, 0, 3), torch.ones(2, 1), torch.zeros(2, 1, dtype=torch.int64))
    images = torch.randn(2, 3, 96, 96)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(40):
        loss = model.loss(model(images), labels)["total_loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    first, second = model.decode(model(images))
    np.testing.assert_allclose(first.animals.xy[0], keypoints[0, 0, :, :2], atol=4)
    np.testing.assert_allclose(second.animals.xy[0, 0], (60, 10), atol=4)  # the other is not labeled


def test_its_weights_follow_the_bodyparts() -> None:
    source, source_config = built("a", "b", "c")
    own, config = built("c", "new", "a")
    names = {"bodypart": source_config.metadata.bodyparts}
    said = fill(own, config, Origin("weights", source.state_dict(), names))
    assert "(2 of 3 keypoints; new: new)" in said
    weights = [model.state_dict()["heads.bodypart.layer.weight"] for model in (own, source)]
    assert torch.equal(weights[0][[0, 2]], weights[1][[2, 0]])


def test_its_maps_are_drawn(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    create_dataset(project, net_type=NET, weights="none", shuffle=7)
    shuffle = open_project(project).shuffle(7)
    model, _ = built(*open_project(project).layout.bodyparts)
    shuffle.train_dir.mkdir(parents=True, exist_ok=True)
    weights = model.state_dict()
    write_snapshot(shuffle.train_dir / "snapshot-001.pt", model=weights, epoch=1, metrics={}, losses={})
    monkeypatch.chdir(project)
    image = next((project / "labeled-data").glob("*/*.png"))
    assert run(["score-maps", str(image), "--shuffle", "7", "--out", str(tmp_path / "maps"), "-q"]) == 0
    (picture,) = (tmp_path / "maps").glob("*.png")
    assert "_scmap_" in picture.name
    assert cv2.imread(str(picture)).std() > 5
