"""Generate dlcx/options/keywords.py from the options of the commands: ``python docs/option_keywords.py``."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from dlcx import COMMANDS
from dlcx.options.base import Item, Options, items
from dlcx.options.commands import options_of

MODULE = Path(__file__).parents[1] / "dlcx" / "options" / "keywords.py"
HEAD = '''"""The keywords of the Python functions, for type checkers.

Written by ``docs/option_keywords.py`` from the dataclasses of :mod:`dlcx.options`.
"""

# ruff: noqa: D101, E501
# fmt: off

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypedDict
'''


def spelled(item: Item) -> str:
    """The type that a Python caller may give an option."""
    union = get_origin(item.type) in (Union, types.UnionType)
    kinds = get_args(item.type) if union else (item.type,)
    names = [name for kind in kinds for name in _names(kind, item)]
    return " | ".join(dict.fromkeys(sorted(names, key=lambda name: name == "None")))


def _names(kind: Any, item: Item) -> list[str]:
    inner = get_args(kind)
    if kind is type(None):
        return ["None"]
    if kind is Path:
        return ["str", "Path"]
    if kind is str and any(word in item.description.metavar for word in ("PATH", "FILE", "EPOCH")):
        return ["str", "Path", "int"]
    if get_origin(kind) is Literal:
        return [f"Literal[{', '.join(map(_quoted, inner))}]"]
    if get_origin(kind) is tuple and inner[1:] == (...,):
        names = _names(inner[0], item)
        return [*names, f"Sequence[{' | '.join(names)}]"]
    if get_origin(kind) is tuple:
        return [f"tuple[{', '.join(' | '.join(_names(one, item)) for one in inner)}]"]
    if get_origin(kind) in (Union, types.UnionType):
        return [name for one in inner for name in _names(one, item)]
    return [str(kind.__name__)]


def _quoted(word: str) -> str:
    return f'"{word}"'


def is_keyword(item: Item) -> bool:
    """Whether a function takes it by ``**keywords``; what is required and the project are parameters of their own."""
    return not item.description.is_argument and not item.is_required and item.name != "project"


def name_of(kind: type[Options]) -> str:
    """``AnalyzeVideoKeywords`` for ``AnalyzeVideoOptions``."""
    return kind.__name__.replace("Options", "Keywords")


def written(kind: type[Options], done: dict[type, dict[str, str]]) -> str:
    """The classes for an option class and for its groups, as far as they are not ``done``."""
    if kind in done:
        return ""
    groups = [base for base in kind.__bases__ if base is not Options and issubclass(base, Options)]
    text = "".join(written(group, done) for group in groups)
    done[kind] = {item.name: spelled(item) for item in items(kind) if is_keyword(item)}
    agree = all(done[kind].get(name) == type_ for group in groups for name, type_ in done[group].items())
    bases = [group for group in groups if done[group]] if agree else []
    inherited = {name for group in bases for name in done[group]}
    fields = [f"    {name}: {type_}\n" for name, type_ in done[kind].items() if name not in inherited]
    if not done[kind]:
        return text
    heads = ", ".join([*map(name_of, bases)] or ["TypedDict"])
    body = "".join(fields) or "    pass\n"
    return f"{text}\n\nclass {name_of(kind)}({heads}, total=False):\n{body}"


def module() -> str:
    """The whole module."""
    done: dict[type, dict[str, str]] = {}
    return HEAD + "".join(written(options_of(command), done) for command in COMMANDS)


if __name__ == "__main__":
    MODULE.write_text(module(), encoding="utf-8")
    print(MODULE)
