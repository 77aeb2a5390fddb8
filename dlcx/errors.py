"""Errors that the user can fix.

dlcx raises :class:`DlcxError` for an invalid value, file or folder.  The command line prints it as one ``error:`` line
and one ``hint:`` line, and exits with the exit code of the class.  Any other exception is a bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class DlcxError(Exception):
    """An invalid value, input or output.

    Parameters
    ----------
    message
        Names the value, expected and found.
    hint
        Tells the user how to fix it, in the imperative.

    Attributes
    ----------
    exit_code
        Exit code of the command line.
    """

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@contextmanager
def in_file(path: object) -> Iterator[None]:
    """Prefix messages of errors raised in the ``with`` block with the path of a file, unless they name it already."""
    try:
        yield
    except DlcxError as error:
        if str(path) not in str(error):
            error.args = (f"{path}: {error}",)
        raise


class Stopped(DlcxError):
    """A signal requested a stop.  Finished work is saved, and running the same command again resumes it."""

    exit_code = 75


class AlreadyReported(DlcxError):
    """Another process of the same call has failed and reports the reason, so nothing more is printed."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("another process of this call has failed")
        self.exit_code = exit_code


class LostProcess(AlreadyReported):
    """Another process of the same call has disappeared without reporting a reason; the parent process reports it."""

    code = 70

    def __init__(self) -> None:
        super().__init__(self.code)


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Suggest the option that is most similar to a misspelled word.

    Parameters
    ----------
    word
        What the user wrote.
    options
        The valid names.

    Returns
    -------
    str
        A hint with the most similar option, or a list of options if none is similar; empty without options.

    Examples
    --------
    >>> did_you_mean("resnet50", ["resnet_50", "hrnet_w32"])
    "Did you mean 'resnet_50'?"
    """
    names = [str(option) for option in options]
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{lowered[near[0]]}'?"
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"Choose from: {shown}."
