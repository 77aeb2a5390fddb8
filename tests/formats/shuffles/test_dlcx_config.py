"""dlcx.yaml: defaults without a file, a round trip, and where the paths of a copied project lead."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.dlcx_config import (
    read_dlcx_config,
    shuffle_dlcx_config,
    weights_source,
    write_dlcx_config,
)
from dlcx.settings import DlcxConfig


def test_round_trip_and_defaults(tmp_path: Path) -> None:
    path = tmp_path / "dlcx.yaml"
    assert read_dlcx_config(path) == DlcxConfig()
    config = DlcxConfig(net_type="timm/x", weights="/w/a.pt", split="video", seed=3, overrides=["a=1"])
    write_dlcx_config(config, path)
    assert read_dlcx_config(path) == config
    path.write_text("net_typ: resnet_50\n")
    with pytest.raises(DlcxError, match=r"dlcx\.yaml: net_typ: unknown key") as caught:
        read_dlcx_config(path)
    assert "net_type" in caught.value.hint


def test_a_file_of_version_0_1(tmp_path: Path) -> None:
    (tmp_path / "dlcx.yaml").write_text(
        "# What only dlcx knows of this shuffle; DeepLabCut does not read it.\nnet_type: resnet_50\nweights: imagenet\n"
        "detector:\ndetector_weights:\nsplit: frame\nseed: 42\nfrom_shuffle:\noverrides: []\n"
    )
    assert read_dlcx_config(tmp_path / "dlcx.yaml") == DlcxConfig(net_type="resnet_50", seed=42)


def test_paths_of_a_copied_project_lead_into_the_copy(tmp_path: Path, golden: Path) -> None:
    shutil.copyfile(golden / "files" / "sa" / "config.yaml", tmp_path / "config.yaml")
    shuffle = replace(open_project(tmp_path), stored_root="/old").shuffle(1)
    write_dlcx_config(DlcxConfig(weights="/old/dlc-models-pytorch/a.pt"), shuffle.dlcx_config_path)
    assert shuffle_dlcx_config(shuffle).weights == str(tmp_path / "dlc-models-pytorch/a.pt")
    write_dlcx_config(DlcxConfig(weights="none", detector_weights="/w/b.pt"), shuffle.dlcx_config_path)
    assert shuffle_dlcx_config(shuffle) == DlcxConfig(weights="none", detector_weights="/w/b.pt")


@pytest.mark.parametrize("word", ["imagenet", "coco", "none", "weight_init", "superanimal_quadruped"])
def test_words_are_kept_and_paths_made_absolute(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert weights_source(word) == word
    assert weights_source("a.pt") == str(tmp_path.resolve() / "a.pt")


def test_the_detector_starts_from_coco_unless_the_network_starts_from_nothing() -> None:
    assert DlcxConfig().detector_source == "coco"
    assert DlcxConfig(weights="none").detector_source == "none"
    assert DlcxConfig(weights="none", detector_weights="/w/b.pt").detector_source == "/w/b.pt"
