"""The files that a command is given: paths, folders and glob patterns."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.paths import user_path


def find_files(
    wanted: Sequence[str | Path],
    suffixes: Sequence[str],
    what: str,
    *,
    left_out: Callable[[Path], bool] = lambda path: False,
) -> list[Path]:
    """The files that paths, folders and glob patterns name, each once, sorted within a folder or pattern.

    Of a folder those with one of the ``suffixes`` that are not ``left_out``; ``what`` they are is for messages.

    Raises
    ------
    DlcxError
        When a path does not exist, or nothing is found at all.
    """
    found: list[Path] = []
    for item in wanted:
        path = user_path(item)
        if path.is_dir():
            entries = sorted(path.iterdir())
            found.extend(entry for entry in entries if entry.suffix.lower() in suffixes and not left_out(entry))
        elif path.is_file():
            found.append(path)
        elif glob.has_magic(str(item)):
            found.extend(Path(match) for match in sorted(glob.glob(str(path), recursive=True)) if Path(match).is_file())
        else:
            raise DlcxError(f"no such {what} or folder: {item}")
    if not found:
        raise DlcxError(
            f"no {what} in {', '.join(map(str, wanted)) or 'an empty list'}",
            hint=f"A folder is searched for {' '.join(suffixes)}.",
        )
    return list({path.resolve(): path for path in found}.values())
