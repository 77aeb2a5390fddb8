"""Paths as users write them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path


def user_path(text: str | Path) -> Path:
    """The path with ``~`` and ``~name`` replaced, as a shell does: where there is no such user, a file is called so.

    ``./~file`` is a file too, so a text must not become a ``Path``, which drops the ``./``, before it comes here.
    """
    return Path(os.path.expanduser(text))


def distinct_names(paths: Iterable[Path]) -> dict[Path, str]:
    """A name for each path: its stem, after as many of its folders as tell it apart from the others, with ``_``."""
    parts = {path: path.absolute().with_suffix("").parts[1:] for path in paths}
    names = {path: own[-1] for path, own in parts.items()}
    for depth in range(2, 2 + max(map(len, parts.values()), default=0)):
        taken = Counter(names.values())
        shared = [path for path, name in names.items() if taken[name] > 1]
        if not shared:
            return names
        names |= {path: "_".join(parts[path][-depth:]) for path in shared}
    taken = Counter(names.values())
    return {path: name if taken[name] == 1 else f"{name}_{path.suffix[1:]}" for path, name in names.items()}


def decoder_name(path: Path) -> str:
    """The name of a file for FFmpeg and OpenCV, which would take ``cam:1.avi`` for an address of the protocol ``cam``.

    An absolute path has nothing before its first slash, so it is a file whatever it is called.
    """
    return str(path.absolute())
