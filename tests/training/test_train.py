"""Training a tiny net: resuming is exact, and what goes wrong is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError, Stopped
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.learning_stats import read_learning_stats
from dlcx.formats.shuffles.model_config import read_model_config
from dlcx.formats.weights.snapshot import read_snapshot, write_snapshot
from dlcx.poses import Labels
from dlcx.progress import Progress, Task
from dlcx.project import Shuffle
from dlcx.training.loop import Training
from dlcx.training.resume_state import read_state
from dlcx.workflow.train import train


class Signal(Progress):
    """Sends this process a signal at the n-th word of progress."""

    def __init__(self, at: int, kind: signal.Signals = signal.SIGTERM) -> None:
        self.at, self.kind, self.notes = at, kind, []

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        outer = self

        class Watch(Task):
            def advance(self, count: int = 1, note: str = "") -> None:
                outer.notes.append(note)
                if len(outer.notes) == outer.at:
                    signal.raise_signal(outer.kind)

        yield Watch()


def place_of(root: Path) -> Shuffle:
    return open_project(root).shuffle(1)


def result_of(root: Path) -> tuple[dict, list, dict]:
    """Everything a training leaves that a resumed one must leave bit for bit."""
    place = place_of(root)
    state = read_state(place.resume_state_path)
    weights = {path.name: dict(read_snapshot(path).model) for path in place.train_dir.glob("snapshot*.pt")}
    return state, read_learning_stats(place.learning_stats_path), weights


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return one == other or (one != one and other != other)


#: Dropout in the net, a schedule, an optimizer with momentum: all that a resumed run has to remember.
LIVELY = (
    "runner.optimizer={type: SGD, params: {lr: 0.01, momentum: 0.9}}",
    "runner.scheduler={type: CosineAnnealingLR, params: {T_max: 9}}",
)


@pytest.fixture
def dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets that draw from torch's generator in training."""
    import dlcx.nets.model as model

    forward = model.PoseModel.forward

    def dropped(self, images):
        return forward(self, torch.nn.functional.dropout(images, 0.1, self.training))

    monkeypatch.setattr(model.PoseModel, "forward", dropped)


def copy(root: Path, name: str) -> Path:
    import shutil

    return Path(shutil.copytree(root, root.parent / name))


