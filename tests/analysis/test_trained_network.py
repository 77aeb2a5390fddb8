import shutil

import numpy as np
import pytest
import torch

from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import shuffle_config, write_model_config
from dlcx.formats.weights.snapshot import write_snapshot
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.project import Shuffle
from dlcx.settings import ModelConfig


@pytest.fixture
def shuffle(golden, tmp_path) -> Shuffle:
    """A shuffle of a tiny net with the snapshots of epochs 5 (best) and 10."""
    shutil.copyfile(golden / "files" / "sa" / "config_as_created.yaml", tmp_path / "config.yaml")
    shuffle = open_project(tmp_path).shuffle(1)
    config = ModelConfig.model_validate(model_config("timm/test_resnet", shuffle.project.layout))
    write_model_config(config, shuffle.model_config_path)
    for name, epoch in (("snapshot-best-005.pt", 5), ("snapshot-010.pt", 10)):
        torch.manual_seed(epoch)
        model = build_model(config)
        write_snapshot(shuffle.train_dir / name, model=model.state_dict(), epoch=epoch, metrics={}, losses={})
    return shuffle


def test_the_best_snapshot_is_loaded_and_named(shuffle):
    loaded = TrainedNetwork.find(shuffle, device="cpu")
    assert (loaded.snapshot.epoch, loaded.snapshot.best) == (5, True)
    assert loaded.scorer == shuffle.scorer("timm/test_resnet", loaded.snapshot)
    assert "TimmTestResnet" in loaded.scorer
    assert loaded.scorer.endswith("snapshot_best-5")
    assert not loaded.model.training
    found = loaded.predictor.predict(np.zeros((2, 64, 64, 3), np.uint8))
    assert [prediction.animals.xy.shape for prediction in found] == [(1, len(shuffle.project.layout.bodyparts), 2)] * 2


def test_other_snapshots_have_other_weights(shuffle):
    best, last = (TrainedNetwork.find(shuffle, snapshot=name, device="cpu").model for name in ("best", "last"))
    key = next(iter(best.state_dict()))
    assert not torch.equal(best.state_dict()[key], last.state_dict()[key])


def test_a_snapshot_of_another_net_is_refused(shuffle):
    block = model_config("timm/test_efficientnet", shuffle.project.layout)
    write_model_config(ModelConfig.model_validate(block), shuffle.model_config_path)
    with pytest.raises(DlcxError, match=r"snapshot .*snapshot-best-005\.pt (lacks|holds|has) "):
        _ = TrainedNetwork.find(shuffle, device="cpu").predictor


def test_a_shuffle_without_files(golden, tmp_path):
    shutil.copyfile(golden / "files" / "sa" / "config_as_created.yaml", tmp_path / "config.yaml")
    with pytest.raises(DlcxError) as caught:
        TrainedNetwork.find(open_project(tmp_path).shuffle(1), device="cpu")
    assert "dlcx create-dataset" in caught.value.hint


def test_the_configuration_is_read_once_and_weights_at_first_use(shuffle, monkeypatch):
    read, loaded = [], []
    from dlcx.analysis import network_loading, trained_network

    shuffle_config, load_network = trained_network.shuffle_config, network_loading.load_network
    monkeypatch.setattr(trained_network, "shuffle_config", lambda one: read.append(one) or shuffle_config(one))
    monkeypatch.setattr(network_loading, "load_network", lambda net: loaded.append(net) or load_network(net))
    nets = TrainedNetwork.find_each(shuffle, snapshot="all", device="cpu")
    for net in nets:
        net.check()
    assert [net.snapshot.uid for net in nets] == ["10", "best-5"]
    assert (len(read), len(loaded)) == (1, 0)
    assert nets[0].predictor is nets[0].predictor
    assert nets[0].with_engine("torch").predictor is nets[0].predictor
    assert nets[1].predictor is not nets[0].predictor
    assert (len(read), len(loaded)) == (1, 2)


def test_a_deleted_snapshot_is_no_error_for_a_lookup(shuffle):
    config = shuffle_config(shuffle)
    kept = TrainedNetwork.find_if_kept(shuffle, config, snapshot="last", detector_snapshot=None)
    assert kept is not None
    assert kept.snapshot.epoch == 10
    for path in shuffle.train_dir.glob("*.pt"):
        path.unlink()
    assert TrainedNetwork.find_if_kept(shuffle, config, snapshot="last", detector_snapshot=None) is None
    with pytest.raises(DlcxError, match="has no detector"):
        TrainedNetwork.find_if_kept(shuffle, config, snapshot="last", detector_snapshot="best")
