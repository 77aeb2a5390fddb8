"""Rounds of refinement of a project: which of them hold trained networks, and how to use those again.

``iteration`` in config.yaml chooses the folders ``iteration-<I>`` that commands read and write; those of other
iterations stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_SNAPSHOT = re.compile(r"(?!.*detector).+-\d+\.pt")


def trained_iterations(root: Path, shuffles: str) -> tuple[int, ...]:
    """The iterations of the project in ``root`` that have a snapshot; names of its shuffles begin with ``shuffles``."""
    found = set()
    for folder in root.glob("dlc-models-pytorch/iteration-*"):
        number = folder.name.removeprefix("iteration-")
        paths = (path for shuffle in folder.glob("*/train") for path in shuffle.iterdir())
        if number.isdigit() and any(_SNAPSHOT.fullmatch(path.name) and _is_of(path, shuffles) for path in paths):
            found.add(int(number))
    return tuple(sorted(found))


def iteration_hint(iterations: Sequence[int]) -> str:
    """What to do to use the trained networks of other iterations; nothing where there are none."""
    if not iterations:
        return ""
    *others, last = map(str, iterations)
    if not others:
        return f"Trained networks are in iteration {last}: to use them, set 'iteration: {last}' in config.yaml."
    named = f"iterations {', '.join(others)} and {last}"
    return f"Trained networks are in {named}: to use those of {last}, set 'iteration: {last}' in config.yaml."


def _is_of(snapshot: Path, shuffles: str) -> bool:
    return snapshot.is_file() and snapshot.parents[1].name.startswith(shuffles)
