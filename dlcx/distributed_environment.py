"""The environment of processes that run one command together, started by ``torchrun`` or by dlcx itself.

``WORLD_SIZE`` gives the number of processes and ``RANK`` the number of this one.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from dlcx.operating_system import ask_this_process_to_stop

#: Set in processes that dlcx started and supervises: the parent holds their standard input open while it runs, reports
#: their results, and names those that failed.
SUPERVISED = "DLCX_SUPERVISED"


def is_distributed() -> bool:
    """Return whether this process is one of several that run the command together."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def is_main_process() -> bool:
    """Return whether this process writes the files and prints the results."""
    return not is_distributed() or os.environ["RANK"] == "0"


def is_supervised() -> bool:
    """Return whether the process that started this one supervises it."""
    return bool(os.environ.get(SUPERVISED))


def stop_with_parent() -> None:
    """Send SIGTERM to this process when the process that started it has ended."""

    def wait_for_parent() -> None:
        with suppress(OSError):
            while os.read(0, 1):  # not sys.stdin, whose lock would outlive the interpreter
                pass
        ask_this_process_to_stop()

    threading.Thread(target=wait_for_parent, name="parent", daemon=True).start()
