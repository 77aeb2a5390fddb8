"""Files that are made of a file of poses: kept when they are there, told when they are of something else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError


def origin_of(source: Path, **settings: Any) -> str:
    """Text that says of which poses a file is made, and how."""
    with open(source, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return json.dumps({**settings, "poses": digest}, sort_keys=True)


def is_there(path: Path, origin: str, *, overwrite: bool) -> bool:
    """Whether the h5 is there and made as asked for (or by another program, which does not say how).

    Raises
    ------
    DlcxError
        When it was made of other poses or with other settings, and is not to be replaced.
    """
    from dlcx.formats.pose_tables import read_origin

    if overwrite or not path.exists():
        return False
    was, now = _settings(read_origin(path)), _settings(origin)
    if was in ({}, now):
        return True
    if was.get("poses") != now["poses"]:
        reason = "is made of poses that have changed since"
    else:
        named = (f"{key} {value}" for key, value in was.items() if key != "poses" and now.get(key) != value)
        reason = f"was made with other settings: {', '.join(named)}"
    raise DlcxError(f"{path} {reason}", hint="--overwrite makes it anew.")


def _settings(origin: str) -> dict[str, Any]:
    try:
        settings = json.loads(origin)
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}
