"""``dlcx train`` in other processes than this one: several of this machine, which train together."""

from __future__ import annotations

import logging
import sys

from dlcx.cluster.torchrun import launch
from dlcx.distributed_environment import is_distributed
from dlcx.errors import DlcxError
from dlcx.options.command_line import words
from dlcx.options.commands.train import TrainOptions
from dlcx.progress import Progress
from dlcx.training.result import TrainResult, read_result


def train_in_processes(options: TrainOptions, progress: Progress) -> TrainResult:
    """Train in as many processes of this machine as ``options.devices`` says.

    Raises
    ------
    AlreadyReported
        When they end with an error, which one of them has printed.
    DlcxError
        When one was killed.
    """
    if is_distributed():
        raise DlcxError(
            f"--devices {options.devices}: this process already belongs to a group", hint="Leave out --devices."
        )
    call = [sys.executable, "-m", "dlcx", *words(options.for_one_process()), "--json"]
    talk = logging.getLogger("dlcx").getEffectiveLevel()
    call += ["--debug"] if talk <= logging.DEBUG else ["--verbose"] if talk <= logging.INFO else []
    call += progress.flags
    return read_result(launch(call, options.devices))
