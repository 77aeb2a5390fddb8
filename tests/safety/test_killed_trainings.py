"""Trainings that are killed at random moments end with the weights of one that never was, bit for bit."""

from __future__ import annotations

import random
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from several_animals import PAF, TOP_DOWN, make_project
from victims import Victims

from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.learning_stats import read_learning_stats
from dlcx.formats.weights.snapshot import read_snapshot
from dlcx.training.resume_state import read_state

pytestmark = pytest.mark.posix

KILLS = 5
PHASES = ("learning", "snapshot", "state")
#: An optimizer that remembers, snapshots and evaluations in between.
FLAGS = ("--epochs", "6", "--batch-size", "2", "--workers", "0", "-q")
FLAGS += ("--set", "runner.eval_interval=2", "--set", "runner.snapshots.save_epochs=2")


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    with Victims(tmp_path_factory.mktemp("victims") / "said.txt") as running:
        yield running


def left(root: Path, shuffle: int) -> dict[str, Any]:
    """All that a training leaves: states, snapshots and statistics."""
    train = open_project(root).shuffle(shuffle).train_dir
    states = {path.name: read_state(path) for path in train.glob("dlcx-resume*.pt")}
    weights = {path.name: dict(read_snapshot(path).model) for path in train.glob("snapshot*.pt")}
    numbers = {path.name: read_learning_stats(path) for path in train.glob("learning_stats*.csv")}
    return {**states, **weights, **numbers}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or (one != one and other != other)


def untrained(golden: Path, folder: Path, shuffle: int) -> tuple[Path, Path]:
    """The same project twice, without snapshots."""
    root = make_project(folder / "one", golden, shuffle)
    for path in root.rglob("snapshot*.pt"):
        path.unlink()
    return root, Path(shutil.copytree(root, folder / "other"))


def words(root: Path, shuffle: int, *more: str) -> list[str]:
    return ["train", "-p", str(root), "--shuffle", str(shuffle), *FLAGS, *more]


@pytest.mark.slow
@pytest.mark.parametrize(("shuffle", "more"), [(PAF, ()), (TOP_DOWN, ("--detector-epochs", "2"))])
def test_killed_again_and_again(
    golden: Path, tmp_path: Path, victims: Victims, shuffle: int, more: tuple[str, ...]
) -> None:
    straight, killed = untrained(golden, tmp_path, shuffle)
    done = victims.run(words(straight, shuffle, *more))
    assert done.code == 0, done.said
    rng, during, kills = random.Random(shuffle), Counter[str](), 0
    while kills < KILLS:
        phase = rng.choice(PHASES)
        after = rng.random() * done.seconds[phase]
        ended = victims.run(words(killed, shuffle, *more), phase=phase, nth=rng.randint(1, 4), after=after)
        if ended.code != -signal.SIGKILL:
            assert ended.code == 0, ended.said
            shutil.rmtree(killed)
            _, killed = untrained(golden, tmp_path / str(kills), shuffle)
            continue
        kills += 1
        during.update(ended.during or ("between",))
    ended = victims.run(words(killed, shuffle, *more))
    assert ended.code == 0, ended.said
    assert same(left(straight, shuffle), left(killed, shuffle))
    print(f"{kills} kills survived, during {dict(during)}")


@pytest.mark.slow
def test_killed_between_the_first_snapshot_and_the_state(golden: Path, tmp_path: Path, victims: Victims) -> None:
    straight, killed = untrained(golden, tmp_path, PAF)
    more = ("--set", "runner.snapshots.save_epochs=1", "--epochs", "2")
    # the first state comes after the first batch, the second one after the first snapshot
    for root, options in ((straight, {}), (killed, {"phase": "state", "nth": 2}), (killed, {})):
        done = victims.run(words(root, PAF, *more), **options)
        assert done.code == (-signal.SIGKILL if options else 0), done.said
        assert done.begun["snapshot"]
    assert same(left(straight, PAF), left(killed, PAF))
