"""Options as fields of frozen dataclasses: one place for the name, type, default, range and help of each."""

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
    """What an option needs of the others to have an effect, and the same in words."""

    is_met: Callable[[Any], bool]
    words: str


def needs(name: str, *values: str) -> Need:
    """Another option must have one of these values."""
    words = " or ".join(f"--{name.replace('_', '-')} {value}" for value in values)
    return Need(lambda options: getattr(options, name) in values, words)


@dataclass(frozen=True)
class Description:
    """All that is known of an option beside its name, type and default.

    Parameters
    ----------
    help
        A sentence or two; also the documentation of the Python argument.
    flag
        Its name on the command line where that is not ``--name``.
    aliases
        Other spellings that are still accepted, with their dashes.
    metavar
        What help shows in the place of a value.
    show_default
        What help shows where the default is not a value, such as ``config.yaml's pcutoff``.
    limits
        The range of a number, or of each number in order.
    format
        How a value of several parts is written as one word.
    need
        What must be given as well for it to have an effect.
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
    """A field that the command line shows as a flag; ``more`` as in :class:`Description`."""
    return field(default=default, metadata={"description": Description(help, **more)})


def argument(help: str, metavar: str, *, default: Any = MISSING, **more: Any) -> Any:
    """A field that the command line takes by its position."""
    return field(
        default=default, metadata={"description": Description(help, metavar=metavar, is_argument=True, **more)}
    )


def same_as(group: type["Options"], name: str, *, default: Any = MISSING, **changes: Any) -> Any:
    """A field of another class, with changes."""
    one = group.__dataclass_fields__[name]
    description = replace(one.metadata["description"], **{"panel": panel_of(group, name), **changes})
    return field(default=one.default if default is MISSING else default, metadata={"description": description})


@dataclass(frozen=True, kw_only=True)
class Options:
    """The values of one call, checked when they are put together."""

    #: The heading of the options that a class declares.
    panel: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for item in items(type(self)):
            object.__setattr__(self, item.name, item.checked(getattr(self, item.name)))

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Options from plain keywords, of the types that Python callers use (text for paths, lists for tuples).

        Raises
        ------
        TypeError
            For a name that is no option; names the nearest one.
        DlcxError
            For a value that an option does not take.
        """
        check_names(cls.command_name().replace("-", "_"), values, [item.name for item in items(cls)])
        return cls(**values)

    @classmethod
    def command_name(cls) -> str:
        """``analyze-video`` for ``AnalyzeVideoOptions``."""
        letters = cls.__name__.removesuffix("Options")
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in letters).lstrip("-")

    def values_of(self, group: type["Options"]) -> dict[str, Any]:
        """The values of the options that a group declares or inherits."""
        return {item.name: getattr(self, item.name) for item in items(group)}

    def keywords(self) -> dict[str, Any]:
        """All values, for a Python function with these keywords."""
        return self.values_of(type(self))

    def given(self, group: type["Options"], *names: str) -> list[str]:
        """The flags of a group, or of some of its options, whose values are not the defaults."""
        return [
            item.flag
            for item in items(group)
            if (not names or item.name in names) and getattr(self, item.name) != item.default
        ]

    def check_given(self, names: Iterable[str]) -> None:
        """Refuse options that a call names although they have no effect beside its others.

        Raises
        ------
        DlcxError
            Names the flag and what it needs.
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
        """Its name on the command line; the metavar of an argument."""
        if self.description.is_argument:
            return self.description.metavar
        return self.description.flag or f"--{self.name.replace('_', '-')}"

    @property
    def is_required(self) -> bool:
        """Whether a call must name it."""
        return self.default is MISSING

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types that a value may have, without None."""
        union = get_origin(self.type) in (Union, types.UnionType)
        return tuple(kind for kind in (get_args(self.type) if union else (self.type,)) if kind is not type(None))

    @property
    def may_be_none(self) -> bool:
        """Whether None is a value."""
        return type(None) in get_args(self.type)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that it takes, where these are all it takes."""
        return _choices(self.kinds[0] if len(self.kinds) == 1 else None) or _choices(self._each)

    @property
    def is_repeatable(self) -> bool:
        """Whether a command line may name it several times."""
        return self._each is not None and self.description.format is None and len(self.kinds) == 1

    @property
    def _each(self) -> Any:
        """The type of each value, for a tuple of any length."""
        inner = [get_args(kind) for kind in self.kinds if get_origin(kind) is tuple]
        return next((one[0] for one in inner if one[1:] == (...,)), None)

    @property
    def value_type(self) -> Any:
        """The type of one value on the command line: bool, int, float, Path, str."""
        kind = self._each if self.is_repeatable else self.kinds[0]
        kind = get_args(kind)[0] if get_origin(kind) in (Union, types.UnionType) else kind
        return kind if kind in (bool, int, float, Path) and self.description.format is None else str

    def text(self, value: Any) -> str:
        """A value as one word of a command line."""
        if self.description.format is not None and not isinstance(value, str):
            return self.description.format.text(value)
        text = str(value)
        return f"./{text}" if isinstance(value, Path) and text.startswith("~") else text

    def checked(self, value: Any) -> Any:
        """The value in its own type.

        Raises
        ------
        DlcxError
            When it is none that the option takes.
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
        """Several values in order."""
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
    """The options of a class: arguments first, then those of the class, then those of its groups."""
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
    """One option of a class."""
    return next(item for item in items(cls) if item.name == name)


def panel_of(cls: type[Options], name: str) -> str:
    """The heading of an option: that of the class that declares it, unless the option names one."""
    one: Field[Any] = cls.__dataclass_fields__[name]
    description: Description = one.metadata["description"]
    if description.panel is not None:
        return description.panel
    return str(vars(_owner(cls, name)).get("panel", ""))


def _owner(cls: type[Options], name: str) -> type:
    """The class that declares an option; classes that inherit it share the field."""
    one = cls.__dataclass_fields__[name]
    return [base for base in cls.__mro__ if base.__dict__.get("__dataclass_fields__", {}).get(name) is one][-1]


def check_names(function: str, values: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse keywords that are no options.

    Raises
    ------
    TypeError
        Names the nearest option.
    """
    for name in values:
        if name not in names:
            near = did_you_mean(name, names) if _is_near(name, names) else ""
            raise TypeError(f"{function}() got an unexpected keyword argument '{name}'. {near}".rstrip())
