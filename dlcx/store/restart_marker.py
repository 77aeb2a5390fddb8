"""The restart marker: which command has restarted an analysis with ``--overwrite``.

The marker is a file in the store's folder that holds a digest of the command.  While it exists, everything in the store
belongs to that command, so running the same command again resumes instead of starting over.  It is removed when the
command has finished.
"""

from __future__ import annotations

from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.outputs import write_text
from dlcx.store.manifest import MANIFEST, RESTART_MARKER, stored_settings
from dlcx.untrusted_files import read_text


def mark_restart(folder: Path, call: str) -> None:
    """Discard the stored poses and mark the analysis as restarted by ``call``.

    The folder remains, since it shows that the output files are those of dlcx.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)  # first, so that a kill in between loses no new poses
    write_text(folder / RESTART_MARKER, call)


def has_restarted(folder: Path, call: str | None = None) -> bool:
    """Return whether ``call`` (None: any call) has restarted the analysis and not finished it.

    A store that cannot be read does not count.
    """
    try:
        found = read_text(folder / RESTART_MARKER)
        stored_settings(folder)
    except (OSError, ValueError, DlcxError):
        return False
    return call in (None, found)


def clear_restart(folder: Path) -> None:
    """Remove the marker, because the command has finished."""
    (folder / RESTART_MARKER).unlink(missing_ok=True)
