"""What can go wrong in a way that the user can put right.

Everything in dlcx raises :class:`DlcxError` for a wrong value, file or folder; the command line turns it into
one ``error:`` line (and one ``hint:`` line) and the exit code of the class.  Any other exception is a bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class DlcxError(Exception):
    """A value, input or output cannot be used; the message names it, the hint names the way out."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@contextmanager
def in_file(path: object) -> Iterator[None]:
    """Let errors about what a file holds begin with its name, where they do not name it yet."""
    try:
        yield
    except DlcxError as error:
        if str(path) not in str(error):
            error.args = (f"{path}: {error}",)
        raise


class Stopped(DlcxError):
    """A signal asked for an end; what was done is saved and the same command goes on from there."""

    exit_code = 75


class AlreadyReported(DlcxError):
    """Another process of the same call says why it ends; nothing more is to be said."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("another process of this call has failed")
        self.exit_code = exit_code


class LostProcess(AlreadyReported):
    """Another process of the same call has gone without a word; who started them says which."""

    code = 70

    def __init__(self) -> None:
        super().__init__(self.code)


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """``"Did you mean 'resnet_50'?"`` for the nearest option, or a list of the options when none is near."""
    names = [str(option) for option in options]
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{lowered[near[0]]}'?"
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"Choose from: {shown}."
