"""The mutation campaign: put one fault at a time into a copy of the source and see whether a test fails.

Run it with ``make mutation``; ``MUTATION="--count 40 --seed 3"`` samples other faults.  Each result is appended to
``mutation.jsonl``, and an interrupted run continues with the faults that have no result yet.  The tests nearest to the
fault run first: those that mirror the module, those that import it, those of its package, and last the whole suite.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mutation.faults import Fault, sample

ROOT = Path(__file__).resolve().parents[2]
#: Faults that change no result that anyone can see, and why.
EQUIVALENT = Path(__file__).with_name("equivalent.txt")


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=120, help="faults over all packages")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="faults whose name contains this")
    parser.add_argument("--seconds", type=int, default=900, help="limit of one group of tests")
    parser.add_argument("--no-whole-suite", action="store_true", help="stop after the tests of the package")
    parser.add_argument("--results", type=Path, default=ROOT / "mutation.jsonl")
    options = parser.parse_args()
    done = _results(options.results)
    faults = [fault for fault in sample(ROOT, options.count, options.seed) if options.only in fault.name]
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(folder) / "project"
        _copy(copy)
        for number, fault in enumerate(faults, 1):
            if fault.name in done:
                continue
            started = time.monotonic()
            outcome = _outcome(fault, copy, options.seconds, whole=not options.no_whole_suite)
            record = {"fault": fault.name, "outcome": outcome, "seconds": round(time.monotonic() - started, 1)}
            with options.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
            done[fault.name] = outcome
            print(f"{number}/{len(faults)} {outcome}: {fault.name}", flush=True)
    return _report(faults, done)


def _results(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {record["fault"]: record["outcome"] for record in records}


def _copy(target: Path) -> None:
    """The tracked files, and ../shared beside them where it exists."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
            shutil.copymode(ROOT / name, target / name)
    if (ROOT.parent / "shared").is_dir():
        (target.parent / "shared").symlink_to((ROOT.parent / "shared").resolve())


def _outcome(fault: Fault, copy: Path, seconds: int, *, whole: bool) -> str:
    """``killed by TESTS``, ``timeout`` (which counts as killed) or ``survived``."""
    path = copy / fault.path
    source = path.read_text(encoding="utf-8")
    path.write_text(fault.apply(source), encoding="utf-8")
    try:
        for tests in _groups(fault, copy, whole=whole):
            parallel = ["-n", "auto", "--dist", "loadfile"] if tests == ["tests"] else []
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *parallel, *tests]
            environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
            try:
                ended = subprocess.run(
                    command, cwd=copy, env=environment, capture_output=True, text=True, timeout=seconds
                )
            except subprocess.TimeoutExpired:
                return "timeout"
            if ended.returncode not in (0, 5):  # 5: no test was collected
                return f"killed by {_first_failure(ended.stdout)}"
    finally:
        path.write_text(source, encoding="utf-8")
    return "survived"


def _first_failure(output: str) -> str:
    failed = [line.split()[1] for line in output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return failed[0] if failed else "the tests could not run"


def _groups(fault: Fault, copy: Path, *, whole: bool) -> Iterator[list[str]]:
    """Test files from the nearest to the farthest, each in one group only."""
    module = Path(fault.path).with_suffix("").relative_to("dlcx")
    dotted = "dlcx." + ".".join(module.parts)
    files = sorted((copy / "tests").rglob("test_*.py"))
    relative = {file: str(file.relative_to(copy)) for file in files}
    mirrors = [
        name for name in relative.values() if name.endswith(f"{Path('tests') / module.parent}/test_{module.name}.py")
    ]
    parent, _, last = dotted.rpartition(".")
    importing = [
        name
        for file, name in relative.items()
        if dotted in (text := file.read_text(encoding="utf-8")) or f"from {parent} import {last}" in text
    ]
    package = [name for name in relative.values() if len(module.parts) > 1 and f"tests/{module.parts[0]}/" in name]
    seen: set[str] = set()
    for group in (mirrors, importing, package):
        fresh = [name for name in group if name not in seen]
        seen.update(fresh)
        if fresh:
            yield fresh
    if whole:
        yield ["tests"]


def _report(faults: list[Fault], done: dict[str, str]) -> int:
    equivalent = [line.split(" # ")[0].strip() for line in EQUIVALENT.read_text(encoding="utf-8").splitlines()]
    counted = [fault for fault in faults if fault.name in done and fault.name not in equivalent]
    survived = [fault for fault in counted if done[fault.name] == "survived"]
    for fault in survived:
        print(f"survived: {fault.name}")
    killed = len(counted) - len(survived)
    print(f"{killed} of {len(counted)} faults killed ({100 * killed / max(len(counted), 1):.1f} %)")
    return int(killed < 0.95 * len(counted))


if __name__ == "__main__":
    sys.exit(main())
