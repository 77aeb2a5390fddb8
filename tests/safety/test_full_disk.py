"""A disk that is full: one line with the bytes needed, earlier results untouched, and a rerun with room completes.

The disk is a small tmpfs, which only root can mount.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from several_animals import PAF, long_video, make_project

from dlcx.cli.app import run

MEGABYTES = 64
#: How much of the room that a command still needs is there, in tries that follow one another.
SHARES = (0.0, 0.25, 0.6, 0.3)
FRAMES = 24
SHUFFLE = ("--shuffle", str(PAF))
VIDEO = "videos/v.avi"
#: What grows while a command is at work, so that it can go on: not one of its results.
GROWS = ("manifest.json", "train.txt", "learning_stats.csv", "dlcx-resume.pt", "_tracking.json")
#: What a command writes its own settings or videos to, before it begins.
NOTED = ("config.yaml", "metadata.yaml")


@dataclass(frozen=True)
class Case:
    """A command, and what ran before it."""

    words: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()


ANALYZED = (("analyze-video", VIDEO, *SHUFFLE),)
CASES = {
    "analyze-video": Case(("analyze-video", VIDEO, *SHUFFLE, "--batch-size", "2")),
    "merge-parts": Case(("merge-parts", VIDEO, *SHUFFLE), (("analyze-video", VIDEO, *SHUFFLE, "--part", "1/1"),)),
    "track": Case(("track", VIDEO, *SHUFFLE, "--tracker", "box"), ANALYZED),
    "analyze-images": Case(("analyze-images", "labeled-data/vid", *SHUFFLE)),
    "train": Case(("train", *SHUFFLE, "--epochs", "12", "--set", "runner.eval_interval=11", "--workers", "0")),
    "evaluate": Case(("evaluate", *SHUFFLE, "--plot")),
    "create-dataset": Case(("create-dataset", "--shuffle", "9", "--net-type", "timm/test_resnet", "--weights", "none")),
    "filter-predictions": Case(("filter-predictions", VIDEO, *SHUFFLE), ANALYZED),
    "create-labeled-video": Case(("create-labeled-video", VIDEO, *SHUFFLE), ANALYZED),
    "create-labeled-video as MJPG": Case(("create-labeled-video", VIDEO, *SHUFFLE, "--codec", "MJPG"), ANALYZED),
    "create-labeled-video as H.264": Case(("create-labeled-video", VIDEO, *SHUFFLE, "--codec", "h264"), ANALYZED),
    "plot-trajectories": Case(("plot-trajectories", VIDEO, *SHUFFLE), ANALYZED),
    "extract-frames": Case(("extract-frames", VIDEO, "--method", "uniform"), (("add-videos", VIDEO),)),
    "extract-outliers": Case(("extract-outliers", VIDEO, *SHUFFLE), ANALYZED),
    "analyze-skeleton": Case(("analyze-skeleton", VIDEO, *SHUFFLE), ANALYZED),
    "check-labels": Case(("check-labels",)),
    "score-maps": Case(("score-maps", "labeled-data/vid/img00.png", *SHUFFLE)),
    "report": Case(("report", VIDEO, *SHUFFLE), ANALYZED),
    "export-labels": Case(("export-labels", "labels.json")),
    "export-labels to SLEAP": Case(("export-labels", "labels.slp")),
    "export-predictions": Case(("export-predictions", VIDEO, *SHUFFLE), ANALYZED),
    "export-model": Case(("export-model", *SHUFFLE, "--format", "onnx")),
    "add-videos": Case(("add-videos", "more.avi", "--copy-videos")),
}


@pytest.fixture(scope="module")
def made(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that is copied to the disk."""
    root = make_project(tmp_path_factory.mktemp("full") / "ma", golden, PAF)
    long_video(root / VIDEO, golden, FRAMES)
    long_video(root / "more.avi", golden, FRAMES)
    return root


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def leave(disk: Path, room: int) -> None:
    """Fill the disk but for so many bytes."""
    (disk / "filler").unlink(missing_ok=True)
    with open(disk / "filler", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(disk).free - room))


def used(disk: Path) -> int:
    return shutil.disk_usage(disk).used


def files(root: Path) -> dict[str, str]:
    """Path and checksum of every file but for links."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def names(root: Path) -> set[str]:
    """Every file and folder."""
    return {str(path.relative_to(root)) for path in root.rglob("*")}


QUICK = ("filter-predictions", "export-labels")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name, marks=[] if name in QUICK else pytest.mark.slow) for name, case in CASES.items()],
)
def test_full(
    case: Case, made: Path, disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(made, disk / "ma"))
    monkeypatch.chdir(root)
    for words in case.before:
        assert run([*words, "-p", str(root)]) == 0
    start = used(disk)
    roomy = Path(shutil.copytree(root, disk / "roomy"))
    monkeypatch.chdir(roomy)
    copied = used(disk) - start
    assert run([*case.words, "-p", str(roomy)]) == 0
    need = used(disk) - start - copied
    expected = names(roomy)
    shutil.rmtree(roomy)
    monkeypatch.chdir(root)
    capsys.readouterr()

    earlier = files(root)
    for share in SHARES:
        (disk / "filler").unlink(missing_ok=True)
        leave(disk, int((start + need - used(disk)) * share))
        code = run([*case.words, "-p", str(root)])
        said = capsys.readouterr().err
        assert code == 3, (share, said)
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, said
        assert re.search(
            r"disk full: cannot write .*: no space left: (more than )?[\d,]+ bytes are needed, [\d,]+ are free",
            errors[0],
        )
        assert "Traceback" not in said
        now = files(root)
        changed = [
            name for name, sum in earlier.items() if now.get(name) != sum and not name.endswith((*GROWS, *NOTED))
        ]
        assert changed == [], share
        assert [name for name in now if ".part." in name or name.endswith(".lock")] == []
    (disk / "filler").unlink()
    assert run([*case.words, "-p", str(root)]) == 0, capsys.readouterr().err
    assert names(root) == expected
