"""Find the files that a command is given as paths, folders and glob patterns."""

from __future__ import annotations

import glob
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.user_paths import user_path

logger = logging.getLogger(__name__)

#: Maximum number of skipped files that a message names.
MAX_NAMED_FILES = 3


def find_files(
    wanted: Sequence[str | Path],
    suffixes: Sequence[str],
    kind: str,
    *,
    is_output: Callable[[Path], bool] = lambda path: False,
) -> list[Path]:
    """Find the files that paths, folders and glob patterns name.

    Parameters
    ----------
    wanted
        Paths of files and folders, and glob patterns.  Folders are not searched recursively; their hidden files are
        skipped.
    suffixes
        Accepted suffixes, lower case with a dot, for the files of a folder and of a pattern without a suffix.
    kind
        What the files are (``"video"``), for messages.
    is_output
        Whether an earlier command wrote a file.  Such files are skipped with a warning, because shells expand patterns
        to them, unless one is the only argument.

    Returns
    -------
    list of Path
        Each file once, in the order of ``wanted``, sorted within a folder or pattern.

    Raises
    ------
    DlcxError
        If a path does not exist, or no file is found.
    """
    every = [path for item in wanted for path in _expand(item, suffixes, kind)]
    distinct = list({path.resolve(): path for path in every}.values())
    skipped = [path for path in distinct if is_output(path)]
    found = [path for path in distinct if path not in skipped]
    if len(wanted) == 1 and skipped == [user_path(wanted[0])]:
        logger.warning("%s was made from an analysis; it is used because it is the only %s named", skipped[0], kind)
        return skipped
    if skipped:
        more = f" and {len(skipped) - MAX_NAMED_FILES} more" if len(skipped) > MAX_NAMED_FILES else ""
        names = ", ".join(path.name for path in skipped[:MAX_NAMED_FILES])
        logger.warning("skipped files made from an analysis: %s%s", names, more)
    if not found:
        reason = f": {skipped[0].name} was made from an analysis" if skipped else ""
        hint = f"Name it alone to use it as a {kind}." if skipped else f"A folder is searched for {' '.join(suffixes)}."
        raise DlcxError(f"no {kind} in {', '.join(map(str, wanted)) or 'an empty list'}{reason}", hint=hint)
    return found


def _expand(item: str | Path, suffixes: Sequence[str], kind: str) -> list[Path]:
    """Files named by a path, folder or pattern; hidden files only if named themselves."""
    path = user_path(item)
    if path.is_dir():
        entries = (entry for entry in sorted(path.iterdir()) if not entry.name.startswith("."))
        return [entry for entry in entries if entry.suffix.lower() in suffixes]
    if path.exists():  # readers refuse what is not a regular file
        return [path]
    if not glob.has_magic(str(item)):
        raise DlcxError(f"no such {kind} or folder: {item}")
    matches = [match for match in map(Path, sorted(glob.glob(str(path), recursive=True))) if match.is_file()]
    has_suffix = path.suffix and not glob.has_magic(path.suffix)
    return matches if has_suffix else [match for match in matches if match.suffix.lower() in suffixes]
