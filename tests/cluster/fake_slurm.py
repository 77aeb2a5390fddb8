"""Programs named sbatch, squeue, scancel and scontrol that write down their calls."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

#: sbatch numbers its jobs from 101 on and keeps the files; squeue answers what the file ``queue`` says.
_PROGRAMS = {
    "sbatch": """
n=$(($(ls "$here"/job-* 2>/dev/null | wc -l) + 101))
for last; do :; done
cp "$last" "$here/job-$n" && echo "$n"
""",
    "squeue": 'cat "$here/queue" 2>/dev/null || true',
    "scancel": "",
    "scontrol": '[ "$1" != show ] || echo "MaxArraySize            = ${MAX_ARRAY:-1001}"',
}


class FakeSlurm:
    """Where the programs are, and what they were called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, body in _PROGRAMS.items():
            self.program(name, body)

    def program(self, name: str, body: str) -> None:
        """Make a program of bash that notes its call first."""
        text = f'#!/bin/bash\nhere="{self.folder}"\necho "{name} $*" >> "$here/calls"\n{body}\n'
        (self.folder / name).write_text(text, encoding="utf-8")
        (self.folder / name).chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """One call a line."""
        path = self.folder / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def job(self, number: int) -> str:
        """The file that sbatch got for a job."""
        return (self.folder / f"job-{number}").read_text(encoding="utf-8")

    def queue(self, text: str) -> None:
        """What squeue answers: lines of job, job of the array, state."""
        (self.folder / "queue").write_text(text, encoding="utf-8")


def fake_slurm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """Put the programs first on PATH."""
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return FakeSlurm(folder)
