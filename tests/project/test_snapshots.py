"""Names of snapshots and of the other files of training."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.project import Snapshot, TrainingFiles


@pytest.mark.parametrize(
    ("name", "epoch", "best", "uid"),
    [
        ("snapshot-010.pt", 10, False, "10"),
        ("snapshot-best-025.pt", 25, True, "best-25"),
        ("snapshot-detector-best-003.pt", 3, True, "best-3"),
        ("my-snapshot.pt", 0, False, "0"),
    ],
)
def test_epoch_and_kind_are_parsed_from_the_name(name: str, epoch: int, best: bool, uid: str):
    snapshot = Snapshot.of(Path(name))
    assert (snapshot.epoch, snapshot.best, snapshot.uid) == (epoch, best, uid)


def test_a_fingerprint_depends_on_name_and_content(tmp_path: Path):
    one, other, renamed = tmp_path / "a/snapshot-1.pt", tmp_path / "b/snapshot-1.pt", tmp_path / "a/snapshot-2.pt"
    for path, content in ((one, b"x"), (other, b"y"), (renamed, b"x")):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    assert Snapshot.of(one).fingerprint() == "snapshot-1.pt (2d711642b726b044)"
    assert len({Snapshot.of(path).fingerprint() for path in (one, other, renamed)}) == 3


def test_files_of_a_detector_have_names_of_their_own(tmp_path: Path):
    pose, detector = TrainingFiles(tmp_path), TrainingFiles(tmp_path, "detector")
    names = [
        (files.learning_stats.name, files.learning_curve.name, files.resume_state.name) for files in (pose, detector)
    ]
    assert names == [
        ("learning_stats.csv", "learning_curve.png", "dlcx-resume.pt"),
        ("learning_stats_detector.csv", "learning_curve_detector.png", "dlcx-resume-detector.pt"),
    ]
