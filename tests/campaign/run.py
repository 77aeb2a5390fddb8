"""Run the campaign: ``PYTHONPATH=tests python -m campaign.run``.  The exit code is 1 if there is any fault.

Arguments: a regular expression of case titles; ``--sample N`` runs N cases, taking turns among the kinds; ``--table
FILE`` writes the results; ``--keep`` keeps the folders of faults; ``--times N`` prints the slowest cases.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import pickle
import shutil
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from campaign import forked, judge, small_projects, table
from campaign.case import DONE, SOME_FAILED, Case, CommandResult
from campaign.catalog import all_cases, select

#: Single-threaded libraries, because threads do not survive a fork.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
#: Environment variables of the caller that must not affect the results.
CLEAN = {"LC_ALL": "C.UTF-8", "TERM": "dumb", "COLUMNS": "100", "NO_COLOR": "1"}
#: Variables that dlcx sets at startup, which the forked children skip.
PROGRAM = {"MPLBACKEND": "agg", "OPENCV_LOG_LEVEL": "SILENT"}


@dataclass
class Result:
    """Results of the commands of a case, and its faults."""

    title: str
    calls: list[str]
    code: int
    message: str
    faults: list[str]
    seconds: float = 0.0
    folder: str = ""
    error: str = ""
    ended: list[CommandResult] = field(default_factory=list, repr=False)


def run_case(case: Case, bases: Path, work: Path, number: int) -> Result:
    """Create the files of a case, run its commands and check the results."""
    folder = work / f"{number:04}"
    folder.mkdir()
    since = time.monotonic()
    if case.base:
        small_projects.copy_of(bases / case.base, folder)
    seed = zlib.crc32(case.title.encode())
    if case.make is not None:
        case.make(folder, np.random.default_rng(seed))
    faults: list[str] = []
    if case.together:
        ended = forked.run_together(case, folder)
        for one in ended:
            faults += judge.faults_of(case, one, last=True)
    else:
        ended = []
        for turn, words in enumerate(case.calls):
            before = judge.listing(folder)
            one = forked.run(case, words, folder)
            one = CommandResult(**{**vars(one), "changed": judge.changes(before, judge.listing(folder))})
            ended.append(one)
            faults += judge.faults_of(case, one, last=turn == len(case.calls) - 1)
    succeeded = all(one.code in (DONE, SOME_FAILED) for one in ended)
    if case.check is not None and succeeded and (wrong := check_results(case, folder, ended[-1])):
        faults.append(f"wrong result: {wrong}")
    last = ended[-1]
    text = last.err.decode("utf-8", "backslashreplace").replace(str(folder), "")
    message = next((line for line in text.splitlines() if line.startswith("error: ")), "")
    calls = [" ".join(("dlcx", *one)) for one in case.calls]
    result = Result(case.title, calls, last.code, message, faults, time.monotonic() - since, str(folder), text)
    if not faults:
        clean(folder)
    return result


def check_results(case: Case, folder: Path, ended: CommandResult) -> str | None:
    """Run the check of the case; a missing or unreadable result is a fault too."""
    assert case.check is not None
    try:
        return case.check(folder, ended)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:200]} ({Path(where.filename).name}:{where.lineno})"


def clean(folder: Path) -> None:
    """Remove a folder regardless of its permissions."""
    for above, folders, _ in os.walk(folder):
        for name in folders:
            path = os.path.join(above, name)
            if not os.path.islink(path):
                os.chmod(path, 0o755)
    shutil.rmtree(folder, ignore_errors=True)


def run_subset(cases: Sequence[tuple[int, Case]], bases: Path, work: Path, answer: Path) -> None:
    """Run some of the cases in this process and save their results."""
    results = {}
    for number, case in cases:
        try:
            results[number] = run_case(case, bases, work, number)
        except Exception:
            what = traceback.format_exc()
            results[number] = Result(
                case.title, [], 1, "", [f"the generator failed: {what.splitlines()[-1]}"], error=what
            )
        print_faults(results[number])
        answer.write_bytes(pickle.dumps(results))


def print_faults(result: Result) -> None:
    """Print a fault immediately."""
    if result.faults:
        lines = [
            result.title,
            f"    {' && '.join(result.calls)[:300]}",
            f"    exit code {result.code} {result.error[:700]}",
        ]
        print(
            "\n".join([*lines, *(f"    FAULT {fault}" for fault in result.faults), f"    {result.folder}"]), flush=True
        )


def run(cases: Sequence[Case], jobs: int, work: Path) -> list[Result]:
    """Run cases in several processes."""
    bases = work / "bases"
    if any(case.base for case in cases):
        _in_children([lambda multi=multi: _base(bases, multi) for multi in (False, True)])
    numbered = list(enumerate(cases))
    jobs = min(jobs, len(cases))
    answers = [work / f"answer-{job}" for job in range(jobs)]
    _in_children(
        [
            lambda job=job: run_subset(numbered[job::jobs], bases, work, answers[job])
            for job in range(jobs)  # type: ignore[misc]
        ]
    )
    results: dict[int, Result] = {}
    for answer in answers:
        results |= pickle.loads(answer.read_bytes())
    return [results[number] for number in range(len(cases))]


def _base(bases: Path, multi: bool) -> None:
    root = bases / ("two" if multi else "one")
    logging.getLogger("dlcx").setLevel(logging.ERROR)
    small_projects.make_project(root, multi=multi)
    small_projects.train_and_analyze(root, multi=multi)


def _in_children(tasks: Sequence) -> None:  # type: ignore[type-arg]
    pids = []
    for task in tasks:
        sys.stdout.flush()
        if pid := os.fork():
            pids.append(pid)
            continue
        code = 1
        try:
            task()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if any(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids):
        raise RuntimeError("a process of the campaign failed")


def main() -> int:
    """Run the selected cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pattern", nargs="?", default="")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--times", type=int, default=0)
    options = parser.parse_args()
    forked.import_everything()
    cases = select(all_cases(), options.pattern, options.sample, options.seed)
    work = Path(tempfile.mkdtemp(prefix="campaign-"))
    work.chmod(0o755)
    since = time.monotonic()
    try:
        results = run(cases, options.jobs, work)
    finally:
        if not options.keep:
            clean(work)
    for result in sorted(results, key=lambda one: -one.seconds)[: options.times]:
        print(f"{result.seconds:6.2f} s  {result.title}")
    files, calls = sum(case.files for case in cases), sum(len(case.calls) for case in cases)
    faults = sum(bool(result.faults) for result in results)
    seconds = time.monotonic() - since
    print(f"{len(cases)} cases, {files} unusual files, {calls} commands, {faults} with faults, {seconds:.0f} s")
    if options.table:
        # titles contain names that are not valid UTF-8
        options.table.write_bytes(table.table(cases, results).encode("utf-8", "backslashreplace"))
    if options.json:
        facts = [{"title": one.title, "code": one.code, "faults": one.faults, "error": one.error} for one in results]
        options.json.write_text(json.dumps(facts))
    return int(faults > 0)


def restart_clean() -> None:
    """Restart with single-threaded libraries and without the caller's environment variables that affect dlcx."""
    wanted = dict.fromkeys(THREADS, "1") | CLEAN | PROGRAM
    found = {name for name in os.environ if name.startswith(("DLCX_", "SLURM_"))}
    if found or any(os.environ.get(name) != value for name, value in wanted.items()):
        environment = {name: value for name, value in os.environ.items() if name not in found} | wanted
        os.execve(sys.executable, [sys.executable, "-W", "ignore", "-m", "campaign.run", *sys.argv[1:]], environment)


if __name__ == "__main__":
    restart_clean()
    sys.exit(main())
