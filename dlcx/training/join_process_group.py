"""Join the process group that ``torchrun`` started, if any."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from dlcx.distributed_environment import is_distributed, is_supervised, stop_with_parent
from dlcx.training.process_group import ProcessGroup


@contextmanager
def join_process_group() -> Iterator[ProcessGroup]:
    """Yield the process group described by the environment that ``torchrun`` sets, or a single process.

    Raises
    ------
    AlreadyReported
        If this process ends because another one failed; that one reports the error.
    DlcxError
        If another process was lost.
    """
    if not is_distributed():
        yield ProcessGroup()
        return
    if is_supervised():
        stop_with_parent()
    from dlcx.training.torch_process_group import TorchProcessGroup

    group = TorchProcessGroup()
    package_logger = logging.getLogger("dlcx")
    level = package_logger.level
    if not group.is_main:
        package_logger.setLevel(logging.CRITICAL)
    try:
        yield group
        group.barrier()
    except BaseException as error:
        reported = group.explain(error)
        if reported is error:
            raise
        raise reported from error
    finally:
        package_logger.setLevel(level)
    group.destroy()
