"""Options become the words of a command line, and these words the same options."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from dlcx import COMMANDS
from dlcx.cli.app import build
from dlcx.cli.commands import options_from
from dlcx.options import Options
from dlcx.options.base import Item, items
from dlcx.options.command_line import command_line, following, words
from dlcx.options.commands import options_of
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.create_labeled_video import CreateLabeledVideoOptions
from dlcx.options.commands.merge_parts import MergePartsOptions
from dlcx.options.limits import Range

PROGRAM = typer.main.get_command(build())  # not the shared one: click keeps in it how it was called first
OPTIONS = [
    (command, item)
    for command in COMMANDS
    for item in items(options_of(command))
    if not item.description.hidden  # another spelling
]
#: Values of options that do not take any text.
VALUES = {
    "mem": "8G",
    "time": "1-12:30",
    "partition": "fast,slow",
    "set_sbatch": ("account=a b", "exclusive"),
    "compile": False,
    "part": (2, 7),
}


def number(limits: Any, kind: type) -> Any:
    """A number of the range that is no usual default."""
    limits = limits or Range(0, 100)
    middle = min(limits.high, max(limits.low, 7)) if limits.high >= 7 else (limits.low + limits.high) / 2 + 0.03
    return int(middle) if kind is int or limits.whole else float(middle)


def sample(item: Item) -> Any:
    """A value that is not the default."""
    if item.name in VALUES:
        return VALUES[item.name]
    limits = item.description.limits
    kinds = [kind for kind in item.kinds if kind is not str] or [str]
    if item.choices:
        value: Any = next(word for word in item.choices if word != item.default)
        return (value,) if item.is_repeatable else value
    if kinds[0] is bool:
        return not item.default
    if kinds[0] in (int, float):
        return number(limits, kinds[0])
    if Path in kinds:
        return Path("-some 'where'/~x")
    inner = get_args(kinds[0])
    if inner[1:] == (...,):
        return (7, 9) if inner[0] is int else ("a b", "-c", "d'e")
    if inner:
        return tuple(
            number(limit, float if kind is float else int) + place if kind is not float or limit.high > 1 else 0.25
            for place, (kind, limit) in enumerate(zip(inner, limits, strict=True))
        )
    return "a 'b c"


def parsed(command: str, given: list[str]) -> Options:
    """What the command line makes of words."""
    name, *rest = given
    assert name == command.replace("_", "-")
    context = PROGRAM.commands[name].make_context(name, rest)
    return options_from(context, command)


def required(command: str) -> dict[str, Any]:
    return {item.name: sample(item) for item in items(options_of(command)) if item.is_required}


@pytest.mark.parametrize(("command", "item"), OPTIONS, ids=[f"{command} {item.flag}" for command, item in OPTIONS])
def test_every_option_survives_the_way_through_a_shell(command, item):
    options = options_of(command)(**{**required(command), item.name: sample(item)})
    assert getattr(options, item.name) != item.default
    line = shlex.split(command_line(options))
    assert line[:2] == ["dlcx", command.replace("_", "-")]
    assert parsed(command, line[1:]) == options


@pytest.mark.parametrize("command", COMMANDS)
def test_all_options_together(command):
    values = {item.name: sample(item) for item in items(options_of(command))}
    options = options_of(command)(**values)
    assert parsed(command, words(options)) == options


@pytest.mark.parametrize("command", COMMANDS)
def test_defaults_are_not_written(command):
    options = options_of(command)(**required(command))
    assert not [word for word in words(options) if word.startswith("--") and word[2:] and "=" not in word][1:]


def test_old_spellings_mean_the_same():
    assert parsed("train", ["train", "--compile"]) == parsed("train", ["train", "--engine", "compile"])
    assert words(options_of("train")(compile=True)) == ["train", "--engine", "compile"]


def test_another_command_for_the_same_analysis():
    call = AnalyzeVideoOptions.of(
        videos="a b.mp4", project="P", shuffle=3, snapshot=10, out="here", tracker="box", frames=(0, 9), overwrite=True
    )
    seen = following(CreateLabeledVideoOptions, call, videos="a b.mp4", tracker="box")
    assert command_line(seen) == (
        "dlcx create-labeled-video 'a b.mp4' --project P --shuffle 3 --snapshot 10 --out here --tracker box"
    )
    joined = following(MergePartsOptions, call, videos=("a", "b"))
    assert joined.overwrite is False
    assert joined.tracker is None  # it is not known to be what the other command means by it
    assert (joined.out, joined.snapshot) == (Path("here"), "10")


def test_parts_are_joined_as_they_were_analyzed():
    from dlcx.workflow.analyze_video import _next_steps

    linking = {"tracker": "box", "animals": 3, "relink": False, "csv": False}
    analysis = {"videos": ("a.mp4", "b.mp4"), "out": "here", "snapshot": "1"}
    call = AnalyzeVideoOptions.of(**analysis, **linking, part="1/2")
    (step,) = _next_steps(object(), call)  # type: ignore[arg-type]
    joined = parsed("merge_parts", shlex.split(step.partition("dlcx ")[2]))
    assert joined == MergePartsOptions.of(**analysis, **linking)
