"""Options as fields of frozen dataclasses, which define the name, type, default, range, and help of each option."""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin

from dlcx.errors import DlcxError, did_you_mean
from dlcx.options.formats import Format
from dlcx.options.limits import Range
from dlcx.user_paths import user_path

#: Headings under which help lists options, in this order; "" is the command's own options.
PANELS = (
    "",
    "Network",
    "Computation",
    "Poses",
    "Tracking",
    "Output",
    "Parallel processing",
    "SLURM (with --cluster slurm)",
    "Common options",
)


@dataclass(frozen=True)
class Need:
    """A condition on other options without which an option has no effect, and its description."""

    is_met: Callable[[Any], bool]
    words: str


def needs(name: str, *values: str) -> Need:
    """Require that another option has one of these values."""
    words = " or ".join(f"--{name.replace('_', '-')} {value}" for value in values)
    return Need(lambda options: getattr(options, name) in values, words)


@dataclass(frozen=True)
class Description:
    """The properties of an option besides its name, type, and default.

    Parameters
    ----------
    help
        One or two sentences; also documents the Python argument.
    flag
        Name on the command line, if it is not ``--name``.
    aliases
        Other accepted spellings, with their dashes.
    metavar
        Placeholder for the value in help texts.
    show_default
        Default shown in help texts if it is not a value, such as ``config.yaml's pcutoff``.
    limits
        Range of a number, or of each number in order.
    format
        Format of a value with several parts in one word.
    need
        Condition on other options without which the option has no effect.
    """

    help: str
    flag: str = ""
    aliases: tuple[str, ...] = ()
    metavar: str = ""
    show_default: str = ""
    limits: Range | tuple[Range, ...] | None = None
    format: Format | None = None
    panel: str | None = None
    need: Need | None = None
    is_argument: bool = False
    hidden: bool = False


def option(default: Any, help: str, **more: Any) -> Any:
    """Declare a field that is a flag on the command line; ``more`` as in :class:`Description`."""
    return field(default=default, metadata={"description": Description(help, **more)})


def argument(help: str, metavar: str, *, default: Any = MISSING, **more: Any) -> Any:
    """Declare a field that is a positional argument on the command line."""
    return field(
        default=default, metadata={"description": Description(help, metavar=metavar, is_argument=True, **more)}
    )


def same_as(group: type["Options"], name: str, *, default: Any = MISSING, **changes: Any) -> Any:
    """Declare a field like that of another class, with changes."""
    one = group.__dataclass_fields__[name]
    description = replace(one.metadata["description"], **{"panel": panel_of(group, name), **changes})
    return field(default=one.default if default is MISSING else default, metadata={"description": description})


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of one command with their values, which are checked on creation."""

    #: Heading of the options that a class declares.
    panel: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for item in items(type(self)):
            object.__setattr__(self, item.name, item.checked(getattr(self, item.name)))

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Create options from plain keywords, of the types that Python callers use (text for paths, lists for tuples).

        Raises
        ------
        TypeError
            If a name is not an option; the message suggests the closest one.
        DlcxError
            If an option does not accept its value.
        """
        check_names(cls.command_name().replace("-", "_"), values, [item.name for item in items(cls)])
        return cls(**values)

    @classmethod
    def command_name(cls) -> str:
        """``analyze-video`` for ``AnalyzeVideoOptions``."""
        letters = cls.__name__.removesuffix("Options")
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in letters).lstrip("-")

    def values_of(self, group: type["Options"]) -> dict[str, Any]:
        """Return the values of the options that a group declares or inherits."""
        return {item.name: getattr(self, item.name) for item in items(group)}

    def keywords(self) -> dict[str, Any]:
        """Return all values as keywords for a Python function."""
        return self.values_of(type(self))

    def given(self, group: type["Options"], *names: str) -> list[str]:
        """Return the flags of a group, or of some of its options, whose values differ from the defaults."""
        return [
            item.flag
            for item in items(group)
            if (not names or item.name in names) and getattr(self, item.name) != item.default
        ]

    def check_given(self, names: Iterable[str]) -> None:
        """Refuse given options that have no effect in combination with the others.

        Raises
        ------
        DlcxError
            If there is one; the message names its flag and the options that it needs.
        """
        for name in names:
            item = item_of(type(self), name)
            need = item.description.need
            if need is not None and not need.is_met(self):
                value = getattr(self, name)
                shown = item.flag if isinstance(value, bool) else f"{item.flag} {item.text(value)}"
                raise DlcxError(f"{shown} would have no effect: it needs {need.words}", hint=f"Leave out {item.flag}.")


