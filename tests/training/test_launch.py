"""Two processes train what one does: equal losses, one writes, and they stop, fail and go on together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from test_train import copy, place_of, result_of, same
from two_animals import two_animals

from dlcx.cli.app import run
from dlcx.formats.shuffles.learning_stats import read_learning_stats
from dlcx.formats.shuffles.model_config import write_model_config
from dlcx.formats.weights.snapshot import read_snapshot
from dlcx.nets.configure import model_config
from dlcx.poses import Layout
from dlcx.settings import ModelConfig
from dlcx.stopping import StopRequest
from dlcx.training.resume_state import read_state
from dlcx.training.torch_process_group import TorchProcessGroup
from dlcx.workflow.train import train

pytestmark = pytest.mark.posix

#: Runs ``dlcx`` with dropout in every net.
DROPOUT = """
import sys, torch
import dlcx.nets.model as model
from dlcx.__main__ import main
forward = model.PoseModel.forward
model.PoseModel.forward = lambda self, images: forward(
    self, torch.nn.functional.dropout(images, 0.1, self.training))
main()
"""


@pytest.fixture
def layers(tiny: Path) -> Path:
    """The tiny project with a net whose norms are of layers: nothing in it depends on the other images of a batch."""
    plain = model_config("timm/test_convnext", Layout(("red", "green")))
    plain["data"]["train"]["crop_sampling"] = {"width": 64, "height": 64, "max_shift": 0.1, "method": "hybrid"}
    plain["runner"] |= {"eval_interval": 2, "snapshots": {"max_snapshots": 3, "save_epochs": 2}}
    plain["train_settings"] = {"batch_size": 3, "epochs": 3, "seed": 1}
    write_model_config(ModelConfig.model_validate(plain), place_of(tiny).model_config_path)
    return tiny


def assert_alike(one: Path, other: Path, *, detector: bool = False, rtol: float = 1e-5, metrics: bool = True) -> None:
    """The same epochs, losses and errors."""
    files = [place_of(root).training_files(detector=detector).learning_stats for root in (one, other)]
    first, second = map(read_learning_stats, files)
    assert len(first) == len(second) > 0
    for row, again in zip(first, second, strict=True):
        assert row.keys() == again.keys()
        for name in row:
            if metrics or not name.startswith("metrics/"):
                assert again[name] == pytest.approx(row[name], rel=rtol, nan_ok=True), name


@contextmanager
def started(root: Path, *words: str, program: tuple[str, ...] = ("-m", "dlcx")) -> Iterator[subprocess.Popen]:
    """``dlcx train`` in a process of its own; ended at the end, whatever happens."""
    command = [sys.executable, *program, "train", "-q", "-p", str(root), *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        try:
            yield running
        finally:
            running.kill()  # those it has started end with it


def wait_for(root: Path, epoch: int, running: subprocess.Popen) -> None:
    """Until the epoch is in the log."""
    log = place_of(root).train_log_path
    while running.poll() is None and not (log.is_file() and f"Epoch {epoch}/" in log.read_text()):
        time.sleep(0.05)


def children(running: subprocess.Popen) -> list[int]:
    """Process ids of the ranks, the first one first."""
    found = subprocess.run(["pgrep", "-P", str(running.pid)], capture_output=True, text=True, check=True).stdout
    return sorted(map(int, found.split()))


def only_error(text: str) -> str:
    """The one line that says what went wrong."""
    (line,) = [line for line in text.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in text
    return line


def test_two_processes_train_as_one_and_one_goes_on_from_two(layers, capfd):
    straight = copy(layers, "straight")
    train(straight, epochs=4, batch_size=7)  # 8 images: one of two processes has none of the last batch
    assert run(["train", "-p", str(layers), "--epochs", "2", "--batch-size", "7", "--devices", "2"]) == 0
    out, err = capfd.readouterr()
    assert out.count("trained: tinyJan2-trainset80shuffle1, 2 epochs") == 1
    for line in ("warning: tinyJan2-trainset80shuffle1 has not learned: ", "hint: Next: ", "hint: Then: "):
        assert err.count(line) == 1, err
    assert not (place_of(layers).train_dir / "train.lock").exists()
    assert len(place_of(layers).train_log_path.read_text().splitlines()) == 2
    train(layers, epochs=4)
    assert_alike(straight, layers)
    one, other = (read_snapshot(place_of(root).snapshot_path(4)).model for root in (straight, layers))
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_two_go_on_from_one(layers):
    straight = copy(layers, "straight")
    train(straight, epochs=4)
    train(layers, epochs=2)
    result = train(layers, epochs=4, devices=2)
    assert (result.epoch, result.trained) == (4, 2)
    assert [path.name for path in result.snapshots] == [path.name for path in train(straight).snapshots]
    assert_alike(straight, layers)


@pytest.mark.slow
@pytest.mark.parametrize("net", ["timm/test_resnet", "dekr_w18"])
def test_batch_norms_are_over_the_whole_batch(tmp_path, net):
    one, two = (two_animals(tmp_path / name, net) for name in ("one", "two"))
    # Adam divides by a gradient's own size, and random nets have gradients that are rounding alone
    plain = ["runner.optimizer={type: SGD, params: {lr: 0.02}}", "runner.scheduler=null"]
    train(one, overrides=plain)
    assert train(two, overrides=plain, devices=2).trained == 2
    assert_alike(one, two, rtol=1e-4, metrics=False)
    states = [read_state(place_of(root).resume_state_path)["model"] for root in (one, two)]
    moved = [name for name in states[0] if name.endswith(("running_var", "running_mean"))]
    assert moved
    for name in moved:
        assert (states[1][name] - states[0][name]).norm() <= 1e-3 * states[0][name].norm(), name


@pytest.mark.slow
def test_a_detector_and_its_net_train_together(tmp_path):
    first = two_animals(tmp_path / "first", "top_down_timm/test_resnet")
    weights = train(first, epochs=0, detector_epochs=2).detector.snapshots[-1]
    one, two = copy(first, "one"), copy(first, "two")
    frozen = {"epochs": 2, "detector_weights": str(weights), "overrides": ["detector.model.freeze_bn_stats=true"]}
    for root, devices in ((one, 1), (two, 2)):
        result = train(root, resume="none", overwrite=True, devices=devices, **frozen)
        assert (result.detector.trained, result.trained) == (2, 2)
    assert_alike(one, two, detector=True)
    assert_alike(one, two, rtol=1e-3, metrics=False)


def test_a_signal_that_comes_while_all_are_asked_counts_the_next_time(monkeypatch):
    """Else this process would stop alone, and both wait for each other for ever."""
    group, stop = TorchProcessGroup.__new__(TorchProcessGroup), StopRequest()

    def nobody_yet(values: list[int]) -> list[int]:
        stop.note(signal.SIGUSR1, None)
        return values

    monkeypatch.setattr(group, "all_reduce_max", nobody_yet)
    assert [group.stop_requested(stop) for _ in range(2)] == [False, True]


def test_a_signal_to_another_one_is_known_here(monkeypatch):
    group, stop = TorchProcessGroup.__new__(TorchProcessGroup), StopRequest()
    monkeypatch.setattr(group, "all_reduce_max", lambda values: (int(signal.SIGUSR1),))
    assert group.stop_requested(stop)
    assert stop.signal == "SIGUSR1"


@pytest.mark.slow
def test_a_training_of_two_that_is_stopped_ends_as_one_that_never_was(tiny):
    straight = copy(tiny, "straight")
    words = ("--devices", "2", "--set", "train_settings.batch_size=3")
    program = ("-c", DROPOUT)
    with started(straight, "--epochs", "60", *words, program=program) as running:
        assert running.wait() == 0
    with started(tiny, "--epochs", "60", *words, program=program) as running:
        wait_for(tiny, 3, running)
        os.kill(children(running)[1], signal.SIGUSR1)  # one of them is asked, all stop
        out, err = running.communicate()
    assert (running.returncode, out) == (75, "")
    assert only_error(err).startswith("error: stopped by SIGUSR1 in epoch")
    with started(tiny, "--epochs", "60", *words, program=program) as running:
        assert running.wait() == 0
    for mine, other in zip(result_of(straight), result_of(tiny), strict=True):
        assert same(mine, other)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_one_that_is_killed_ends_all_and_they_go_on(layers, victim):
    straight = copy(layers, "straight")
    train(straight, epochs=40, devices=2)
    with started(layers, "--epochs", "40", "--devices", "2") as running:
        wait_for(layers, 5, running)
        os.kill(children(running)[victim], signal.SIGKILL)
        out, err = running.communicate()
    assert (running.returncode, out) == (3, "")
    assert only_error(err) == f"error: process {victim + 1} of 2 was killed by SIGKILL"
    assert train(layers, epochs=40, devices=2).epoch == 40
    for mine, other in zip(result_of(straight), result_of(layers), strict=True):
        assert same(mine, other)


@pytest.mark.slow
def test_what_one_cannot_read_is_told_once(layers):
    broken = layers / "labeled-data" / "vid" / "img03.png"
    broken.write_bytes(b"")
    with started(layers, "--devices", "2") as running:
        out, err = running.communicate()
    assert (running.returncode, out) == (3, "")
    assert "img03.png" in only_error(err)


@pytest.mark.slow
def test_what_cannot_be_used_is_told_once(layers):
    for words, message in (
        (("--shuffle", "4"), "pytorch_config.yaml"),
        (("--batch-size", "1"), "train_settings.batch_size 1: 2 processes share a batch"),
        (("--device", "cuda:7"), "--device cuda:7"),
    ):
        with started(layers, "--devices", "2", *words) as running:
            out, err = running.communicate()
        assert (running.returncode, out) == (3, "")
        assert message in only_error(err)


@pytest.mark.slow
def test_torchrun_starts_it_too(layers):
    straight = copy(layers, "straight")
    train(straight)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "dlcx")
    with started(layers, program=torchrun) as running:
        out, err = running.communicate()
    assert running.returncode == 0, err
    assert out.count("trained: ") == 1
    assert err.count("hint: Next: dlcx evaluate") == 1
    assert_alike(straight, layers)
