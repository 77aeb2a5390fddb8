"""``manifest.json`` of a chunk store: its settings, its chunks with their checksums, and the frames already written.

::

    {"format": 1,
     "settings": {"video": {...}, "--batch-size": 8, ...},
     "written": [0, 5000],                                    null until the output files are complete
     "chunks": [{"first": 0, "stop": 512, "sha256": "...", "seconds": 3.2}, ...]}
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError
from dlcx.outputs import write_text
from dlcx.untrusted_files import MAX_FRAMES, open_binary, read_json

FORMAT = 1
MANIFEST = "manifest.json"
#: Name of the file that marks a restarted analysis, see :mod:`dlcx.store.restart_marker`.
RESTART_MARKER = "overwrite.txt"


@dataclass(frozen=True)
class Chunk:
    """The frames ``first`` to ``stop`` (excluded) in one file of the store.

    Attributes
    ----------
    first, stop
        Frame numbers.
    sha256
        Digest of the file.
    seconds
        Time that their analysis took; None if it was not measured.
    """

    first: int
    stop: int
    sha256: str
    seconds: float | None = None

    @property
    def file(self) -> str:
        """Name of the file in the store's folder."""
        return f"frames-{self.first:09d}.npz"

    def read(self, folder: Path) -> bytes | None:
        """Return the content of the file; None if it is missing or differs from what was written."""
        try:
            with open_binary(folder / self.file) as file:
                content = file.read()
        except (OSError, DlcxError):
            return None
        return content if hashlib.sha256(content).hexdigest() == self.sha256 else None

    def is_intact(self, folder: Path) -> bool:
        """Return whether the file holds what was written."""
        return self.read(folder) is not None


@dataclass(frozen=True)
class Manifest:
    """The content of a manifest.

    Attributes
    ----------
    settings
        All settings that the stored poses depend on.
    chunks
        The chunks of the store.
    written
        First frame of the output files and the one after their last; None until the files are complete.
    """

    settings: Mapping[str, Any]
    chunks: Sequence[Chunk]
    written: tuple[int, int] | None


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of a store.

    Returns
    -------
    Manifest or None
        None if the folder does not exist, is empty, or holds only leftovers of a run that was killed early.

    Raises
    ------
    DlcxError
        If the manifest cannot be read, or the folder holds other files.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        if folder.exists() and (not folder.is_dir() or any(not _may_be_left(entry.name) for entry in folder.iterdir())):
            raise DlcxError(f"{folder} exists and is not a chunk store", hint="Move it away, or name another --out.")
        return None
    try:
        content = read_json(path)
        if content["format"] == FORMAT:
            return _parse_manifest(content)
        reason = f"format {content['format']}, this dlcx reads {FORMAT}"
    except (DlcxError, ValueError, KeyError, TypeError, OSError, OverflowError, RecursionError) as error:
        reason = f"it cannot be read ({error})"
    raise DlcxError(f"{path}: {reason}", hint="Add --overwrite to analyze the video again.")


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the manifest of a store completely or not at all.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    content = {
        "format": FORMAT,
        "settings": manifest.settings,
        "written": manifest.written,
        "chunks": [asdict(chunk) for chunk in manifest.chunks],
    }
    write_text(folder / MANIFEST, json.dumps(content, indent=1) + "\n")


def stored_settings(folder: Path) -> dict[str, Any] | None:
    """Return the settings of the store in ``folder``, or None if there is no store.

    Raises
    ------
    DlcxError
        As :func:`read_manifest` does.
    """
    manifest = read_manifest(folder)
    return None if manifest is None else dict(manifest.settings)


def written_frames(folder: Path) -> tuple[int, int] | None:
    """Return the first frame of the output files and the one after their last.

    Returns
    -------
    tuple of int or None
        None if there is no store, or the output files are not complete.

    Raises
    ------
    DlcxError
        As :func:`read_manifest` does.
    """
    manifest = read_manifest(folder) if folder.is_dir() else None
    return manifest.written if manifest else None


def _parse_manifest(content: Mapping[str, Any]) -> Manifest:
    if not isinstance(content["settings"], dict):
        raise TypeError(f"settings {content['settings']!r:.60}")
    chunks = [_parse_chunk(entry) for entry in content["chunks"]]
    return Manifest(content["settings"], chunks, _parse_written(content["written"]))


def _parse_written(value: Any) -> tuple[int, int] | None:
    if not value:
        return None
    start, stop = map(_parse_frame, value)
    if start > stop:
        raise ValueError(f"written {value}")
    return start, stop


def _parse_chunk(entry: Any) -> Chunk:
    if not isinstance(entry, dict):
        raise TypeError(f"chunk {entry!r:.60}")
    seconds = entry.get("seconds")  # absent from stores of older versions
    if seconds is not None and not 0 <= float(seconds) < math.inf:
        raise ValueError(f"seconds {seconds}")
    first, stop = _parse_frame(entry["first"]), _parse_frame(entry["stop"])
    if first >= stop:
        raise ValueError(f"chunk of frames {first} to {stop}")
    return Chunk(first, stop, str(entry["sha256"]), None if seconds is None else float(seconds))


def _parse_frame(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_FRAMES:
        raise ValueError(f"frame {value!r:.60}")
    return value


def _may_be_left(name: str) -> bool:
    """Return whether a run that was killed before its first manifest may have left a file of this name."""
    temporary = name.startswith((".manifest.", ".overwrite.")) and ".part" in name
    return name == RESTART_MARKER or name.endswith(".npz") or temporary
