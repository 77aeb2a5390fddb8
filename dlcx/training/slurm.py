"""Training in a SLURM job, on one node or several."""

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

#: Address at which the processes of all nodes meet; torchrun sets the same variables.
_RENDEZVOUS = """\
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
    """What a call asks of SLURM.

    Attributes
    ----------
    options
        Options of sbatch.
    nodes, devices
        Number of nodes and of processes per node.
    dry_run
        Return the job file without submitting it.
    """

    options: JobOptions
    nodes: int = 1
    devices: int = 1
    dry_run: bool = False

    def text(self, words: Sequence[str], log: Path) -> str:
        """The job file for sbatch."""
        command = [sys.executable, "-m", "dlcx", "train", *words]
        command_text = " ".join(map(shlex.quote, command))
        lines = [
            'export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"',
            f"cd {shlex.quote(str(Path.cwd()))}",
        ]
        several = self.nodes * self.devices > 1
        if several:
            lines += [
                _RENDEZVOUS,
                'run srun --kill-on-bad-exit=1 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" \\',
                f"    bash -c {_RANK} dlcx {command_text}",
            ]
        else:
            lines.append(f"run {command_text}")
        keys = {"nodes": str(self.nodes), "ntasks-per-node": str(self.devices)} if several else {}
        return job_file("dlcx-train", self.options, "\n".join(lines), log=log, **keys)


def submit_training(shuffle: Shuffle, call: Mapping[str, Any], job: TrainingJob) -> SubmittedTraining:
    """Submit the training of a shuffle, unless its job is pending or running.

    Raises
    ------
    DlcxError
        If SLURM is missing or rejects the job.
    """
    folder = shuffle.train_dir / "slurm"
    path, log, record = folder / "train.sbatch", folder / "train.log", folder / "job.json"
    device = call["device"]
    if device == "auto" and job.options.gpus:
        device = "cuda"
    words = [*flags({**call, "project": shuffle.project.root, "device": device}), "--quiet"]
    found = SubmittedTraining(shuffle.name, path, log, job.text(words, log), dry_run=job.dry_run)
    if job.dry_run:
        return found
    with exclusive_edit(record):  # concurrent calls submit one job
        before: int | None = None
        with suppress(DlcxError, ValueError, TypeError, KeyError):
            before = int(read_json(record)["job"])
        if before is not None and (state := in_queue([before]).get(before)):
            return SubmittedTraining(shuffle.name, path, log, found.text, job=before, state=state)
        write_text(path, found.text)
        number = submit(path)
        write_text(record, json.dumps({"job": number}) + "\n")
    return SubmittedTraining(shuffle.name, path, log, found.text, job=number)


def checked_job(cluster: str, options: JobOptions, *, nodes: int, devices: int, dry_run: bool) -> TrainingJob:
    """Return the job that the flags describe; by default one process per GPU of a node.

    Raises
    ------
    DlcxError
        If the cluster is not ``slurm``.
    """
    if cluster != "slurm":
        raise DlcxError(
            f"--cluster {cluster}: training supports --cluster slurm only",
            hint="Use --devices N for the GPUs of this machine.",
        )
    return TrainingJob(options, nodes, devices if devices > 1 else options.gpus or 1, dry_run)
