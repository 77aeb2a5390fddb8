"""Jobs of SLURM: the file that sbatch gets, its submission, and what the queue says.

A job of dlcx may be pre-empted or reach its time limit at any moment: its shell then tells dlcx to stop (SIGUSR1),
dlcx saves and leaves with exit code 75, the job goes back into the queue and the same command goes on.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlcx.errors import DlcxError

#: Seconds before the time limit at which SLURM warns a job.
WARNING = 90
#: How often a job puts itself back into the queue at its time limit, at most.
RESTARTS = 100
#: What a file says by itself; ``--set-sbatch`` cannot change it.
OWN_KEYS = frozenset({"array", "dependency", "parsable", "test-only", "wait", "wrap"})

_TIME = r"\d+(:\d{1,2}(:\d{1,2})?)?|\d+-\d{1,2}(:\d{1,2}(:\d{1,2})?)?"
_SIZE = r"\d+[KMGT]?"


@dataclass(frozen=True)
class JobOptions:
    """What is asked of SLURM for a job; None leaves it to the cluster, ``more`` are other options of sbatch.

    ``time`` is a limit as sbatch takes it (``90``, ``1:30:00``, ``1-12``), ``mem`` of a node (``8G``).
    """

    partition: str | None = None
    time: str | None = None
    gpus: int | None = None
    cpus: int | None = None
    mem: str | None = None
    more: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for flag, value, pattern, example in (
            ("--time", self.time, _TIME, "90 (minutes), 1:30:00 or 1-12"),
            ("--mem", self.mem, _SIZE, "8G"),
            ("--partition", self.partition, r"[^\s,]+(,[^\s,]+)*", "gpu"),
        ):
            if value is not None and not re.fullmatch(pattern, value):
                raise DlcxError(f"{flag} '{value}': expected e.g. {example}")
        for key, text in self.more.items():
            if key in OWN_KEYS:
                raise DlcxError(f"--set-sbatch {key}: dlcx sets it itself")
            if not re.fullmatch(r"[a-z][a-z0-9-]*", key) or "\n" in (text or ""):
                raise DlcxError(
                    f"--set-sbatch {key}: expected KEY=VALUE with a long option of sbatch, e.g. account=lab"
                )

    @property
    def keys(self) -> dict[str, str | None]:
        """Long options of sbatch."""
        asked = {
            "partition": self.partition,
            "time": self.time,
            "gpus-per-node": self.gpus,
            "cpus-per-task": self.cpus,
            "mem": self.mem,
        }
        return {key: str(value) for key, value in asked.items() if value is not None} | dict(self.more)


@dataclass(frozen=True)
class OwnJob:
    """The job that this process belongs to: its name, the same each time it runs; ``again`` when it has run before."""

    name: str = ""
    again: bool = False


def own_job() -> OwnJob:
    """The job of SLURM, as its environment tells; without a name outside of one."""
    names = os.environ
    if not (number := names.get("SLURM_JOB_ID")):
        return OwnJob()
    again = names.get("SLURM_RESTART_COUNT", "0") not in ("", "0")
    return OwnJob(f"slurm:{names.get('SLURM_CLUSTER_NAME', '')}:{number}", again)


def parse_sbatch(pairs: Iterable[str]) -> dict[str, str | None]:
    """``["account=lab", "exclusive"]`` -> {"account": "lab", "exclusive": None}; dashes before the key may stand."""
    split = (pair.strip().lstrip("-").partition("=") for pair in pairs)
    return {key: value if equals else None for key, equals, value in split}


def job_file(name: str, options: JobOptions, commands: str, *, log: Path, **keys: str) -> str:
    """The text of a file for sbatch.

    Parameters
    ----------
    name
        The job's.
    options
        What the user asks for; it goes before ``keys``.
    commands
        Lines of bash.  ``run COMMAND...`` starts a program that a warning of SLURM reaches as SIGUSR1, and ends the
        job when it does not succeed; 4 (some items failed) does not end it, but is the job's exit code then.
    log
        File of all that is printed; ``%A``, ``%a`` and ``%j`` as sbatch has them.
    keys
        Long options of sbatch, ``_`` for ``-``.
    """
    own = {
        "job-name": name,
        "output": str(log),
        "open-mode": "append",
        "requeue": None,
        "signal": f"B:USR1@{WARNING}",
        **{key.replace("_", "-"): value for key, value in keys.items()},
    }
    asked = options.keys
    if "no-requeue" in asked:
        del own["requeue"]
    lines = [
        f"#SBATCH --{key}" + ("" if value is None else f"={_quoted(value)}") for key, value in (own | asked).items()
    ]
    return "\n".join(["#!/bin/bash", *lines, _SHELL, commands.rstrip(), 'exit "${failed:-0}"', ""])


def _quoted(value: str) -> str:
    """As sbatch reads words of a file: double quotes keep blanks."""
    return f'"{value}"' if re.search(r"\s|#", value) else value


#: A signal ends bash's ``wait``, not what it waits for: hence the second wait.
_SHELL = rf"""
job=${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID}}
job=${{job:-$SLURM_JOB_ID}}
child= told= warned=
trap 'told=1 warned=1; [ -z "$child" ] || kill -USR1 "$child"' USR1
trap 'told=1; [ -z "$child" ] || kill -USR1 "$child"' TERM