def put_back(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let this be a job of SLURM that was put back into the queue so often."""
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", str(times))


def test_a_start_over_that_is_put_back_into_the_queue_goes_on(tiny, monkeypatch):
    straight = copy(tiny, "straight")
    train(straight, epochs=4)
    train(tiny, epochs=2, seed=5)
    over = {"epochs": 4, "seed": 1, "resume": "none", "overwrite": True}
    # put back before it had begun anything; stopped in the first epoch, in the third, and not at all
    for times, at, done in ((1, 2, 0), (2, 8, 2), (3, 0, 4)):
        put_back(monkeypatch, times)
        with pytest.raises(Stopped) if at else nullcontext():
            assert train(tiny, **over, progress=Signal(at)).trained == 2
        assert read_state(place_of(tiny).resume_state_path)["epoch"] == done
    states = [result_of(root)[0] for root in (straight, tiny)]
    assert [state.pop("job") for state in states] == ["", "slurm::7"]
    assert same(*states)
    assert same(*(result_of(root)[1:] for root in (straight, tiny)))
    assert train(tiny, **over).trained == 0
    monkeypatch.delenv("SLURM_RESTART_COUNT")  # said again in an allocation
    assert train(tiny, **over).trained == 4


def test_a_start_over_that_is_stopped_goes_on_without_the_flag(tiny):
    train(tiny, epochs=2)
    with pytest.raises(Stopped) as caught:
        train(tiny, epochs=3, resume="none", overwrite=True, progress=Signal(2))
    assert caught.value.hint == "Run the same command without --resume to resume."
    assert train(tiny, epochs=3).trained == 3


@pytest.mark.posix
def test_a_training_that_is_stopped_twice_ends_as_one_that_never_was(tiny, dropout):
    straight = copy(tiny, "straight")
    result = train(straight, epochs=4, overrides=LIVELY)
    assert (result.epoch, result.trained) == (4, 4)

    # 3 batches an epoch, the evaluation of epoch 2 speaks once: in the middle of epoch 1, then while evaluating
    for at, kind, epoch, batches in ((2, signal.SIGTERM, 0, 2), (5, signal.SIGUSR1, 1, 3)):
        with pytest.raises(Stopped, match=kind.name):
            train(tiny, epochs=4, overrides=LIVELY, progress=Signal(at, kind))
        state = read_state(place_of(tiny).resume_state_path)
        assert (state["epoch"], state["batches"]) == (epoch, batches)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    train(tiny, epochs=3, overrides=LIVELY, workers=2)
    last = place_of(tiny).snapshot_path(3)
    assert last.is_file()
    train(tiny, epochs=4, overrides=LIVELY)
    last.unlink()  # the last epoch of the shorter training is the only thing more

    for one, other in zip(result_of(straight), result_of(tiny), strict=True):
        assert same(one, other)


def test_a_training_that_was_killed_goes_on_from_what_lies_on_the_disk(tiny, dropout):
    straight = copy(tiny, "straight")
    train(straight, epochs=4, overrides=LIVELY)
    for at in (8, 5):  # in the middle of epochs 3 and 4
        with pytest.raises(KeyboardInterrupt):
            train(tiny, epochs=4, overrides=LIVELY, progress=Signal(at, signal.SIGINT))
    train(tiny, epochs=4, overrides=LIVELY)
    for one, other in zip(result_of(straight), result_of(tiny), strict=True):
        assert same(one, other)


def test_a_schedule_of_fewer_epochs_is_told_before_anything_is_written(tiny):
    """After a cycle of learning rates, more epochs need a longer cycle."""
    cycle = "runner.scheduler={type: OneCycleLR, params: {max_lr: 0.01, total_steps: 2}}"
    train(tiny, epochs=2, overrides=[cycle])
    place = place_of(tiny)
    before = {path.name: path.read_bytes() for path in place.train_dir.iterdir()}
    with pytest.raises(DlcxError, match=r"epochs is 4, but OneCycleLR of runner\.scheduler ends after 2") as told:
        train(tiny, epochs=4)
    assert "--set runner.scheduler.params.total_steps=4" in told.value.hint
    assert {path.name: path.read_bytes() for path in place.train_dir.iterdir()} == before
    assert train(tiny, epochs=4, overrides=["runner.scheduler.params.total_steps=4"]).epoch == 4


def test_a_second_training_of_a_shuffle_is_refused(tiny):
    from dlcx.locks import locked

    lock = place_of(tiny).train_lock
    with (
        locked(lock, "another one"),
        pytest.raises(DlcxError, match=r"the training of \S+ is held by process \d+ on"),
    ):
        train(tiny)
    train(tiny)
    assert not lock.exists()


def test_a_training_whose_folder_was_replaced_writes_nothing_into_the_new_one(tiny, monkeypatch):
    place, record = place_of(tiny), Training._record

    def replaced(self, epoch: int, *rest: object) -> None:
        record(self, epoch, *rest)
        if epoch == 1:
            place.train_dir.rename(tiny / "before")
            place.train_dir.mkdir()

    monkeypatch.setattr(Training, "_record", replaced)
    with pytest.raises(DlcxError, match="train was taken over"):
        train(tiny)
    assert not list(place.train_dir.iterdir())


def test_what_a_training_leaves(tiny):
    result = train(tiny)
    place = place_of(tiny)
    assert [path.name for path in result.snapshots] == ["snapshot-003.pt", "snapshot-best-002.pt"]
    rows = read_learning_stats(result.learning_stats)
    assert [row["step"] for row in rows] == [1, 2, 3]
    parts = ("bodypart_heatmap", "bodypart_locref", "bodypart_total_loss", "total_loss")
    train_names = {f"losses/train.{part}" for part in parts}
    test_names = {f"losses/eval.{part}" for part in parts} | {f"metrics/test.{name}" for name in ("rmse", "mAP", "mAR")}
    assert train_names | {"step"} == set(rows[0])
    assert train_names | test_names <= set(rows[1])
    log = place.train_log_path.read_text().splitlines()
    assert len(log) == 3
    assert "Epoch 2/3 (lr=0.0005), train loss" in log[1]
    assert ", valid loss " in log[1]
    assert result.learning_curve is not None
    assert result.learning_curve.stat().st_size > 10_000
    found = read_snapshot(result.snapshots[0])
    assert found.epoch == 3
    assert found.losses["train.total_loss"] == pytest.approx(rows[2]["losses/train.total_loss"])
    assert found.optimizer is None
    assert sorted(found.scheduler)[-1] == "milestones"
    assert "trained: tinyJan2-trainset80shuffle1, 3 epochs" in result.lines()
    assert result.next_steps[0] == "Next: dlcx evaluate"


def test_asking_again_is_success_and_more_epochs_go_on(tiny):
    train(tiny, epochs=1)
    before = place_of(tiny).resume_state_path.read_bytes()
    again = train(tiny)
    assert (again.epoch, again.trained) == (1, 0)
    assert again.lines()[0].startswith("already trained: tinyJan2-trainset80shuffle1, 1 epoch;")
    assert place_of(tiny).resume_state_path.read_bytes() == before
    assert train(tiny, epochs=2).trained == 1
    assert read_model_config(place_of(tiny).model_config_path).train_settings.epochs == 2


def test_the_net_learns(tiny):
    rows = read_learning_stats(train(tiny, epochs=6, overrides=["runner.optimizer.params.lr=0.003"]).learning_stats)
    losses = [row["losses/train.total_loss"] for row in rows]
    assert losses[-1] < 0.5 * losses[0]


def test_a_changed_learning_rate_holds_from_here_on_and_is_named(tiny, caplog):
    train(tiny, epochs=1)
    train(tiny, epochs=2, overrides=["runner.optimizer.params.lr=0.0125"])
    assert "changed since epoch 1: optimizer" in caplog.text
    state = read_state(place_of(tiny).resume_state_path)
    assert state["optimizer"]["param_groups"][0]["lr"] == 0.0125
    assert state["optimizer"]["state"][0]["step"] == 6  # the averages of the first epoch are kept
    train(tiny, epochs=3, overrides=["runner.optimizer={type: SGD, params: {lr: 0.1}}"])
    assert "the type of optimizer changed" in caplog.text
    caplog.clear()
    train(tiny, epochs=4)
    assert "changed since" not in caplog.text
    assert "the type of optimizer changed" not in caplog.text


def test_without_a_saved_state_the_last_snapshot_and_the_best_score_are_gone_on_from(tiny, caplog):
    train(tiny, epochs=3)
    place = place_of(tiny)
    place.resume_state_path.unlink()
    best = place.snapshot_path(2, best=True)
    found = read_snapshot(best)
    write_snapshot(best, model=found.model, epoch=2, metrics={"metrics/test.mAP": 100.0}, losses={})
    result = train(tiny, epochs=4)
    assert result.trained == 1
    assert (result.best_epoch, result.best_score) == (2, 100.0)
    assert "snapshot-003.pt has no optimizer state" in caplog.text
    assert [row["step"] for row in read_learning_stats(result.learning_stats)] == [1, 2, 3, 4]


def test_a_snapshot_of_another_training_is_continued(tiny, tmp_path):
    other = tmp_path / "old-012.pt"
    train(copy(tiny, "source"), epochs=2)
    model = read_snapshot(place_of(tiny.parent / "source").snapshot_path(2, best=True)).model
    write_snapshot(other, model=model, epoch=12, metrics={}, losses={})
    with pytest.raises(DlcxError, match="already has 12 epochs, and --epochs 3 is the total"):
        train(tiny, resume=str(other))
    result = train(tiny, epochs=13, overrides=[f"resume_training_from={other}"])
    assert (result.epoch, result.trained) == (13, 1)
    assert [row["step"] for row in read_learning_stats(result.learning_stats)] == [13]


def test_starting_over_gives_the_same_net_again(tiny):
    train(tiny, epochs=2)
    first = result_of(tiny)
    with pytest.raises(DlcxError, match="--resume none"):
        train(tiny, resume="none")
    train(tiny, resume="none", overwrite=True)
    for one, other in zip(first, result_of(tiny), strict=True):
        assert same(one, other)
    assert len(place_of(tiny).train_log_path.read_text().splitlines()) == 4


def test_another_seed_is_another_training(tiny):
    losses = [
        read_learning_stats(train(copy(tiny, name), epochs=1, seed=seed).learning_stats)
        for name, seed in (("a", 1), ("b", 2))
    ]
    assert losses[0] != losses[1]


def test_it_stops_early_once_nothing_becomes_better(tiny):
    overrides = ["runner.eval_interval=1", "runner.optimizer.params.lr=0", "runner.key_metric=test.rmse"]
    (first,) = train(copy(tiny, "first"), epochs=1, overrides=["runner.eval_interval=9"]).snapshots
    overrides.append("model.backbone.freeze_bn_stats=true")
    result = train(tiny, epochs=9, early_stop=2, weights=str(first), overrides=overrides)
    assert (result.epoch, result.stopped_early, result.best_epoch) == (3, True, 1)
    assert place_of(tiny).snapshot_path(3).is_file()
    again = train(tiny, early_stop=2)
    assert (again.trained, again.stopped_early) == (0, True)


def test_a_loss_that_is_not_finite_ends_it_with_its_parts_and_images(tiny, monkeypatch):
    import dlcx.nets.model as model

    train(tiny, epochs=2)
    before = sorted(path.name for path in place_of(tiny).train_dir.glob("*.pt"))
    loss = model.PoseModel.loss
    calls = []

    def broken(self, outputs, labels):
        calls.append(1)
        found = loss(self, outputs, labels)
        return {
            name: value * (np.nan if len(calls) == 2 and "locref" not in name else 1) for name, value in found.items()
        }

    monkeypatch.setattr(model.PoseModel, "loss", broken)
    with pytest.raises(
        DlcxError, match=r"epoch 3: the loss is not finite: .*total_loss nan; images: vid/img0\d\.png,"
    ) as caught:
        train(tiny, epochs=4)
    assert caught.value.exit_code == 3
    assert "lr" in caught.value.hint
    assert sorted(path.name for path in place_of(tiny).train_dir.glob("*.pt")) == before
    monkeypatch.undo()
    assert train(tiny, epochs=4).trained == 2


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried\nmore"), "out of memory: CUDA out", "--batch-size"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
            "out of memory: Default",
            "crop_sampling",
        ),
        (type("Failed", (RuntimeError,), {"__module__": "torch._inductor.exc"})("no g++"), "--compile: .* no g", "out"),
    ],
)
def test_what_torch_cannot_do_here_is_explained(tiny, monkeypatch, error, message, hint):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr(torch, "compile", lambda model, **_: broken)
    with pytest.raises(DlcxError, match=message) as caught:
        train(tiny, compile=True)
    assert hint in caught.value.hint


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_learns_and_resumes(tiny, precision):
    straight = copy(tiny, "straight")
    train(straight, epochs=3, precision=precision)
    train(tiny, epochs=2, precision=precision)
    train(tiny, epochs=3, precision=precision)
    one, other = result_of(straight), result_of(tiny)
    assert same(one[0], other[0])
    assert same(one[1], other[1])
    assert bool(one[0]["scaler"]) is (precision == "fp16")


def test_without_test_images_nothing_is_evaluated(tiny):
    from dlcx.formats.shuffles.splits import Split
    from dlcx.formats.shuffles.training_set import write_documentation

    write_documentation([], Split(np.arange(8), np.arange(0), 1.0), place_of(tiny).documentation_path)
    result = train(tiny, epochs=2)
    assert (result.best_epoch, result.test_error) == (None, None)
    assert result.learning_curve.is_file()


def test_an_interrupted_training_without_a_snapshot_recommends_what_works(tiny, capsys):
    """Fewer epochs than asked for first: everything asked for is trained, and nothing is saved to evaluate."""
    path = place_of(tiny).model_config_path
    path.write_text(
        path.read_text().replace("save_epochs: 2", "save_epochs: 25").replace("eval_interval: 2", "eval_interval: 25")
    )
    with pytest.raises(Stopped):
        train(tiny, epochs=9, progress=Signal(7))
    epoch = read_state(place_of(tiny).resume_state_path)["epoch"]
    assert epoch > 0
    assert place_of(tiny).snapshots() == []
    result = train(tiny, epochs=epoch)
    assert (result.epoch, result.trained, result.snapshots) == (epoch, 0, ())
    (step,) = result.next_steps
    assert step == f"No snapshot is saved yet. Next: dlcx train --epochs {epoch + 1}"
    again = train(tiny, epochs=epoch + 1)
    assert [path.name for path in again.snapshots] == [f"snapshot-{epoch + 1:03d}.pt"]
    assert again.next_steps[0] == "Next: dlcx evaluate"


def test_images_of_different_sizes_are_batched(tiny):
    import cv2

    wide = tiny / "labeled-data" / "vid" / "img03.png"
    cv2.imwrite(str(wide), np.zeros((70, 120, 3), np.uint8))
    assert train(tiny, epochs=1, overrides=["data.train.crop_sampling=null"]).trained == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shuffle": 7}, "shuffle7"),
        ({"overrides": ["train_settings.epoch=3"]}, "epoch"),
        ({"overrides": ["runner.key_metric=test.map"]}, "key_metric"),
        ({"overrides": ["runner.optimizer.type=AdamX"]}, "AdamX"),
        ({"precision": "fp8"}, "fp8"),
        ({"device": "gpu"}, "gpu"),
        ({"logger": "wandbb"}, "wandbb"),
        ({"weights": "no/such/file.pt"}, "no/such/file.pt"),
        ({"epochs": 0}, "epochs"),
        ({"early_stop": 0}, "--early-stop 0"),
    ],
)
def test_what_cannot_be_used_is_named_before_anything_is_written(tiny, options, message):
    before = sorted(tiny.rglob("*"))
    config = place_of(tiny).model_config_path.read_text()
    with pytest.raises(DlcxError, match=message):
        train(tiny, **options)
    assert sorted(tiny.rglob("*")) == before
    assert place_of(tiny).model_config_path.read_text() == config


def test_a_net_that_was_changed_since_is_refused(tiny):
    train(tiny, epochs=1)
    with pytest.raises(DlcxError, match="dlcx-resume"):
        train(tiny, epochs=2, overrides=["model.heads.bodypart.heatmap_config.kernel_size=[5]"])


def test_a_broken_state_and_changed_bodyparts_are_named(tiny):
    place = place_of(tiny)
    place.resume_state_path.write_bytes(b"cut off")
    with pytest.raises(DlcxError, match=r"dlcx-resume\.pt: cannot be read"):
        train(tiny)
    config = tiny / "config.yaml"
    config.write_text(config.read_text().replace("- green", "- blue"))
    with pytest.raises(DlcxError, match=r"metadata\.bodyparts"):
        train(tiny)


def damaged(state: dict, key: str) -> dict:
    """A training's state of which one thing is wrong."""
    moments = state["optimizer"]["state"][0]
    if key == "weights":
        state["model"]["backbone.model.conv1.0.weight"][0] = torch.nan
    elif key == "nan":
        moments["momentum_buffer"][0] = torch.nan
    elif key == "shape":
        moments["momentum_buffer"] = torch.zeros(2)
    elif key == "random":
        state["random"]["torch"] = torch.zeros(3)
    else:
        del state[key]
    return state


def test_a_damaged_state_is_named(tiny):
    """Each of these once went into the net, or ended in a traceback."""
    train(tiny, epochs=1, overrides=LIVELY)
    path = place_of(tiny).resume_state_path
    whole = path.read_bytes()
    first = r"momentum_buffer of backbone\.model\.conv1\.0\.weight"
    for key, says in (
        ("weights", r"backbone\.model\.conv1\.0\.weight holds \d+ of 432 values that are not finite"),
        ("nan", rf"the optimizer's {first} holds values that are not finite"),
        ("shape", rf"the optimizer's {first} has shape \(2,\), expected \(16, 3, 3, 3\)"),
        ("recipe", "expected a training state with weights"),
        ("epoch", "not the state of this training: 'epoch'"),
        ("scheduler", "not the state of this training: 'scheduler'"),
        ("random", "not the state of this training: "),
    ):
        torch.save(damaged(torch.load(path, weights_only=True), key), path)
        with pytest.raises(DlcxError, match=rf"dlcx-resume\.pt: {says}") as caught:
            train(tiny, epochs=2, overrides=LIVELY)
        assert caught.value.hint
        path.write_bytes(whole)
    assert train(tiny, epochs=2, overrides=LIVELY).trained == 1


def test_labels_may_be_partly_missing(tiny):
    project = open_project(tiny)
    labels = read_labels(project.merged_labels_path, project.layout, "me")
    xy = labels.xy.copy()
    xy[0] = np.nan
    xy[1, 0, 1] = np.nan
    xy[8] = np.nan  # a test image that shows nobody
    write_labels(Labels(labels.layout, labels.images, xy, labels.unique_xy), project.merged_labels_path, "me")
    assert train(tiny, epochs=2).trained == 2
    row = read_learning_stats(project.shuffle(1).learning_stats_path)[-1]
    assert np.isfinite(row["losses/eval.total_loss"])


def test_the_command_stopped_by_sigterm_exits_75_and_goes_on(tiny):
    command = [sys.executable, "-m", "dlcx", "train", "-p", str(tiny), "--epochs", "2000"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    log = place_of(tiny).train_log_path
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as running:
        while running.poll() is None and not (log.is_file() and "Epoch 1/" in log.read_text()):
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=300)
    assert running.returncode == 75
    assert out == ""
    assert "error: stopped by SIGTERM in epoch" in err
    assert "hint: Run the same command again to resume." in err
    done = read_state(place_of(tiny).resume_state_path)["epoch"]
    assert train(tiny, epochs=done + 1).trained == 1
