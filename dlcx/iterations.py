"""Iterations of a project (rounds of refinement): which of them have trained networks, and how to return to one.

``iteration`` in config.yaml chooses the folders ``iteration-<I>`` that commands read and write.  The folders of other
iterations are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_SNAPSHOT = re.compile(r"(?!.*detector).+-\d+\.pt")


def trained_iterations(root: Path, prefix: str) -> tuple[int, ...]:
    """Return the iterations that have a snapshot of a pose network, in ascending order.

    Parameters
    ----------
    root
        The project's folder.
    prefix
        Beginning of the names of the project's shuffles; other folders are ignored.
    """
    found = set()
    for folder in root.glob("dlc-models-pytorch/iteration-*"):
        number = folder.name.removeprefix("iteration-")
        paths = (path for shuffle in folder.glob("*/train") for path in shuffle.iterdir())
        if number.isdigit() and any(_SNAPSHOT.fullmatch(path.name) and _belongs_to(path, prefix) for path in paths):
            found.add(int(number))
    return tuple(sorted(found))


def iteration_hint(iterations: Sequence[int]) -> str:
    """Return a hint on how to use the trained networks of other iterations; empty if there are none."""
    if not iterations:
        return ""
    *others, last = map(str, iterations)
    if not others:
        return f"Trained networks are in iteration {last}: to use them, set 'iteration: {last}' in config.yaml."
    named = f"iterations {', '.join(others)} and {last}"
    return f"Trained networks are in {named}: to use those of {last}, set 'iteration: {last}' in config.yaml."


def _belongs_to(snapshot: Path, prefix: str) -> bool:
    return snapshot.is_file() and snapshot.parents[1].name.startswith(prefix)
