"""Join the process group that ``torchrun`` started, if any."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from dlcx.distributed_environment import is_distributed, is_supervised, stop_with_parent
from dlcx.training.process_group import ProcessGroup


@contextmanager
def join_process_group() -> Iterator[ProcessGroup]:
    """The processes that train together: those that the environment names as ``torchrun`` sets it, else this one alone.

    Raises
    ------
    AlreadyReported
        When this process ends because another one does, which says why.
    DlcxError
        When another one was lost.
    """
    if not is_distributed():
        yield ProcessGroup()
        return
    if is_supervised():
        stop_with_parent()
    from dlcx.training.torch_process_group import TorchProcessGroup

    group = TorchProcessGroup()
    talk = logging.getLogger("dlcx")
    level = talk.level
    if not group.is_main:
        talk.setLevel(logging.CRITICAL)
    try:
        yield group
        group.barrier()
    except BaseException as error:
        found = group.explain(error)
        if found is error:
            raise
        raise found from error
    finally:
        talk.setLevel(level)
    group.destroy()
