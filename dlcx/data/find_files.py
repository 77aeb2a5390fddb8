"""The files that a command is given: paths, folders and glob patterns."""

from __future__ import annotations

import glob
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.user_paths import user_path

logger = logging.getLogger(__name__)

#: Skipped files that a message names one by one.
NAMED_FILES = 3


def find_files(
    wanted: Sequence[str | Path],
    suffixes: Sequence[str],
    what: str,
    *,
    made: Callable[[Path], bool] = lambda path: False,
) -> list[Path]:
    """The files that paths, folders and glob patterns name, each once, sorted within a folder or pattern.

    Of a folder, and of a pattern that names no suffix, those with one of the ``suffixes``; ``what`` they are is for
    messages.  Files that an earlier command has ``made`` are skipped with a message, also where a shell has written out
    a pattern, but for one that is named alone.

    Raises
    ------
    DlcxError
        When a path does not exist, or nothing is found at all.
    """
    every = [path for item in wanted for path in _named(item, suffixes, what)]
    distinct = list({path.resolve(): path for path in every}.values())
    skipped = [path for path in distinct if made(path)]
    found = [path for path in distinct if path not in skipped]
    if len(wanted) == 1 and skipped == [user_path(wanted[0])]:
        logger.warning("%s was made from an analysis; it is used because it is the only %s named", skipped[0], what)
        return skipped
    if skipped:
        more = f" and {len(skipped) - NAMED_FILES} more" if len(skipped) > NAMED_FILES else ""
        names = ", ".join(path.name for path in skipped[:NAMED_FILES])
        logger.warning("skipped what was made from an analysis: %s%s", names, more)
    if not found:
        reason = f": {skipped[0].name} was made from an analysis" if skipped else ""
        hint = f"Name it alone to use it as a {what}." if skipped else f"A folder is searched for {' '.join(suffixes)}."
        raise DlcxError(f"no {what} in {', '.join(map(str, wanted)) or 'an empty list'}{reason}", hint=hint)
    return found


def _named(item: str | Path, suffixes: Sequence[str], what: str) -> list[Path]:
    """The files that a path, folder or pattern names; hidden ones must be named."""
    path = user_path(item)
    if path.is_dir():
        entries = (entry for entry in sorted(path.iterdir()) if not entry.name.startswith("."))
        return [entry for entry in entries if entry.suffix.lower() in suffixes]
    if path.exists():  # what is not a regular file is refused when it is read
        return [path]
    if not glob.has_magic(str(item)):
        raise DlcxError(f"no such {what} or folder: {item}")
    matches = [match for match in map(Path, sorted(glob.glob(str(path), recursive=True))) if match.is_file()]
    says_suffix = path.suffix and not glob.has_magic(path.suffix)
    return matches if says_suffix else [match for match in matches if match.suffix.lower() in suffixes]