@dataclass(frozen=True)
class Item:
    """One option of a class: its name, type, default and description."""

    name: str
    type: Any
    default: Any
    description: Description
    panel: str

    @property
    def flag(self) -> str:
        """Name on the command line; for an argument its metavar."""
        if self.description.is_argument:
            return self.description.metavar
        return self.description.flag or f"--{self.name.replace('_', '-')}"

    @property
    def is_required(self) -> bool:
        """Whether users must give it."""
        return self.default is MISSING

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The accepted types, without None."""
        union = get_origin(self.type) in (Union, types.UnionType)
        return tuple(kind for kind in (get_args(self.type) if union else (self.type,)) if kind is not type(None))

    @property
    def may_be_none(self) -> bool:
        """Whether None is accepted."""
        return type(None) in get_args(self.type)

    @property
    def choices(self) -> tuple[str, ...]:
        """The accepted words, if it accepts nothing else."""
        return _choices(self.kinds[0] if len(self.kinds) == 1 else None) or _choices(self._each)

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be given several times on a command line."""
        return self._each is not None and self.description.format is None and len(self.kinds) == 1

    @property
    def _each(self) -> Any:
        """Type of each value, for a tuple of any length."""
        inner = [get_args(kind) for kind in self.kinds if get_origin(kind) is tuple]
        return next((one[0] for one in inner if one[1:] == (...,)), None)

    @property
    def value_type(self) -> Any:
        """Type of one value on the command line: bool, int, float, Path, or str."""
        kind = self._each if self.is_repeatable else self.kinds[0]
        kind = get_args(kind)[0] if get_origin(kind) in (Union, types.UnionType) else kind
        return kind if kind in (bool, int, float, Path) and self.description.format is None else str

    def text(self, value: Any) -> str:
        """Format a value as one word of a command line."""
        if self.description.format is not None and not isinstance(value, str):
            return self.description.format.text(value)
        text = str(value)
        return f"./{text}" if isinstance(value, Path) and text.startswith("~") else text

    def checked(self, value: Any) -> Any:
        """Convert a value to the type of the option.

        Raises
        ------
        DlcxError
            If the option does not accept the value.
        """
        if value is None:
            if self.may_be_none:
                return None
            if self._each is not None:
                return ()
            raise self._refused(value, "a value")
        if Path in self.kinds and isinstance(value, str | Path):
            if not str(value):
                raise self._refused(value, "a path")
            return user_path(value)
        if self._each is not None:
            if isinstance(value, str) and self.description.format is not None:
                value = self._parsed(value)
            one = isinstance(value, str | Path) or not isinstance(value, Iterable)
            return tuple(self._one(each, self._each) for each in ((value,) if one else value))
        if get_origin(self.kinds[0]) is tuple:
            return self._row(value, get_args(self.kinds[0]))
        if len(self.kinds) > 1 and isinstance(value, str):
            literal = next((kind for kind in self.kinds if _choices(kind)), None)
            return self._one(value, literal or str)
        return self._one(value, self.kinds[0])

    def _parsed(self, text: str) -> Any:
        format = self.description.format
        try:
            return format.parse(text) if format else text
        except ValueError as error:
            raise DlcxError(f"{self.flag}: {error}") from None

    def _row(self, value: Any, kinds: Sequence[Any]) -> tuple[Any, ...]:
        """Convert several values, each to the type at its position."""
        if isinstance(value, str) and self.description.format is not None:
            value = self._parsed(value)
        if isinstance(value, str) or not isinstance(value, Iterable) or len(list(value)) != len(kinds):
            raise self._refused(value, f"{len(kinds)} numbers")
        limits = self.description.limits
        row = []
        for number, (one, kind) in enumerate(zip(value, kinds, strict=True)):
            optional = type(None) in get_args(kind)
            plain = next(iter(get_args(kind)), kind) if optional else kind
            limit = limits[number] if isinstance(limits, tuple) else limits
            row.append(None if one is None and optional else self._one(one, plain, limit))
        return tuple(row)

    def _one(self, value: Any, kind: Any, limit: Any = None) -> Any:
        if words := _choices(kind):
            if str(value) not in words:
                expected = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
                raise DlcxError(
                    f"{self.flag} {value}: expected {expected}",
                    hint=did_you_mean(str(value), words) if _is_near(str(value), words) else "",
                )
            return str(value)
        if kind is bool:
            if isinstance(value, str) or not hasattr(value, "__bool__"):
                raise self._refused(value, "True or False")
            return bool(value)
        if kind in (int, float):
            return self._number(value, kind, limit or self.description.limits)
        if kind is Path:
            if not isinstance(value, str | Path):
                raise self._refused(value, "a path")
            return user_path(value)
        if get_origin(kind) in (Union, types.UnionType):  # a name or a path, a name or a number
            is_number = isinstance(value, Real) and not isinstance(value, bool)
            return self._number(value, int, self.description.limits) if is_number else value
        if not isinstance(value, str | Path | Integral) or isinstance(value, bool):
            raise self._refused(value, "a text")
        return str(value)

    def _number(self, value: Any, kind: Any, limit: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, Integral | Real):
            raise self._refused(value, str(limit))
        if limit is not None and value not in limit:
            raise self._refused(value, str(limit))
        return kind(value)

    def _refused(self, value: Any, expected: str) -> DlcxError:
        shown = f"'{value}'" if isinstance(value, str) else value
        return DlcxError(f"{self.flag} {shown}: expected {expected}")


