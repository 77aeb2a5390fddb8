"""Run ``dlcx train`` in several processes of this machine."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

from dlcx.cluster.torchrun import launch
from dlcx.distributed_environment import is_distributed
from dlcx.errors import DlcxError
from dlcx.progress import Progress
from dlcx.training.result import TrainResult, read_result

#: Flags that are not called as their parameters are.
_FLAGS = {"overrides": "--set"}


def train_in_processes(count: int, options: Mapping[str, Any], progress: Progress) -> TrainResult:
    """Train in ``count`` processes of this machine.

    Raises
    ------
    AlreadyReported
        If they fail; one of them has printed the error.
    DlcxError
        If a process was killed.
    """
    if is_distributed():
        raise DlcxError(f"--devices {count}: this process already belongs to a group", hint="Leave out --devices.")
    words = [sys.executable, "-m", "dlcx", "train", "--json", *flags(options)]
    talk = logging.getLogger("dlcx").getEffectiveLevel()
    words += ["--debug"] if talk <= logging.DEBUG else ["--verbose"] if talk <= logging.INFO else []
    words += progress.flags
    return read_result(launch(words, count))


def flags(options: Mapping[str, Any]) -> list[str]:
    """Words of the command line for parameters of :func:`dlcx.workflow.train.train`; None and False are left out."""
    words = []
    for name, value in options.items():
        flag = _FLAGS.get(name, "--" + name.replace("_", "-"))
        if value is True:
            words.append(flag)
        elif isinstance(value, list | tuple):
            words.extend(word for one in value for word in (flag, str(one)))
        elif value is not None and value is not False:
            words.extend([flag, str(value)])
    return words
