"""Files that are made of a file of poses: kept when they are there, told when they are of something else."""

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

#: Seconds by which a file must be older to be called so: some file systems and copies round times.
OLDER = 2.0


def origin_of(source: Path, **settings: Any) -> str:
    """Text that says of which poses a file is made, and how."""
    with open_binary(source) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return json.dumps({**settings, "poses": digest}, sort_keys=True)


def is_there(path: Path, origin: str, *, overwrite: bool) -> bool:
    """Whether the h5 is there and made as asked for (or by another program, which does not say how).

    Raises
    ------
    DlcxError
        When it was made of other poses or with other settings, and is not to be replaced.
    """
    from dlcx.formats.predictions.pose_tables import read_origin

    if overwrite or not path.exists():
        return False
    if was := read_origin(path):
        refuse_others(path, was, origin)
    return not is_marked_outdated(path.with_suffix(".csv"))  # a process was killed between the two


def is_outdated(path: Path, source: Path) -> bool:
    """Whether the h5 was made from other poses than its source holds now; False where that cannot be known.

    A file that does not say what it was made from, as DeepLabCut's, only gets a warning when it is the older one.
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
    """The settings with which the h5 was made, by name; nothing where it does not say."""
    from dlcx.formats.predictions.pose_tables import read_origin

    settings = _settings(read_origin(path)) if path.suffix == ".h5" else {}
    return {name: value for name, value in settings.items() if name != "poses"}


def note_origin(path: Path, origin: str) -> None:
    """Write beside a file that holds no text what it was made of; with its size, so that another file is not meant."""
    write_text(
        origin_note(path), json.dumps({"bytes": path.stat().st_size, "made": _settings(origin)}, indent=1) + "\n"
    )


def noted_origin(path: Path) -> str:
    """What :func:`note_origin` has written of a file; nothing where it is of another one."""
    note = origin_note(path)
    there: dict[str, Any] = {}
    with suppress(DlcxError):
        there = _settings(read_text(note))
    return json.dumps(there.get("made")) if there.get("bytes") == path.stat().st_size else ""


def refuse_others(path: Path, was: str, asked: str) -> None:
    """Compare what a file says of its origin with what is asked for.

    Raises
    ------
    DlcxError
        When it was made of other poses, with other settings, or does not say how.
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
    raise DlcxError(f"{path} {reason}", hint="--overwrite makes it anew.")


def _said(value: Any) -> str:
    """A setting in words."""
    if isinstance(value, list):
        return " ".join("-".join(map(str, one)) if isinstance(one, list) else str(one) for one in value) or "none"
    return "none" if value is None else str(value)


def _settings(origin: str) -> dict[str, Any]:
    try:
        settings = json.loads(origin)
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}
