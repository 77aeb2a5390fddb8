"""The mark at the end of videos that dlcx draws, by which they are known again under any name.

It is padding of the container, which players skip: a ``free`` box of MP4 and MOV, a ``JUNK`` chunk of AVI, a ``Void``
element of Matroska and WebM.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.untrusted_files import open_binary

TEXT = b"video with poses drawn by dlcx"
_BOX = (8 + len(TEXT)).to_bytes(4, "big") + b"free" + TEXT
_CHUNK = b"JUNK" + len(TEXT).to_bytes(4, "little") + TEXT
_ELEMENT = b"\xec" + bytes([0x80 | len(TEXT)]) + TEXT
_MARKS = {".mp4": _BOX, ".mov": _BOX, ".avi": _CHUNK, ".mkv": _ELEMENT, ".webm": _ELEMENT}


def mark_labeled_video(path: Path) -> None:
    """Append the mark to a video file of a container that has one.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    if padding := _MARKS.get(path.suffix.lower()):
        with open(path, "ab") as file:
            file.write(padding)


def is_marked_labeled_video(path: Path) -> bool:
    """Whether a file ends with the mark."""
    with suppress(OSError, DlcxError), open_binary(path) as file:
        file.seek(-min(len(TEXT), path.stat().st_size), 2)
        return file.read() == TEXT
    return False
