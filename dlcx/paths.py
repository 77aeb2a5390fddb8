"""Paths as users write them."""

from __future__ import annotations

import os
from pathlib import Path


def user_path(text: str | Path) -> Path:
    """The path with ``~`` and ``~name`` replaced, as a shell does: where there is no such user, a file is called so.

    ``./~file`` is a file too, so a text must not become a ``Path``, which drops the ``./``, before it comes here.
    """
    return Path(os.path.expanduser(text))


def decoder_name(path: Path) -> str:
    """The name of a file for FFmpeg and OpenCV, which would take ``cam:1.avi`` for an address of the protocol ``cam``.

    An absolute path has nothing before its first slash, so it is a file whatever it is called.
    """
    return str(path.absolute())
