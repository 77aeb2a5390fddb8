from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.iterations import iteration_hint, trained_iterations


def snapshot(root: Path, iteration: object, name: str = "snapshot-010.pt", shuffle: str = "tNov1-trainset95shuffle1"):
    path = root / f"dlc-models-pytorch/iteration-{iteration}/{shuffle}/train/{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")


def test_iterations_with_snapshots_of_this_project(tmp_path):
    assert trained_iterations(tmp_path, "tNov1-trainset") == ()
    snapshot(tmp_path, 10)
    snapshot(tmp_path, 2, "mine-best-004.pt")
    snapshot(tmp_path, 3, "snapshot-detector-010.pt")
    snapshot(tmp_path, 4, "dlcx-resume.pt")
    snapshot(tmp_path, 5, shuffle="otherNov1-trainset95shuffle1")
    snapshot(tmp_path, "old")
    assert trained_iterations(tmp_path, "tNov1-trainset") == (2, 10)


@pytest.mark.parametrize(
    ("iterations", "begins"),
    [((), ""), ((0,), "Trained networks are in iteration 0:"), ((0, 1, 3), "Trained networks")],
)
def test_how_to_go_back(iterations, begins):
    text = iteration_hint(iterations)
    assert text.startswith(begins)
    assert text == "" or text.endswith(f"set 'iteration: {iterations[-1]}' in config.yaml.")
    assert len(iterations) < 3 or "iterations 0, 1 and 3" in text
