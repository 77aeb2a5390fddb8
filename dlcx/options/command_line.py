"""Convert options to command lines for hints, workers, and job files."""

import shlex
from collections.abc import Sequence
from typing import Any, TypeVar

from dlcx.options.base import Item, Options, items
from dlcx.options.network import NetworkOptions, ProjectOptions, ShuffleOptions, SnapshotOptions
from dlcx.options.poses import AnalysisOptions, PosesOptions, UnfilteredPosesOptions

Next = TypeVar("Next", bound=Options)

#: Groups that select the network, analysis, and poses, the most specific first.
_SHARED: Sequence[type[Options]] = (
    PosesOptions,
    UnfilteredPosesOptions,
    AnalysisOptions,
    NetworkOptions,
    SnapshotOptions,
    ShuffleOptions,
    ProjectOptions,
)


def words(options: Options) -> list[str]:
    """Return the command, its arguments, and the flags whose values differ from the defaults."""
    arguments: list[str] = []
    for item in items(type(options)):
        value = getattr(options, item.name)
        if item.description.is_argument:
            many = value if isinstance(value, tuple) else () if value == item.default else (value,)
            arguments += [item.text(one) for one in many]
    command = options.command_name()
    if any(one.startswith("-") for one in arguments):
        return [command, *flags(options), "--", *arguments]
    return [command, *arguments, *flags(options)]


def flags(options: Options) -> list[str]:
    """Return the flags whose values differ from the defaults."""
    found = [item for item in items(type(options)) if not item.description.is_argument]
    values = [(item, getattr(options, item.name)) for item in found]
    return [word for item, value in values if value != item.default for word in _flags(item, value)]


def _flags(item: Item, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [item.flag if value else f"--no-{item.flag.removeprefix('--')}"]
    if item.is_repeatable:
        return [word for one in value for word in (item.flag, item.text(one))]
    return [item.flag, item.text(value)]


def command_line(options: Options) -> str:
    """Return the command line, quoted for a shell."""
    return shlex.join(["dlcx", *words(options)])


def command_after(kind: type[Options], options: Options, **values: Any) -> str:
    """Return the command line of another command for the same network, analysis, and poses."""
    return command_line(following(kind, options, **values))


def following(kind: type[Next], options: Options, **values: Any) -> Next:
    """Return options of another command for the same network, analysis, and poses, as far as it has these options."""
    shared: dict[str, Any] = {}
    for group in _SHARED:
        if issubclass(kind, group) and isinstance(options, group):
            shared = {**options.values_of(group), **shared}
    return kind.of(**{**shared, **values})
