"""Training in a SLURM job, on one node or several."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from dlcx.cluster.sbatch import in_queue, job_file, submit
from dlcx.errors import DlcxError
from dlcx.locks import exclusive_edit
from dlcx.options.command_line import words
from dlcx.options.commands.train import TrainOptions
from dlcx.outputs import write_text
from dlcx.project import Shuffle
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
        """Return the lines to print; with ``--dry-run`` the job file itself."""
        if self.dry_run:
            return [f"# {self.path}", *self.text.splitlines()]
        what = f"already submitted: {self.job} {self.state}" if self.state else f"job: {self.job}"
        return [f"shuffle: {self.shuffle}", what, f"progress: squeue --me --jobs={self.job}", f"log: {self.log}"]


def _job_text(options: TrainOptions, call: TrainOptions, log: Path) -> str:
    """The job file for sbatch: ``options`` describe the job, ``call`` is the training that it runs."""
    command_text = " ".join(map(shlex.quote, [sys.executable, "-m", "dlcx", *words(call), "--quiet"]))
    lines = [
        'export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"',
        f"cd {shlex.quote(str(Path.cwd()))}",
    ]
    keys: dict[str, str] = {}
    if options.nodes * options.node_processes > 1:
        keys = {"nodes": str(options.nodes), "ntasks-per-node": str(options.node_processes)}
        lines += [
            _RENDEZVOUS,
            'run srun --kill-on-bad-exit=1 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" \\',
            f"    bash -c {_RANK} dlcx {command_text}",
        ]
    else:
        lines.append(f"run {command_text}")
    return job_file("dlcx-train", options, "\n".join(lines), log=log, **keys)


def submit_training(shuffle: Shuffle, options: TrainOptions) -> SubmittedTraining:
    """Submit the training of a shuffle, unless its job is pending or running.

    Raises
    ------
    DlcxError
        If SLURM is missing or rejects the job.
    """
    folder = shuffle.train_dir / "slurm"
    path, log, record = folder / "train.sbatch", folder / "train.log", folder / "job.json"
    device = "cuda" if options.device == "auto" and options.gpus else options.device
    call = replace(options.for_one_process(), project=shuffle.project.root, device=device)
    text = _job_text(options, call, log)
    found = SubmittedTraining(shuffle.name, path, log, text, dry_run=options.dry_run)
    if options.dry_run:
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
