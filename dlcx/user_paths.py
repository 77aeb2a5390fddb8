"""Paths as users write them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path


def user_path(text: str | Path) -> Path:
    """Return the path with ``~`` and ``~name`` expanded as a shell would.

    If there is no user of that name, ``~name`` is an ordinary file name.  Pass the text as the user wrote it: ``Path``
    drops the ``./`` of ``./~file``, which marks a file name that begins with a tilde.
    """
    return Path(os.path.expanduser(text))


def distinct_names(paths: Iterable[Path]) -> dict[Path, str]:
    """Return a different name for each path.

    The name is the stem of the file.  Files of the same stem get as many of their folders in front of it as it takes to
    tell them apart, joined by ``_``.
    """
    parts = {path: path.absolute().with_suffix("").parts[1:] for path in paths}
    names = {path: parts_of_path[-1] for path, parts_of_path in parts.items()}
    for depth in range(2, 2 + max(map(len, parts.values()), default=0)):
        counts = Counter(names.values())
        ambiguous = [path for path, name in names.items() if counts[name] > 1]
        if not ambiguous:
            return names
        names |= {path: "_".join(parts[path][-depth:]) for path in ambiguous}
    counts = Counter(names.values())
    return {path: name if counts[name] == 1 else f"{name}_{path.suffix[1:]}" for path, name in names.items()}


def decoder_name(path: Path) -> str:
    """Return the name of a video or image to pass to FFmpeg and OpenCV.

    They would take ``cam:1.avi`` for an address of the protocol ``cam``.  An absolute path cannot be mistaken, because
    nothing stands before its first slash.
    """
    return str(path.absolute())
