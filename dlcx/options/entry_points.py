"""Commands as Python functions: options become keywords, and errors name keywords instead of flags."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import MISSING
from typing import ParamSpec, TypeVar

from dlcx import COMMANDS
from dlcx.errors import DlcxError
from dlcx.options.base import Item, Options, check_names, items

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")

#: Whether errors name flags: true on the command line and within another command.
_names_flags: ContextVar[bool] = ContextVar("names_flags", default=False)

#: A flag in a message outside of a command; commands stay as they are, to be copied.
_COMMAND = rf"(?<![\w.])dlcx (?:{'|'.join(COMMANDS).replace('_', '-')})(?![\w-])[^\n]*"
_FLAG = re.compile(rf"`[^`]*`|{_COMMAND}|(?<![\w-])--[a-z][a-z0-9-]*")


@contextmanager
def naming_flags() -> Iterator[None]:
    """Let errors name flags, for the command line and for processes that it starts."""
    token = _names_flags.set(True)
    try:
        yield
    finally:
        _names_flags.reset(token)


def keyword_options(
    kind: type[Options],
) -> Callable[[Callable[Parameters, Returned]], Callable[Parameters, Returned]]:
    """Give a function ``f(project, videos, **given)`` the signature and documentation of its options.

    An unknown keyword raises TypeError. The message of a DlcxError names arguments instead of flags and ends with the
    hint, unless the function is called by the command line or by another command.
    """

    def decorate(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
        own = inspect.signature(function)
        explicit = [one for one in own.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        named = {one.name for one in explicit}
        more = [item for item in items(kind) if item.name not in named]
        keywords = [
            inspect.Parameter(
                item.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if item.default is MISSING else item.default,
                annotation=item.type,
            )
            for item in more
        ]
        names = [*named, *(item.name for item in more)]

        @functools.wraps(function)
        def entry(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
            check_names(function.__name__, kwargs, names)
            if _names_flags.get():
                return function(*args, **kwargs)
            try:
                with naming_flags():
                    return function(*args, **kwargs)
            except DlcxError as error:
                hint = f"\n{error.hint}" if error.hint else ""
                error.args = (with_argument_names(f"{error}{hint}", kind),)
                raise

        entry.__signature__ = own.replace(parameters=[*explicit, *keywords])  # type: ignore[attr-defined]
        entry.__doc__ = _documented(inspect.getdoc(function) or "", more, kind)
        return entry

    return decorate


def with_argument_names(text: str, kind: type[Options]) -> str:
    """Replace flags such as ``--bodypart`` in a message by arguments such as ``bodyparts``, except within commands."""
    names = {item.flag: item.name for item in items(kind)}

    def name(found: re.Match[str]) -> str:
        flag = found[0]
        if not flag.startswith("--"):
            return flag
        if flag in names:
            return names[flag]
        if flag.startswith("--no-") and (positive := f"--{flag[5:]}") in names:
            return f"{names[positive]}=False"
        return flag[2:].replace("-", "_")

    for item in items(kind):
        if item.description.is_argument and text.startswith(f"{item.flag} "):
            text = item.name + text.removeprefix(item.flag)
    return _FLAG.sub(name, text)


def _documented(doc: str, more: list[Item], kind: type[Options]) -> str:
    """Add the keywords to the parameters of a docstring."""
    lines = [line for item in more for line in _entry(item, kind)]
    later = re.search(r"\n(?:Returns|Raises|Notes|Examples)\n-+\n", doc)
    before, after = (doc[: later.start()], doc[later.start() :]) if later else (doc, "")
    if "\nParameters\n----------\n" not in before:
        before = f"{before.rstrip()}\n\nParameters\n----------"
    return "\n".join([before.rstrip(), *lines, *([after] if after else [])])


def _entry(item: Item, kind: type[Options]) -> list[str]:
    """Format an option as a numpydoc parameter."""
    description = item.description
    types = inspect.formatannotation(item.type).replace("pathlib.", "").replace("typing.", "")
    default = "" if item.default is MISSING else f", default: {description.show_default or repr(item.default)}"
    return [f"{item.name} : {types}{default}", f"    {with_argument_names(description.help, kind)}"]
