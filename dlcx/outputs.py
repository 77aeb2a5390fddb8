"""Every output is whole or absent: written beside its final name, flushed to the disk, renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dlcx.errors import DlcxError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path with the same suffix in the same folder; on success it becomes ``path``.

    The folder is made when it is missing.  When the body raises, ``path`` keeps what it held before.

    Raises
    ------
    DlcxError
        When the folder or file cannot be written (permissions, disk full).
    """
    path = Path(path)
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        with open(beside, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise DlcxError(
            f"cannot write {path}: {error.strerror or error}",
            hint="Check free disk space and permissions; nothing existing was changed.",
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
