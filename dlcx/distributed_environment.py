"""Processes of one call that do its work together, as ``torchrun`` or dlcx itself starts them: how one knows.

Their environment says so: ``WORLD_SIZE`` how many there are, ``RANK`` which one this is.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

#: Set for processes whose starter looks after them: it holds their standard input open while it lives, tells what they
#: have made, and names the ones that are lost.
SUPERVISED = "DLCX_SUPERVISED"


def is_distributed() -> bool:
    """Whether this process was started with others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def is_main_process() -> bool:
    """Whether this process is the one that writes and talks."""
    return not is_distributed() or os.environ["RANK"] == "0"


def is_supervised() -> bool:
    """Whether the process that has started this one looks after it."""
    return bool(os.environ.get(SUPERVISED))


def stop_with_parent() -> None:
    """Ask this process to stop (SIGTERM) when the one that has started it is gone."""

    def watch() -> None:
        with suppress(OSError):
            while os.read(0, 1):  # not sys.stdin, whose lock would outlive the interpreter
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="starter", daemon=True).start()
