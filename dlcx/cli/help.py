"""Layout of ``--help``: grouped options, their values, examples for each command, and color on a terminal.

Click formats the text; importing rich for it would double the time it takes.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from dlcx import COMMANDS
from dlcx.cli.commands import command_of
from dlcx.cli.examples import EXAMPLES
from dlcx.cli.values import complete, has_completions
from dlcx.options.base import PANELS
from dlcx.options.commands import options_of

#: The commands in groups, in the order in which a project uses them.
COMMAND_GROUPS = {
    "Project and labels": (
        "demo",
        "create-project",
        "add-videos",
        "extract-frames",
        "check-labels",
        "clean-labels",
        "import-labels",
        "export-labels",
    ),
    "Networks": ("create-dataset", "train", "prune-skeleton", "evaluate", "compare", "score-maps", "export-model"),
    "Videos and images": (
        "analyze-video",
        "merge-parts",
        "analyze-images",
        "track",
        "swap-tracks",
        "filter-predictions",
        "evaluate-tracks",
    ),
    "Results": (
        "create-labeled-video",
        "plot-trajectories",
        "analyze-skeleton",
        "export-predictions",
        "report",
    ),
    "Refinement": ("extract-outliers", "merge-labels"),
    "Information": ("list-models", "status", "doctor"),
}
#: Functions of :mod:`dlcx.formats.labels.registry` that append the registered formats to the help of an argument.
_REGISTERED = {("import-labels", "file"): "describe_readable", ("export-labels", "file"): "describe_writable"}
_BOLD, _CYAN, _RESET = "\x1b[1m", "\x1b[36m", "\x1b[0m"


def colored(text: str) -> str:
    """Add bold headings and colored names, if stdout is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty():
        return text
    text = re.sub(r"^(\S.*:)$", rf"{_BOLD}\1{_RESET}", text, flags=re.MULTILINE)
    return re.sub(
        r"^(  )(-[^ ,]*(?:(?:, | / )-[^ ,]*)*|[a-z][a-z-]+(?=  |$))", rf"\1{_CYAN}\2{_RESET}", text, flags=re.M
    )


class Command(TyperCommand):
    """A command whose help groups its options and ends with examples."""

    def get_help(self, ctx: Any) -> str:
        """Return the help text, colored on a terminal."""
        return colored(super().get_help(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as usual; during shell completion, also collect the values of options."""
        if ctx.resilient_parsing:
            for param in self.params:
                if has_completions(param):
                    param._custom_shell_complete = _completion
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and groups of options."""
        for title, rows in _sections(self.get_params(ctx), ctx):
            with formatter.section(title):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        if lines := EXAMPLES.get(self.name or ""):
            with formatter.section("Examples"):
                formatter.write("".join(f"  {line}\n" for line in lines))


class Commands(Mapping[str, Any]):
    """All commands by name, in the order in which a project uses them; each is built on first access."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            key = name.replace("-", "_")
            if key not in COMMANDS or "_" in name:
                raise KeyError(name)
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(name, cls=Command)(command_of(key))
            self._built[name] = typer.main.get_command(app)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return (name.replace("_", "-") for name in COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Program(TyperGroup):
    """The program, whose help lists its commands in groups, each with a full sentence."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = Commands()  # type: ignore[assignment]

    def get_help(self, ctx: Any) -> str:
        """Return the help text, colored on a terminal."""
        return colored(super().get_help(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands in groups."""
        width = max(map(len, self.commands))
        for title, names in COMMAND_GROUPS.items():
            with formatter.section(title):
                rows = [
                    (name.ljust(width), _first_sentence(options_of(name.replace("-", "_")).__doc__ or ""))
                    for name in names
                ]
                formatter.write_dl(rows)
        formatter.write("\nRun 'dlcx help COMMAND' or 'dlcx COMMAND --help' for the options of a command.\n")


def _completion(ctx: Any, param: Any, incomplete: str) -> list[str]:
    words = complete(param, ctx.params)
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete)]


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _sections(params: Iterable[Any], ctx: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the parameters by heading: arguments, the command's own options, then the groups."""
    sections: dict[str, list[tuple[str, str]]] = {title: [] for title in ("Arguments", *PANELS)}
    for param in params:
        if record := _record(param, ctx):
            if param.param_type_name == "option":
                common = param.name in ("help", "project")
                sections[PANELS[-1] if common else getattr(param, "rich_help_panel", None) or ""].append(record)
            else:
                sections["Arguments"].append((record[0].split(" <")[0], record[1]))
    return ((title or "Options", rows) for title, rows in sections.items() if rows)


def _record(param: Any, ctx: Any) -> tuple[str, str] | None:
    """Return the names and the help of a parameter."""
    record: tuple[str, str] | None = param.get_help_record(ctx)
    if record and (function := _REGISTERED.get((ctx.command.name, param.name))):
        from dlcx.formats.labels import registry  # imports numpy

        return record[0], record[1].replace(param.help, f"{param.help} {getattr(registry, function)()}")
    return record
