"""What a training begins with, as far as the shuffle's files and the flag decide."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.dlcx_config import read_dlcx_config
from dlcx.formats.shuffles.model_config import read_model_config, write_model_config
from dlcx.formats.weights.snapshot import read_snapshot
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.poses import Layout
from dlcx.project import Shuffle
from dlcx.settings import DlcxConfig, ModelConfig
from dlcx.training.detector_stage import detector_stage
from dlcx.workflow.train import train


def place_of(root: Path) -> Shuffle:
    return open_project(root).shuffle(1)


def still(path: Path, **options) -> dict:
    """The weights that a training begins with: one epoch that learns nothing."""
    train(path, epochs=1, overrides=["runner.optimizer.params.lr=0"], **options)
    return dict(read_snapshot(place_of(path).snapshot("last").path).model)


def donor(folder: Path, bodyparts: tuple[str, ...]) -> dict:
    """A snapshot of the same net for other bodyparts, as in the train folder of another shuffle."""
    config = ModelConfig(**model_config("timm/test_resnet", Layout(bodyparts)))
    torch.manual_seed(7)
    state = build_model(config).state_dict()
    folder.mkdir()
    torch.save({"model": state, "metadata": {"epoch": 5}}, folder / "snapshot-005.pt")
    write_model_config(config, folder / "pytorch_config.yaml")
    return state


def test_weights_of_a_net_for_other_bodyparts_move_by_name(tiny, tmp_path):
    theirs = donor(tmp_path / "donor", ("blue", "green"))
    ours = still(tiny, weights=str(tmp_path / "donor" / "snapshot-005.pt"))
    key = "heads.bodypart.heatmap_head.deconv_layers.0.weight"
    assert torch.equal(ours[key][:, 1], theirs[key][:, 1])
    assert not torch.equal(ours[key][:, 0], theirs[key][:, 0])


def test_the_detector_begins_with_the_snapshot_that_weight_init_names(tmp_path):
    plain = model_config("top_down_resnet_50", Layout(("nose",)))
    plain["train_settings"]["weight_init"] = {"snapshot_path": "pose.pt", "detector_snapshot_path": "detector.pt"}
    config = ModelConfig(**plain)
    place = Shuffle(None, 1, 0.95)

    def weights(**own: str) -> str:
        return detector_stage(place, config, DlcxConfig(**own)).weights

    assert weights(weights="weight_init") == "detector.pt"
    assert weights(weights="weight_init", detector_weights="none") == "none"
    assert weights(weights="imagenet") == "coco"


def test_weight_init_that_another_choice_replaces_is_named(tiny, caplog):
    train(tiny, epochs=1, overrides=["train_settings.weight_init.snapshot_path=x.pt"])
    assert "train_settings.weight_init has no effect: training starts from none" in caplog.text
    assert "use --weights weight_init to apply it" in caplog.text


def test_a_shuffle_of_deeplabcut_begins_with_its_weight_init(tiny, tmp_path):
    """It has no dlcx.yaml; a flag still wins."""
    theirs = donor(tmp_path / "donor", ("a", "b", "c"))
    place = place_of(tiny)
    place.dlcx_config_path.unlink()
    config = read_model_config(place.model_config_path).plain()
    config["train_settings"]["weight_init"] = {
        "snapshot_path": str(tmp_path / "donor" / "snapshot-005.pt"),
        "dataset": "superanimal_mine",
        "with_decoder": True,
        "conversion_array": [2, 0],
        "bodyparts": ["red", "green"],
    }
    write_model_config(ModelConfig(**config), place.model_config_path)
    ours = still(tiny)
    key = "heads.bodypart.heatmap_head.deconv_layers.0.weight"
    assert torch.equal(ours[key], theirs[key][:, [2, 0]])
    assert read_dlcx_config(place.dlcx_config_path).weights == "weight_init"
    other = still(tiny, weights="none", resume="none", overwrite=True)
    assert not torch.equal(other[key], ours[key])


def test_first_weights_are_remembered(tiny, tmp_path):
    shutil.copytree(tiny, tiny.parent / "source")
    train(tiny.parent / "source", epochs=1)
    source = place_of(tiny.parent / "source").snapshot_path(1)
    train(tiny, epochs=1, weights=source, overrides=["runner.optimizer.params.lr=0"])
    assert read_dlcx_config(place_of(tiny).dlcx_config_path).weights == str(source)
    learned = dict(read_snapshot(place_of(tiny).snapshot_path(1)).model)
    name = "backbone.model.conv1.0.weight"
    assert torch.equal(learned[name], read_snapshot(source).model[name])
