import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.formats.weights.snapshot import read_snapshot, write_snapshot


class Evil:
    def __reduce__(self):
        return print, ("code of a stranger",)


def test_round_trip(tmp_path):
    path = tmp_path / "train" / "snapshot-best-010.pt"
    model = {"backbone.weight": torch.randn(3, 2), "head.bias": torch.arange(4)}
    write_snapshot(
        path, model=model, epoch=10, metrics={"metrics/test.mAP": np.float32(12.5)}, losses={"train.total_loss": 0.5}
    )
    raw = torch.load(path, weights_only=True)
    assert raw["metadata"] == {"epoch": 10, "metrics": {"metrics/test.mAP": 12.5}, "losses": {"train.total_loss": 0.5}}
    assert isinstance(raw["model"], OrderedDict)
    assert set(raw) == {"metadata", "model"}
    read = read_snapshot(path)
    assert (read.epoch, read.metrics, read.losses) == (10, {"metrics/test.mAP": 12.5}, {"train.total_loss": 0.5})
    assert all(torch.equal(read.model[name], tensor) for name, tensor in model.items())
    assert read.scheduler is None
    assert read.optimizer is None


def test_scheduler_and_optimizer_are_kept(tmp_path):
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    path = tmp_path / "snapshot-001.pt"
    write_snapshot(
        path,
        model=layer.state_dict(),
        epoch=1,
        metrics={},
        losses={},
        scheduler={"last_epoch": 1, "lr_list": [[1e-4]]},
        optimizer=optimizer.state_dict(),
    )
    read = read_snapshot(path)
    assert read.scheduler == {"last_epoch": 1, "lr_list": [[1e-4]]}
    assert read.optimizer["param_groups"][0]["lr"] == 0.1


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64])
def test_numpy_numbers_of_old_snapshots_are_read(tmp_path, kind):
    path = tmp_path / "snapshot-002.pt"
    metadata = {"epoch": 2, "metrics": {"metrics/test.rmse": kind(3)}, "losses": {}}
    torch.save({"metadata": metadata, "model": OrderedDict(a=torch.ones(1))}, path)
    assert read_snapshot(path).metrics == {"metrics/test.rmse": 3.0}


def test_nothing_else_is_unpickled(tmp_path, capsys):
    path = tmp_path / "snapshot-003.pt"
    torch.save({"metadata": Evil(), "model": {}}, path)
    with pytest.raises(DlcxError, match="cannot be read as weights"):
        read_snapshot(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(DlcxError, match="cannot be read as weights"):
        read_snapshot(path)
    assert "stranger" not in capsys.readouterr().out


def test_broken_files_are_named(tmp_path):
    whole = tmp_path / "snapshot-004.pt"
    write_snapshot(whole, model={"a": torch.zeros(1000)}, epoch=4, metrics={}, losses={})
    cut = tmp_path / "snapshot-005.pt"
    cut.write_bytes(whole.read_bytes()[:2000])
    backbone = tmp_path / "resnet.pt"
    torch.save({"conv1.weight": torch.zeros(1)}, backbone)
    for path, says in [(cut, "cannot be read"), (tmp_path / "none.pt", "no such file"), (backbone, "key 'model'")]:
        with pytest.raises(DlcxError, match=says):
            read_snapshot(path)


def test_numbers_of_ruamel_yaml_are_read(tmp_path):
    """The first SuperAnimal checkpoints hold settings as ruamel.yaml read them."""
    from ruamel.yaml.scalarfloat import ScalarFloat

    path = tmp_path / "pose_model.pth"
    lr = ScalarFloat(1e-4, width=6, prec=1)
    torch.save({"model": OrderedDict(a=torch.ones(1)), "optimizer": {"lr": lr}}, path)
    assert read_snapshot(path).optimizer["lr"] == 1e-4


def test_a_flipped_bit_is_noticed(tmp_path):
    """Weights with a wrong bit are numbers as others are, and give other poses: only the checksum tells."""
    path = tmp_path / "snapshot-004.pt"
    write_snapshot(path, model={"a": torch.arange(1000.0)}, epoch=4, metrics={}, losses={})
    assert torch.equal(read_snapshot(path).model["a"], torch.arange(1000.0))
    content = bytearray(path.read_bytes())
    at = content.find(torch.arange(500.0, 510.0).numpy().tobytes())
    content[at + 2] ^= 1
    path.write_bytes(bytes(content))
    assert torch.load(path, weights_only=True)["model"]["a"].isfinite().all()
    with pytest.raises(DlcxError, match=r"snapshot-004\.pt is damaged: the checksum of .*/data/0 does not match"):
        read_snapshot(path)


def test_a_message_does_not_list_all_tensors(tmp_path):
    path = tmp_path / "snapshot-004.pt"
    torch.save({f"layer{number:04}.weight": torch.zeros(1) for number in range(900)}, path)
    with pytest.raises(DlcxError, match=r"got layer0000\.weight, .*, layer0004\.weight, \.\.\.$"):
        read_snapshot(path)
