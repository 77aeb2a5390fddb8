"""Commands of the command line, generated from their options: parse flags, call the function, print the result."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any

import typer

from dlcx.cli.output import emit as emit
from dlcx.cli.output import start_logging
from dlcx.cli.progress_display import Style, progress_display
from dlcx.distributed_environment import is_main_process
from dlcx.options.base import Item, Options, item_of, items
from dlcx.options.commands import options_of
from dlcx.options.limits import Range
from dlcx.options.network import ProjectOptions

COMMON = "Common options"
_COMMON: tuple[tuple[str, Any, Any, Any], ...] = (
    ("as_json", bool, False, typer.Option("--json", help="Print the result as one JSON object.")),
    (
        "progress",
        Style,
        Style.AUTO,
        typer.Option(
            "--progress",
            metavar=f"[{'|'.join(Style)}]",
            help="Progress display on stderr: a bar, lines for log files, or JSON lines for other programs.",
            show_default="a bar on a terminal, else lines",
        ),
    ),
    ("quiet", bool, False, typer.Option("--quiet", "-q", help="Print only results, warnings and errors.")),
    ("verbose", bool, False, typer.Option("--verbose", "-v", help="Print more details.")),
    ("debug", bool, False, typer.Option("--debug", help="Print tracebacks.")),
)


def command_of(name: str) -> Callable[..., int]:
    """Return the function that typer calls for a command, given its Python name."""
    kind = options_of(name)
    own = list(items(kind))
    if not issubclass(kind, ProjectOptions):  # every command accepts --project, so that scripts can always pass it
        own.append(item_of(ProjectOptions, "project"))

    def run(*, context: typer.Context, **values: Any) -> int:
        common = {key: values.pop(key) for key, *_ in _COMMON}
        start_logging(verbose=common["verbose"], debug=common["debug"])
        project = values["project"]
        given = _given(context, kind)
        kind.of(**given).check_given(given)
        function = getattr(importlib.import_module(f"dlcx.workflow.{name}"), name)
        if "progress" in inspect.signature(function).parameters:
            given["progress"] = progress_display(Style.NONE if common["quiet"] else common["progress"])
        result = function(**given)
        if not is_main_process():  # torchrun starts the same command several times
            result = None
        emit(result, as_json=common["as_json"], quiet=common["quiet"], project=project)
        return int(getattr(result, "exit_code", 0))

    parameters = [inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    parameters += [_parameter(item) for item in own]
    for key, type_, default, flag in _COMMON:
        flag.rich_help_panel = COMMON
        parameters.append(_keyword(key, Annotated[type_, flag], default))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__name__, run.__doc__ = name, kind.__doc__
    return run


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _parameter(item: Item) -> inspect.Parameter:
    """Return an option as a parameter for typer."""
    description, value_type = item.description, item.value_type
    default = None if item.default == () else inspect.Parameter.empty if item.is_required else item.default
    one = str if value_type is Path else value_type  # click would turn ./~name into ~name
    many: Any = GenericAlias(list, (one,)) if item.is_repeatable else one
    limits = description.limits
    more: dict[str, Any] = {}
    if value_type in (int, float) and isinstance(limits, Range):
        more = {"min": limits.low, "max": limits.high}
    if description.is_argument:
        flag: Any = typer.Argument(metavar=description.metavar, help=description.help, **more)
    else:
        name = f"{item.flag}/--no-{item.flag.removeprefix('--')}" if item.default is True else item.flag
        short = ["-p"] if item.name == "project" else []
        flag = typer.Option(
            name,
            *short,
            *description.aliases,
            metavar=metavar_of(item),
            help=description.help,
            show_default=description.show_default or item.default is not False,
            hidden=description.hidden,
            rich_help_panel=item.panel or None,
            **more,
        )
    return _keyword(item.name, Annotated[many | None if default is None else many, flag], _plain(default))


def _plain(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


def metavar_of(item: Item) -> str | None:
    """Return the placeholder for a value in help texts; None for switches."""
    if item.value_type is bool:
        return None
    if item.description.metavar:
        return item.description.metavar
    if item.description.format is not None:
        return item.description.format.metavar
    if item.choices:
        return f"[{'|'.join(item.choices)}]"
    return {int: "N", float: "NUMBER", Path: "PATH"}.get(item.value_type, "TEXT")


def options_from(context: typer.Context, name: str) -> Options:
    """Return the options of a parsed command."""
    kind = options_of(name)
    return kind.of(**_given(context, kind))


def _given(context: typer.Context, kind: type[Options]) -> dict[str, Any]:
    """Return the options given on the command line, with their values."""
    sources = {item.name: context.get_parameter_source(item.name) for item in items(kind)}
    named = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
    return {item.name: _parsed(item, context.params[item.name]) for item in items(kind) if item.name in named}


def _parsed(item: Item, value: Any) -> Any:
    """Parse a text that holds several values."""
    if item.description.format is None or not item.description.format.is_syntax:
        return value
    try:
        return item.description.format.parse(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=item.flag) from None
