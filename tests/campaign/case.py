"""What one case of the campaign is: odd files, the calls that meet them, and what must come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

#: Exit codes: done; the call cannot be parsed; a value, input or output cannot be used; some items failed.
DONE, USAGE, UNUSABLE, SOME_FAILED = 0, 2, 3, 4
RIGHT = frozenset({DONE})
REFUSED = frozenset({UNUSABLE})
#: Right values, or a refusal.
EITHER = frozenset({DONE, UNUSABLE})
WRONG_CALL = frozenset({USAGE, UNUSABLE})
ANY = frozenset({DONE, USAGE, UNUSABLE, SOME_FAILED})

Make = Callable[[Path, np.random.Generator], object]


@dataclass(frozen=True)
class Ended:
    """How one call ended: exit code (negative: the signal's number), streams, seconds, and MB that it took."""

    words: tuple[str, ...]
    code: int
    out: bytes
    err: bytes
    processor: float
    wall: float
    growth: float
    changed: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Both streams; bytes that are not UTF-8 become lone surrogates."""
        return (self.out + self.err).decode("utf-8", "surrogateescape")


#: Says what is wrong with what a successful call left in the folder, or nothing.
Check = Callable[[Path, Ended], str | None]


@dataclass(frozen=True)
class Case:
    """Calls in a folder that holds a copy of a project as ``P``, and what must come of them.

    Parameters
    ----------
    name, kind
        What is odd, and what it is odd about; together unique.
    calls
        Words after ``dlcx`` of each call, made one after the other, or at once with ``together``.
    files
        How many odd files ``make`` writes.
    base
        Which project: ``one`` animal, ``two`` animals, or none.
    codes
        Allowed exit codes of the last call; those before it must succeed.
    names
        A regular expression that the line ``error: ...`` must match.
    check
        Compares the result of a successful last call with what is known to be right.
    environment
        Variables to set, or with None to unset.
    streams
        ``closed``: without stdin, stdout and stderr being open; needs a process of its own.
    keeps
        Whether a failed call must leave every file as it was.
    """

    name: str
    kind: str
    calls: Sequence[Sequence[str]]
    make: Make | None = None
    files: int = 0
    base: str = "one"
    codes: frozenset[int] = EITHER
    names: str = ""
    check: Check | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    own_process: bool = False
    closed: tuple[int, ...] = ()
    together: bool = False
    keeps: bool = True
    quiet: bool = True
    folder: str = ""
    unprivileged: bool = False

    @property
    def title(self) -> str:
        """What identifies the case."""
        return f"{self.kind}: {self.name}"
