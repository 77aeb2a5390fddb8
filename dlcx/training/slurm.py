"""``dlcx train --cluster slurm``: one job, on one node or several, that trains as the same call does without it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcx.cluster.sbatch import JobOptions, in_queue, job_file, submit
from dlcx.errors import DlcxError
from dlcx.locks import exclusive_edit
from dlcx.outputs import write_text
from dlcx.project import Shuffle
from dlcx.training.launch import flags
from dlcx.untrusted_files import read_json

#: How the processes find each other, whichever nodes they run on; torchrun sets the same variables.
_MEETING = """\
export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000)) WORLD_SIZE=$SLURM_NTASKS"""
_RANK = "'RANK=$SLURM_PROCID LOCAL_RANK=$SLURM_LOCALID exec \"$@\"'"


@dataclass(frozen=True)
class SubmittedTraining:
    """The job that trains; ``job`` is its number, None for ``dry_run``, ``state`` that of one submitted before."""

    shuffle: str
    path: Path
    log: Path
    text: str
    job: int | None = None
    state: str | None = None
    dry_run: bool = False

    def lines(self) -> list[str]:
        """One fact a line; the file itself for ``--dry-run``."""
        if self.dry_run:
            return [f"# {self.path}", *self.text.splitlines()]
        what = f"already submitted: {self.job} {self.state}" if self.state else f"job: {self.job}"
        return [f"shuffle: {self.shuffle}", what, f"progress: squeue --me --jobs={self.job}", f"log: {self.log}"]


@dataclass(frozen=True)
class TrainingJob:
    """What is asked of SLURM: ``nodes`` with ``devices`` processes each, or only to show the file."""

    options: JobOptions
    nodes: int = 1
    devices: int = 1
    dry_run: bool = False

    def text(self, words: Sequence[str], log: Path) -> str:
        """The file for sbatch."""
        command = [sys.executable, "-m", "dlcx", "train", *words]
        said = " ".join(map(shlex.quote, command))
        lines = [
            'export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"',
            f"cd {shlex.quote(str(Path.cwd()))}",
        ]
        several = self.nodes * self.devices > 1
        if several:
            lines += [
                _MEETING,
                'run srun --kill-on-bad-exit=1 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" \\',
                f"    bash -c {_RANK} dlcx {said}",
            ]
        else:
            lines.append(f"run {said}")
        keys = {"nodes": str(self.nodes), "ntasks-per-node": str(self.devices)} if several else {}
        return job_file("dlcx-train", self.options, "\n".join(lines), log=log, **keys)


def submit_training(place: Shuffle, call: Mapping[str, Any], job: TrainingJob) -> SubmittedTraining:
    """Submit the training of a shuffle, unless its job still waits or runs.

    ``call`` are the parameters of :func:`dlcx.workflow.train.train` but those of SLURM.

    Raises
    ------
    DlcxError
        When there is no SLURM, or it refuses.
    """
    folder = place.train_dir / "slurm"
    path, log, record = folder / "train.sbatch", folder / "train.log", folder / "job.json"
    device = call["device"]
    if device == "auto" and job.options.gpus:
        device = "cuda"
    words = [*flags({**call, "project": place.project.root, "device": device}), "--quiet"]
    found = SubmittedTraining(place.name, path, log, job.text(words, log), dry_run=job.dry_run)
    if job.dry_run:
        return found
    with exclusive_edit(record):  # two calls at once submit one job
        before: int | None = None
        with suppress(DlcxError, ValueError, TypeError, KeyError):
            before = int(read_json(record)["job"])
        if before is not None and (state := in_queue([before]).get(before)):
            return SubmittedTraining(place.name, path, log, found.text, job=before, state=state)
        write_text(path, found.text)
        number = submit(path)
        write_text(record, json.dumps({"job": number}) + "\n")
    return SubmittedTraining(place.name, path, log, found.text, job=number)


def checked_job(cluster: str, options: JobOptions, *, nodes: int, devices: int, dry_run: bool) -> TrainingJob:
    """What the flags ask for; each GPU of a node gets a process unless ``devices`` says how many.

    Raises
    ------
    DlcxError
        For another cluster than ``slurm``.
    """
    if cluster != "slurm":
        raise DlcxError(
            f"--cluster {cluster}: a training runs on slurm or here", hint="--devices N is for this machine's GPUs."
        )
    return TrainingJob(options, nodes, devices if devices > 1 else options.gpus or 1, dry_run)
