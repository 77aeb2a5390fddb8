"""Definition of a campaign case: unusual files, the commands that read them, and the expected results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

#: Exit codes: success; invalid command line; a value, input or output cannot be used; some items failed.
DONE, USAGE, UNUSABLE, SOME_FAILED = 0, 2, 3, 4
RIGHT = frozenset({DONE})
REFUSED = frozenset({UNUSABLE})
#: Success with correct values, or an error.
EITHER = frozenset({DONE, UNUSABLE})
WRONG_CALL = frozenset({USAGE, UNUSABLE})
ANY = frozenset({DONE, USAGE, UNUSABLE, SOME_FAILED})

Make = Callable[[Path, np.random.Generator], object]


@dataclass(frozen=True)
class CommandResult:
    """Result of a command: exit code (negative: signal number), output streams, seconds, and MB of memory used."""

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
        """Both streams; bytes that are not valid UTF-8 become lone surrogates."""
        return (self.out + self.err).decode("utf-8", "surrogateescape")


#: Returns a description of the first error in the results of a successful command, or None.
Check = Callable[[Path, CommandResult], str | None]


@dataclass(frozen=True)
class Case:
    """Commands in a folder that contains a copy of a project as ``P``, and their expected results.

    Parameters
    ----------
    name, kind
        What is unusual, and the kind of input; unique together.
    calls
        Arguments of each ``dlcx`` command.  The commands run one after another, or in parallel with ``together``.
    files
        Number of unusual files that ``make`` writes.
    base
        Project to copy: ``one`` animal, ``two`` animals, or none.
    codes
        Allowed exit codes of the last command; all earlier commands must succeed.
    names
        Regular expression that the line ``error: ...`` must match.
    check
        Compares the results of a successful last command with the known correct values.
    environment
        Environment variables to set, or to unset if None.
    closed
        File descriptors of standard streams to close; requires ``own_process``.
    keeps
        Whether a failed command must not change any file.
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
        """Unique name of the case."""
        return f"{self.kind}: {self.name}"
