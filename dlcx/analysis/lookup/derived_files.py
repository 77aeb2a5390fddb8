"""Files derived from a file of poses: existing ones are kept, and refused if their poses or settings differ."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlcx.analysis_files import origin_note
from dlcx.errors import DlcxError
from dlcx.outputs import is_marked_outdated, write_text
from dlcx.untrusted_files import open_binary, read_text

logger = logging.getLogger(__name__)

#: Seconds by which a file must be older than its source: some file systems and copies round times.
OLDER = 2.0


def origin_of(source: Path, **settings: Any) -> str:
    """Return the origin of a file derived from poses, as JSON: a digest of the poses and the settings.

    Raises
    ------
    DlcxError
        If the poses cannot be read.
    """
    with open_binary(source) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return json.dumps({**settings, "poses": digest}, sort_keys=True)


def is_there(path: Path, origin: str, *, overwrite: bool) -> bool:
    """Return whether the derived h5 exists, is complete, and has this origin.

    Files without an origin were written by another program and count as up to date.

    Raises
    ------
    DlcxError
        If the file was made from other poses or with other settings and ``overwrite`` is False.
    """
    from dlcx.formats.predictions.pose_tables import read_origin

    if overwrite or not path.exists():
        return False
    if was := read_origin(path):
        refuse_others(path, was, origin)
    return not is_marked_outdated(path.with_suffix(".csv"))  # a process was killed after writing only one of them


def is_outdated(path: Path, source: Path) -> bool:
    """Return whether an h5 was made from other poses than ``source`` now holds; False if that is unknown.

    If the file has no origin, like those of DeepLabCut, a warning is logged if it is older than ``source``.
    """
    from dlcx.formats.predictions.pose_tables import read_origin

    if path.suffix != ".h5" or not source.is_file():
        return False
    made_from = _settings(read_origin(path)).get("poses")
    if made_from:
        return bool(made_from != _settings(origin_of(source))["poses"])
    if path.stat().st_mtime + OLDER < source.stat().st_mtime:
        logger.warning("%s is older than the poses that it was made from, %s", path, source.name)
    return False


def settings_of(path: Path) -> dict[str, Any]:
    """Return the settings that an h5 was made with, by name; empty if the file has no origin."""
    from dlcx.formats.predictions.pose_tables import read_origin

    settings = _settings(read_origin(path)) if path.suffix == ".h5" else {}
    return {name: value for name, value in settings.items() if name != "poses"}


def note_origin(path: Path, origin: str) -> None:
    """Write the origin of a file to a note beside it, for formats that cannot hold text.

    The note also holds the size of the file, so that it does not apply to another file of the same name.

    Raises
    ------
    DlcxError
        If the note cannot be written.
    """
    write_text(
        origin_note(path), json.dumps({"bytes": path.stat().st_size, "made": _settings(origin)}, indent=1) + "\n"
    )


def noted_origin(path: Path) -> str:
    """Return the origin that :func:`note_origin` wrote for a file; empty if there is none or the file was replaced."""
    note = origin_note(path)
    there: dict[str, Any] = {}
    with suppress(DlcxError):
        there = _settings(read_text(note))
    return json.dumps(there.get("made")) if there.get("bytes") == path.stat().st_size else ""


def refuse_others(path: Path, was: str, asked: str) -> None:
    """Compare the origin of a file with the requested one.

    Raises
    ------
    DlcxError
        If the file has no origin, or was made from other poses or with other settings.
    """
    there, now = _settings(was), _settings(asked)
    if there == now:
        return
    if not there:
        reason = "does not say how it was made"
    elif there.get("poses") != now.get("poses"):
        reason = "is made of poses that have changed since"
    else:
        differ = [key for key in (*now, *(there.keys() - now.keys())) if there.get(key) != now.get(key)]
        both = [key for key in differ if there.get(key) is not None and now.get(key) is not None]
        named = (f"{key} {_said(there.get(key))}, now {_said(now.get(key))}" for key in both or differ)
        reason = f"was made with other settings: {', '.join(named)}"
    raise DlcxError(f"{path} {reason}", hint="--overwrite writes it again.")


def _said(value: Any) -> str:
    """Format a setting for a message."""
    if isinstance(value, list):
        return " ".join("-".join(map(str, one)) if isinstance(one, list) else str(one) for one in value) or "none"
    return "none" if value is None else str(value)


def _settings(origin: str) -> dict[str, Any]:
    try:
        settings = json.loads(origin)
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}
