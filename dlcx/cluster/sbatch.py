"""SLURM jobs: the job file, its submission, and the queue.

A job may be preempted or reach its time limit at any moment. Its shell then sends SIGUSR1 to dlcx, which saves and
exits with code 75; the job is requeued, and the same command resumes.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.options.cluster import JobOptions

#: Seconds before the time limit at which SLURM sends SIGUSR1.
WARNING = 90
#: Maximum number of times a job requeues itself at its time limit.
RESTARTS = 100


def sbatch_keys(job: JobOptions) -> dict[str, str | None]:
    """Return the long options of sbatch for a job."""
    asked = {
        "partition": job.partition,
        "time": job.time,
        "gpus-per-node": job.gpus,
        "cpus-per-task": job.cpus,
        "mem": job.mem,
    }
    return {key: str(value) for key, value in asked.items() if value is not None} | job.more


@dataclass(frozen=True)
class OwnJob:
    """The SLURM job that this process belongs to.

    Attributes
    ----------
    name
        Identifies the job, also after it was requeued; empty outside of a job.
    again
        Whether the job was requeued.
    """

    name: str = ""
    again: bool = False


def own_job() -> OwnJob:
    """Return the SLURM job described by the environment."""
    names = os.environ
    if not (number := names.get("SLURM_JOB_ID")):
        return OwnJob()
    again = names.get("SLURM_RESTART_COUNT", "0") not in ("", "0")
    return OwnJob(f"slurm:{names.get('SLURM_CLUSTER_NAME', '')}:{number}", again)


def job_file(name: str, options: JobOptions, commands: str, *, log: Path, **keys: str) -> str:
    """Return the text of a job file for sbatch.

    Parameters
    ----------
    name
        Name of the job.
    options
        Options from the user; they override ``keys``.
    commands
        Lines of bash. ``run COMMAND...`` starts a program that receives SLURM's warning as SIGUSR1, and ends the job if
        the program fails. Exit code 4 (some items failed) does not end the job but becomes its exit code.
    log
        File of all output; may contain ``%A``, ``%a`` and ``%j``.
    keys
        Long options of sbatch, with ``_`` for ``-``.
    """
    defaults = {
        "job-name": name,
        "output": str(log),
        "open-mode": "append",
        "requeue": None,
        "signal": f"B:USR1@{WARNING}",
        **{key.replace("_", "-"): value for key, value in keys.items()},
    }
    given = sbatch_keys(options)
    if "no-requeue" in given:
        del defaults["requeue"]
    lines = [
        f"#SBATCH --{key}" + ("" if value is None else f"={_quoted(value)}")
        for key, value in (defaults | given).items()
    ]
    return "\n".join(["#!/bin/bash", *lines, _SHELL, commands.rstrip(), 'exit "${failed:-0}"', ""])


def _quoted(value: str) -> str:
    """Quote a value for an #SBATCH line: double quotes preserve spaces."""
    return f'"{value}"' if re.search(r"\s|#", value) else value


#: A signal interrupts bash's ``wait`` but not the child process: hence the second wait.
_SHELL = rf"""
job=${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID}}
job=${{job:-$SLURM_JOB_ID}}
child= signaled= warned=
trap 'signaled=1 warned=1; [ -z "$child" ] || kill -USR1 "$child"' USR1
trap 'signaled=1; [ -z "$child" ] || kill -USR1 "$child"' TERM

run() {{
    stopped=
    "$@" &
    child=$!
    wait "$child"
    code=$?
    while [ -n "$signaled" ]; do
        signaled= stopped=1
        wait "$child"
        code=$?
    done
    child=
    [ "$code" -ne 0 ] || return 0
    if [ "$code" -eq 75 ] || [ -n "$stopped" ]; then
        # requeue near the time limit; after SIGTERM (scancel, preemption) SLURM decides
        if [ -n "$warned" ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {RESTARTS} ]; then
            scontrol requeue "$job"
        fi
        exit 75
    fi
    [ "$code" -ne 4 ] || {{ failed=4; return 0; }} # some frames or videos failed: the log names them
    exit "$code"
}}
"""


def submit(path: Path, *, after: int | None = None) -> int:
    """Submit a job file with sbatch.

    Parameters
    ----------
    path
        The job file.
    after
        Number of a job that must have ended, successfully or not, before this one starts.

    Returns
    -------
    int
        Number of the job.

    Raises
    ------
    DlcxError
        If sbatch is missing or rejects the file.
    """
    wait = [] if after is None else [f"--dependency=afterany:{after}"]
    output = _call(["sbatch", "--parsable", *wait, str(path)])
    number = output.strip().partition(";")[0]
    if not number.isdecimal():
        raise DlcxError(f"sbatch {path}: expected the number of a job, got '{output.strip()}'")
    return int(number)


def cancel(jobs: Sequence[int]) -> None:
    """Cancel jobs."""
    _call(["scancel", *map(str, jobs)])


def in_queue(jobs: Sequence[int]) -> dict[int, str]:
    """Return the state of those jobs that are pending or running."""
    if not jobs:
        return {}
    states: dict[int, str] = {}
    for line in _call(["squeue", "--me", "--noheader", "--format=%A %F %T"]).splitlines():
        _, job, state = line.split()
        if int(job) in jobs and states.get(int(job)) != "RUNNING":
            states[int(job)] = state
    return states


def setting(name: str) -> str | None:
    """Return a setting of the cluster from ``scontrol show config``; None if it is missing."""
    found = re.search(rf"^{name}\s*=\s*(\S+)", _call(["scontrol", "show", "config"]), re.MULTILINE)
    return found[1] if found else None


def _call(words: Sequence[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        raise DlcxError(
            f"--cluster slurm: {words[0]} is not on PATH",
            hint="Run the command on a login node, or use --dry-run to print the job files.",
        ) from None
    except subprocess.TimeoutExpired:
        raise DlcxError(f"--cluster slurm: {words[0]} did not answer for two minutes") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        message = "; ".join(lines).replace(f"{words[0]}: error: ", "") or f"exit code {done.returncode}"
        raise DlcxError(
            f"--cluster slurm: {words[0]}: {message}",
            hint="Run `sinfo` to list partitions. Options: --partition, --time, --gpus, --cpus, --mem, --set-sbatch.",
        )
    return done.stdout