def _choices(kind: Any) -> tuple[str, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _is_near(word: str, words: Sequence[str]) -> bool:
    return did_you_mean(word, words).startswith("Did")


_ITEMS: dict[type[Options], tuple[Item, ...]] = {}


def items(cls: type[Options]) -> tuple[Item, ...]:
    """Return the options of a class: arguments first, then its own options, then those of its groups."""
    if cls not in _ITEMS:
        found = [
            Item(one.name, one.type, one.default, one.metadata["description"], panel_of(cls, one.name))
            for one in fields(cls)
        ]
        _ITEMS[cls] = tuple(
            sorted(found, key=lambda item: (not item.description.is_argument, _owner(cls, item.name) is not cls))
        )
    return _ITEMS[cls]


def item_of(cls: type[Options], name: str) -> Item:
    """Return one option of a class."""
    return next(item for item in items(cls) if item.name == name)


def panel_of(cls: type[Options], name: str) -> str:
    """Return the heading of an option: its own, or that of the class that declares it."""
    one: Field[Any] = cls.__dataclass_fields__[name]
    description: Description = one.metadata["description"]
    if description.panel is not None:
        return description.panel
    return str(vars(_owner(cls, name)).get("panel", ""))


def _owner(cls: type[Options], name: str) -> type:
    """Return the class that declares an option; subclasses inherit the field."""
    one = cls.__dataclass_fields__[name]
    return [base for base in cls.__mro__ if base.__dict__.get("__dataclass_fields__", {}).get(name) is one][-1]


def check_names(function: str, values: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse keywords that are not options.

    Raises
    ------
    TypeError
        If there is one; the message suggests the closest option.
    """
    for name in values:
        if name not in names:
            near = did_you_mean(name, names) if _is_near(name, names) else ""
            raise TypeError(f"{function}() got an unexpected keyword argument '{name}'. {near}".rstrip())
