"""Mark labeled videos, so that dlcx recognizes them under any file name.

The mark is padding at the end of the container, which players skip: a ``free`` box in MP4 and MOV, a ``JUNK`` chunk in
AVI, and a ``Void`` element in Matroska and WebM.
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
    """Append the mark to a video file; containers without a suitable element stay unmarked.

    Parameters
    ----------
    path
        A complete video file.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if padding := _MARKS.get(path.suffix.lower()):
        with open(path, "ab") as file:
            file.write(padding)


def is_marked_labeled_video(path: Path) -> bool:
    """Whether a file ends with the mark; False if it cannot be read."""
    with suppress(OSError, DlcxError), open_binary(path) as file:
        file.seek(-min(len(TEXT), path.stat().st_size), 2)
        return file.read() == TEXT
    return False
