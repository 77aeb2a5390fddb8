"""Which snapshots stay, and where a training begins."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.weights.snapshot import read_snapshot, write_snapshot
from dlcx.project import Shuffle
from dlcx.training.checkpointer import Best, Checkpointer, best_so_far
from dlcx.training.resume import ResumePoint, choose_resume_point
from dlcx.training.resume_state import write_state


@pytest.fixture
def place(tiny: Path) -> Shuffle:
    return open_project(tiny).shuffle(1)


def run(checkpointer: Checkpointer, scores: dict[int, float], epochs: int, first: int = 1) -> None:
    for epoch in range(first, epochs + 1):
        numbers = {"losses/train.total_loss": 0.5} | ({"metrics/test.mAP": scores[epoch]} if epoch in scores else {})
        checkpointer.save_if_due(epoch, last=epoch == epochs, numbers=numbers, model={"weight": torch.ones(1)})


def names(place: Shuffle) -> list[str]:
    return sorted(path.name for path in place.train_dir.glob("*.pt"))


def test_the_best_the_regular_and_the_last_stay(place):
    checkpointer = Checkpointer(place, save_interval=4, max_snapshots=2)
    run(checkpointer, {2: 10.0, 4: 20.0, 6: 20.0, 10: 30.0, 12: math.nan, 14: 5.0}, 15)
    # 2 was the best, then 4 (now regular, as 4 is one to save), then 10; of the regular 4 8 12 15 the newest two stay
    assert names(place) == ["snapshot-012.pt", "snapshot-015.pt", "snapshot-best-010.pt"]
    assert checkpointer.best == Best(30.0, 10, waited=2)
    found = read_snapshot(place.snapshot_path(10, best=True))
    assert (found.epoch, found.metrics) == (10, {"metrics/test.mAP": 30.0})
    assert found.losses == {"train.total_loss": 0.5}


def test_smaller_may_be_better_and_the_best_epoch_is_not_saved_twice(place):
    checkpointer = Checkpointer(place, save_interval=5, max_snapshots=5, ascending=False)
    run(checkpointer, {1: 3.0, 2: 4.0, 3: 2.0, 5: 1.0}, 5)
    assert names(place) == ["snapshot-best-005.pt"]


def test_a_first_score_of_nan_is_not_the_best(place):
    checkpointer = Checkpointer(place)
    run(checkpointer, {1: math.nan, 2: 0.0}, 3)
    assert checkpointer.best == Best(0.0, 2)


def test_the_best_is_remembered_from_its_file(place):
    assert best_so_far(place, "test.mAP") is None
    run(Checkpointer(place, save_interval=10), {2: 50.0}, 3)
    best = best_so_far(place, "test.mAP")
    assert best == Best(50.0, 2)
    run(Checkpointer(place, save_interval=10, best=best), {4: 40.0}, 4, first=4)
    assert names(place) == ["snapshot-003.pt", "snapshot-004.pt", "snapshot-best-002.pt"]


def save(path: Path, epoch: int = 0) -> Path:
    write_snapshot(path, model={"weight": torch.ones(1)}, epoch=epoch, metrics={}, losses={})
    return path


def test_a_training_goes_on_where_it_stopped(place, tmp_path):
    assert choose_resume_point(place, "auto", prefix="snapshot") == ResumePoint()
    elsewhere = save(tmp_path / "snapshot-200.pt", 200)
    continued = choose_resume_point(place, "auto", prefix="snapshot", continued=str(elsewhere))
    assert (continued.source, continued.foreign) == (elsewhere, True)
    save(place.snapshot_path(5, best=True))
    last = save(place.snapshot_path(10))
    assert choose_resume_point(place, "auto", prefix="snapshot", continued=str(elsewhere)).source == last
    place.resume_state_path.write_bytes(b"")
    assert choose_resume_point(place, "auto", prefix="snapshot").state == place.resume_state_path


def test_a_job_that_runs_again_goes_on_with_what_it_has_begun_and_with_nothing_else(place):
    old = save(place.snapshot_path(10))
    state = place.resume_state_path

    def start(job: str) -> ResumePoint:
        return choose_resume_point(place, "none", prefix="snapshot", overwrite=True, job=job)

    for content in ({"epoch": 3, "job": "slurm:lab:7"}, {"epoch": 3}):  # the other is of no job, or of older times
        write_state({"model": {}, "recipe": {}, **content}, state)
        assert start("slurm:lab:8") == start("") == ResumePoint(outdated=(old, state))
        assert start("slurm:lab:7") == (ResumePoint(state=state) if "job" in content else start(""))
    state.write_bytes(b"broken")
    assert start("slurm:lab:7") == ResumePoint(outdated=(old, state))


def test_starting_over_needs_overwrite_and_names_what_would_go(place, tmp_path):
    assert choose_resume_point(place, "none", prefix="snapshot") == ResumePoint()
    files = [save(place.snapshot_path(5)), save(place.snapshot_path(10)), place.resume_state_path]
    files[-1].write_bytes(b"")
    with pytest.raises(DlcxError, match=r"3 file\(s\) of the training so far, such as snapshot-005") as caught:
        choose_resume_point(place, "none", prefix="snapshot")
    assert "--overwrite" in caught.value.hint
    assert choose_resume_point(place, "none", prefix="snapshot", overwrite=True).outdated == tuple(files)
    back = choose_resume_point(place, str(files[0]), prefix="snapshot", overwrite=True)
    assert (back.source, back.foreign, back.outdated) == (files[0].resolve(), False, tuple(files[1:]))
    other = choose_resume_point(place, str(save(tmp_path / "x.pt")), prefix="snapshot", overwrite=True)
    assert (other.foreign, other.outdated) == (True, tuple(files))
    with pytest.raises(DlcxError, match="no such snapshot: nowhere"):
        choose_resume_point(place, "nowhere.pt", prefix="snapshot")