run() {{
    stopped=
    "$@" &
    child=$!
    wait "$child"
    code=$?
    while [ -n "$told" ]; do
        told= stopped=1
        wait "$child"
        code=$?
    done
    child=
    [ "$code" -ne 0 ] || return 0
    if [ "$code" -eq 75 ] || [ -n "$stopped" ]; then
        # the time limit is near: into the queue again; after SIGTERM (scancel, pre-emption) SLURM decides
        if [ -n "$warned" ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {RESTARTS} ]; then
            scontrol requeue "$job"
        fi
        exit 75
    fi
    [ "$code" -ne 4 ] || {{ failed=4; return 0; }} # some frames or videos failed: they are named in the log
    exit "$code"
}}
"""


def submit(path: Path, *, after: int | None = None) -> int:
    """Give the file to sbatch; the number of the job, which begins when ``after`` has ended, however that ended.

    Raises
    ------
    DlcxError
        When there is no sbatch, or it refuses.
    """
    wait = [] if after is None else [f"--dependency=afterany:{after}"]
    said = _call(["sbatch", "--parsable", *wait, str(path)])
    number = said.strip().partition(";")[0]
    if not number.isdecimal():
        raise DlcxError(f"sbatch {path}: expected the number of a job, got '{said.strip()}'")
    return int(number)


def cancel(jobs: Sequence[int]) -> None:
    """Take jobs back."""
    _call(["scancel", *map(str, jobs)])


def in_queue(jobs: Sequence[int]) -> dict[int, str]:
    """Which of the jobs wait or run, with their state; a job that SLURM has forgotten is not."""
    if not jobs:
        return {}
    states: dict[int, str] = {}
    for line in _call(["squeue", "--me", "--noheader", "--format=%A %F %T"]).splitlines():
        _, job, state = line.split()
        if int(job) in jobs and states.get(int(job)) != "RUNNING":
            states[int(job)] = state
    return states


def setting(name: str) -> str | None:
    """A setting of the cluster, as ``scontrol show config`` has it."""
    found = re.search(rf"^{name}\s*=\s*(\S+)", _call(["scontrol", "show", "config"]), re.MULTILINE)
    return found[1] if found else None


def _call(words: Sequence[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        raise DlcxError(
            f"--cluster slurm: there is no {words[0]} on PATH",
            hint="Run it where jobs are submitted; --dry-run prints the sbatch files anywhere.",
        ) from None
    except subprocess.TimeoutExpired:
        raise DlcxError(f"--cluster slurm: {words[0]} did not answer for two minutes") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        said = "; ".join(lines).replace(f"{words[0]}: error: ", "") or f"exit code {done.returncode}"
        raise DlcxError(
            f"--cluster slurm: {words[0]}: {said}",
            hint="'sinfo' shows the partitions; --partition, --time, --gpus, --cpus, --mem and --set-sbatch choose.",
        )
    return done.stdout
