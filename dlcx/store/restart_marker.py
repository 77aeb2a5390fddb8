"""Analyses that replace others (``--overwrite``): the same call goes on with what it has begun, as any call does.

A file in the store's folder says which call has begun anew there.  From then on all that the store holds is that
call's; the file goes when the call has ended.
"""

from __future__ import annotations

from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.outputs import write_text
from dlcx.store.chunks import BEGUN, MANIFEST, stored_settings
from dlcx.untrusted_files import read_text


def mark_restart(folder: Path, call: str) -> None:
    """Forget what the store in ``folder`` holds; the folder stays, a sign that the output is dlcx's own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)  # first: a kill in between loses nothing that is new
    write_text(folder / BEGUN, call)


def has_restarted(folder: Path, call: str | None = None) -> bool:
    """Whether ``call`` (None: any) has begun anew in ``folder`` and has not ended, and what it left can be read."""
    try:
        found = read_text(folder / BEGUN)
        stored_settings(folder)
    except (OSError, ValueError, DlcxError):
        return False
    return call in (None, found)


def end(folder: Path) -> None:
    """The call has ended: the next one that is to replace what is there begins anew."""
    (folder / BEGUN).unlink(missing_ok=True)
