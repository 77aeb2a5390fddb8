"""Edits of a user's ``config.yaml`` that keep its comments, its order and every other line.

Each edit happens under the lock of the file, see :func:`dlcx.locks.exclusive_edit`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError
from dlcx.formats.project_config import check_video_name, read_project_config
from dlcx.formats.serialization.yaml_files import parse_yaml, read_yaml
from dlcx.locks import exclusive_edit
from dlcx.outputs import write_text
from dlcx.project import Video
from dlcx.untrusted_files import read_text


def add_train_fraction(path: str | Path, fraction: float) -> int:
    """Add a training fraction to TrainingFraction, unless it is already listed.

    Returns
    -------
    int
        Its index in the list, the trainset index.

    Raises
    ------
    DlcxError
        If the file is not valid or cannot be edited.
    """
    path = Path(path)
    if fraction in (fractions := read_project_config(path).TrainingFraction):
        return fractions.index(fraction)
    with exclusive_edit(path):
        fractions = read_project_config(path).TrainingFraction
        if fraction not in fractions:
            _edit(path, "TrainingFraction", fractions := [*fractions, fraction])
    return fractions.index(fraction)


def add_videos(path: str | Path, crops: Mapping[str, tuple[int, int, int, int]]) -> None:
    """Add videos to video_sets.

    Parameters
    ----------
    path
        A config.yaml.
    crops
        Path of each video, with its crop x1, x2, y1, y2 in pixels.

    Raises
    ------
    DlcxError
        If the file cannot be edited, or already lists another video of the same name.
    """
    path = Path(path)
    if not crops:
        return
    entries = {stored: {"crop": ", ".join(map(str, crop))} for stored, crop in crops.items()}
    with exclusive_edit(path):
        existing = read_yaml(path).get("video_sets") or {}
        new = {stored: entry for stored, entry in entries.items() if stored not in existing}
        for stored in new:
            check_video_name(Video(stored).stem, stored)
        stems = {Video(str(stored)).stem: stored for stored in existing}
        for stored in new:
            if other := stems.get(Video(stored).stem):
                raise DlcxError(
                    f"{path} already lists a video of this name: {other}, so {stored} is not added", hint="Rename it."
                )
        if new:
            _edit(path, "video_sets", {**existing, **new})


def set_iteration(path: str | Path, iteration: int) -> None:
    """Set the iteration, the current round of refinement.

    Raises
    ------
    DlcxError
        If the file cannot be edited.
    """
    with exclusive_edit(Path(path)):
        _edit(Path(path), "iteration", iteration)


def _edit(path: Path, key: str, value: Any) -> None:
    """Set one key and keep every other line; the caller holds the lock of the file."""
    import io

    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    editor = YAML()
    editor.width = 2**20
    editor.preserve_quotes = True
    text = read_text(path)
    if indented := re.search(r"(?m)^( +)[^\s#-]", text):
        editor.indent(mapping=len(indented[1]))
    before = parse_yaml(text, path)
    try:
        data = editor.load(text)
    except YAMLError as error:  # ruamel refuses some YAML that PyYAML reads, such as a tab after a colon
        mark = getattr(error, "problem_mark", None)
        raise DlcxError(
            f"{path}{f', line {mark.line + 1}' if mark else ''}: cannot be edited: {getattr(error, 'problem', error)}",
            hint="Write that line as DeepLabCut does: 'key: value'.",
        ) from None
    existing = data.get(key)
    if existing and isinstance(existing, list):
        # In place, because ruamel attaches the comments after a list to its items.
        existing.extend(value[len(existing) :])
    elif existing and isinstance(existing, dict):
        _add_entries(existing, {name: item for name, item in value.items() if name not in existing})
    else:
        data[key] = value
    stream = io.StringIO()
    editor.dump(data, stream)
    after = parse_yaml(stream.getvalue(), path)
    if {**before, key: value} != after:
        raise DlcxError(
            f"{path}: cannot be edited without changing other keys", hint=f"Set {key}: {value} in the file."
        )
    write_text(path, stream.getvalue())


def _add_entries(mapping: Any, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Add entries to a ruamel mapping, in front of the comment after it, which ruamel attaches to its last key."""
    from ruamel.yaml.comments import CommentedMap

    owner, last = _innermost(mapping)
    mapping.update({name: CommentedMap(entry) for name, entry in entries.items()})
    tokens = owner.ca.items.get(last) if isinstance(owner, CommentedMap) else None
    token = tokens[2] if tokens else None
    if token is None:
        return
    same_line, newline, following = token.value.partition("\n")
    moved = copy.copy(token)
    token.value, moved.value = same_line + newline, newline + following
    if not same_line.strip():
        del owner.ca.items[last]
    if following.strip():
        owner, last = _innermost(mapping)
        owner.ca.items[last] = [None, None, moved, None]


def _innermost(mapping: Any) -> tuple[Any, Any]:
    """Return the innermost mapping at the end of a ruamel mapping, and its last key."""
    last = next(reversed(mapping))
    below = mapping[last]
    return _innermost(below) if below and isinstance(below, dict) else (mapping, last)
