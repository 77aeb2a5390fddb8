"""Test that the campaign detects every kind of fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from campaign import judge
from campaign.case import REFUSED, RIGHT, Case, CommandResult
from campaign.catalog import all_cases, select

TESTS = Path(__file__).parents[1]
#: Number of cases in `make test`; `make campaign` runs all.
SAMPLE = 30


def test_there_are_enough() -> None:
    cases = all_cases()
    assert sum(case.files for case in cases) >= 200
    assert sum(len(case.calls) for case in cases if case.kind.startswith("call")) >= 300
    assert {case.kind for case in select(cases, sample=SAMPLE)} == {case.kind for case in cases}


CALL = Case("a call", "test", (("status",),), codes=RIGHT, names="config.yaml")
GOOD = CommandResult(("status",), 0, b"result\n", b"warning: config.yaml is old\n", 1.0, 2.0, 50.0)
REFUSAL = replace(GOOD, code=3, out=b"", err=b"error: config.yaml: pcutoff: expected a number\nhint: Write one.\n")


def test_what_is_right_is_no_fault() -> None:
    assert judge.faults_of(CALL, GOOD, last=True) == []
    assert judge.faults_of(replace(CALL, codes=REFUSED), REFUSAL, last=True) == []


@pytest.mark.parametrize(
    ("ended", "fault"),
    [
        (replace(GOOD, code=1, err=b"error: bug in dlcx: KeyError\n"), "exit code 1"),
        (replace(GOOD, code=-11), "crash"),
        (replace(GOOD, code=-9, wall=100.0), "hang"),
        (replace(GOOD, processor=25.0), "hang"),
        (replace(GOOD, growth=5000.0), "MB"),
        (replace(GOOD, err=b"Traceback (most recent call last):\n"), "traceback"),
        (replace(GOOD, out=b"\x1b[31mred"), "control character"),
        (replace(GOOD, out="\x9bred".encode()), "control character"),
        (replace(GOOD, err=b"UserWarning: odd\n"), "unexpected line"),
        (REFUSAL, "exit code 3 instead of 0"),
    ],
)
def test_a_fault_is_seen(ended: CommandResult, fault: str) -> None:
    assert any(fault in found for found in judge.faults_of(CALL, ended, last=True))


@pytest.mark.parametrize(
    ("ended", "fault"),
    [
        (GOOD, "exit code 0 instead of 3"),
        (replace(REFUSAL, err=b"error: expected a number\n"), "does not name"),
        (replace(REFUSAL, err=b"hint: Write one.\n"), "0 error lines"),
        (replace(REFUSAL, err=REFUSAL.err * 2), "2 error lines"),
        (replace(REFUSAL, out=b"result\n"), "output on stdout of a failed command"),
        (replace(REFUSAL, changed=("P/config.yaml",)), "files changed by a failed command: P/config.yaml"),
        (replace(REFUSAL, words=("status", "--json"), out=b"{} {}"), "invalid JSON"),
        (replace(REFUSAL, words=("status", "--json"), out=b'{"a": NaN}'), "invalid JSON"),
        (replace(REFUSAL, words=("status", "--json"), out=b'{"error": {"exit_code": 2}}'), "exit code 2"),
    ],
)
def test_a_bad_refusal_is_seen(ended: CommandResult, fault: str) -> None:
    case = replace(CALL, codes=REFUSED)
    assert any(fault in found for found in judge.faults_of(case, ended, last=True))


def test_changes_of_a_folder_are_seen(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("one")
    (tmp_path / "link").symlink_to("folder")
    before = judge.listing(tmp_path)
    assert judge.changes(before, judge.listing(tmp_path)) == ()
    (tmp_path / "folder" / "file").write_text("two")
    (tmp_path / "link").unlink()
    (tmp_path / "new").mkdir()
    assert judge.changes(before, judge.listing(tmp_path)) == ("folder/file", "link", "new")


@pytest.mark.skipif(sys.platform != "linux", reason="its processes are watched by means of Linux")
def test_a_sample_shows_no_fault(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(TESTS), "TMPDIR": str(tmp_path)}
    words = [sys.executable, "-W", "ignore", "-m", "campaign.run", "--sample", str(SAMPLE), "--json", "results.json"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (tmp_path / "results.json").is_file(), done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert len(results) == SAMPLE
    assert [(one["title"], one["faults"]) for one in results if one["faults"]] == []
