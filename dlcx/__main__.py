"""``python -m dlcx`` and the console script ``dlcx``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    open_closed_streams()
    from dlcx.operating_system import write_utf8_to_pipes

    write_utf8_to_pipes()
    os.environ["MPLBACKEND"] = "agg"  # charts go to files; a notebook's backend, or none that exists, is of no use
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # dlcx says itself which file cannot be read
    from dlcx.cli.app import run

    sys.exit(run(sys.argv[1:]))


def open_closed_streams() -> None:
    """Point standard streams that the caller closed (cron, daemons, ``>&-``) at the null device.

    Python sets such a stream to None, and the next file that the process opens takes its number: what a library
    then prints to "stderr" would end up in that file.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        null = os.open(os.devnull, os.O_RDWR)
        if null != number and not _is_open(number):
            os.dup2(null, number)
            os.close(null)
            null = number
        stream = open(null, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
