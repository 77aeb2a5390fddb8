"""How ``--help`` looks: options in groups, their values, an example for each command, color on a terminal.

The text is click's own, without rich, whose import alone would double the time to answer.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, cast

from typer.core import TyperCommand, TyperGroup

from dlcx.cli.examples import EXAMPLES
from dlcx.cli.values import complete, has_completions, values_text
from dlcx.options.base import PANELS

#: The commands in groups, in the order of a project's life.
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
_BOLD, _CYAN, _RESET = "\x1b[1m", "\x1b[36m", "\x1b[0m"


def colored(text: str) -> str:
    """Help with bold headings and colored names, where stdout is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty():
        return text
    text = re.sub(r"^(\S.*:)$", rf"{_BOLD}\1{_RESET}", text, flags=re.MULTILINE)
    return re.sub(
        r"^(  )(-[^ ,]*(?:(?:, | / )-[^ ,]*)*|[a-z][a-z-]+(?=  |$))", rf"\1{_CYAN}\2{_RESET}", text, flags=re.M
    )


class Command(TyperCommand):
    """A command whose help groups its options and ends with examples."""

    def get_help(self, ctx: Any) -> str:
        """The help text, colored on a terminal."""
        return colored(super().get_help(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as usual; while a shell completes a word, options also know their values."""
        if ctx.resilient_parsing:
            for param in self.params:
                if has_completions(self.name or "", param):
                    param._custom_shell_complete = _completion
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and groups of options."""
        for title, rows in _sections(self.get_params(ctx), self.name or "", ctx):
            with formatter.section(title):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        if lines := EXAMPLES.get(self.name or ""):
            with formatter.section("Examples"):
                formatter.write("".join(f"  {line}\n" for line in lines))


class Program(TyperGroup):
    """The program, whose help lists its commands in groups, each with a complete sentence."""

    def get_help(self, ctx: Any) -> str:
        """The help text, colored on a terminal."""
        return colored(super().get_help(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands in groups."""
        width = max(map(len, self.commands))
        for title, names in COMMAND_GROUPS.items():
            with formatter.section(title):
                rows = [(name.ljust(width), _first_sentence(self.commands[name].help or "")) for name in names]
                formatter.write_dl(rows)
        formatter.write("\nRun 'dlcx help COMMAND' or 'dlcx COMMAND --help' for the options of a command.\n")


def _completion(ctx: Any, param: Any, incomplete: str) -> list[str]:
    words = complete(ctx.command.name, param, ctx.params)
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete)]


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _sections(params: Iterable[Any], command: str, ctx: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The parameters by heading: arguments, the command's own options, then the groups."""
    sections: dict[str, list[tuple[str, str]]] = {title: [] for title in ("Arguments", *PANELS)}
    for param in params:
        if record := _record(param, command, ctx):
            if param.param_type_name == "option":
                common = param.name in ("help", "project")
                sections[PANELS[-1] if common else getattr(param, "rich_help_panel", None) or ""].append(record)
            else:
                sections["Arguments"].append((record[0].split(" <")[0], record[1]))
    return ((title or "Options", rows) for title, rows in sections.items() if rows)


def _record(param: Any, command: str, ctx: Any) -> tuple[str, str] | None:
    """Names and help of a parameter; its own metavar stays, for messages of later calls show that."""
    own = param.metavar
    param.metavar = values_text(command, param, ctx) if own is None else own
    try:
        return cast("tuple[str, str] | None", param.get_help_record(ctx))
    finally:
        param.metavar = own
