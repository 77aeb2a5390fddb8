"""What ``--help`` shows: groups, values, examples, color."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import dlcx
from dlcx.cli.app import parser, run
from dlcx.cli.examples import EXAMPLES
from dlcx.cli.help import COMMAND_GROUPS, colored
from dlcx.options.base import PANELS

COMMANDS = [name.replace("_", "-") for name in dlcx.COMMANDS]


@pytest.fixture(scope="module")
def program():
    return parser()


def shown(*words: str, capsys) -> str:
    assert run([*words, "--help"]) == 0
    return capsys.readouterr().out


def test_every_command_is_in_one_group_and_has_an_example():
    assert sorted(name for names in COMMAND_GROUPS.values() for name in names) == sorted(COMMANDS)
    assert sorted(EXAMPLES) == sorted(COMMANDS)


def test_help_leaves_the_parameters_of_later_calls_as_they_were(capsys):
    def metavars() -> list[str | None]:
        return [param.metavar for command in parser().commands.values() for param in command.params]

    parser.cache_clear()
    before = metavars()
    first = [shown(name, capsys=capsys) for name in COMMANDS]
    assert metavars() == before
    assert [shown(name, capsys=capsys) for name in COMMANDS] == first


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_can_be_parsed(name, program):
    for line in EXAMPLES[name]:
        first, command, *words = shlex.split(line)
        assert (first, command) == ("dlcx", name)
        program.commands[name].make_context(name, words)  # raises for a flag or value that does not exist


def test_no_command_is_described_by_half_a_sentence(capsys):
    text = shown(capsys=capsys)
    assert "..." not in text.split("Project and labels:")[1]
    words = " ".join(text.split())
    for name in dlcx.COMMANDS:
        assert f"{name.replace('_', '-')} " in words
    assert (
        "Show versions, devices, threads, codecs and extras of this machine, and what is slow, missing or broken."
        in words
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_shows_its_values(name, program, capsys):
    text = shown(name, capsys=capsys)
    assert not re.search(r"<[a-z]", text)
    options = [
        param for param in program.commands[name].params if param.param_type_name == "option" and not param.hidden
    ]
    for param in options:
        listed = re.search(rf"^  (?:-\w, )?{param.opts[0]}( \S+)?", text, flags=re.MULTILINE)
        assert listed, param.opts
        assert bool(listed[1] and listed[1].strip(" /-")) != param.is_flag or param.secondary_opts, param.opts


def test_options_stand_in_groups(capsys):
    text = shown("analyze-video", capsys=capsys)
    titles = re.findall(r"^(\S.*):$", text, flags=re.MULTILINE)
    assert titles == ["Arguments", *(panel or "Options" for panel in PANELS if panel != "Poses"), "Examples"]
    assert text.index("Network:") < text.index("--snapshot best|last|EPOCH|PATH") < text.index("Computation:")
    assert text.index("SLURM (with --cluster slurm):") < text.index("--partition") < text.index("Common options:")


def test_help_is_a_word_too(capsys):
    assert run(["help", "train"]) == 0
    assert capsys.readouterr().out == shown("train", capsys=capsys)
    assert run(["help"]) == 0
    assert capsys.readouterr().out == shown(capsys=capsys)
    assert run(["help", "trian"]) == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err


def test_color_only_on_a_terminal_that_wants_it(monkeypatch, capsys):
    options = "Options:\n  -p, --project PATH  The project.\n  --csv / --no-csv    Write a csv.\n"
    text = f"Usage: dlcx\n\n{options}\nNetworks:\n  train  Train.\n"
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert colored(text) == text
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    bright = colored(text)
    assert "\x1b[1mOptions:\x1b[0m" in bright
    assert "\x1b[36m-p, --project\x1b[0m PATH" in bright
    assert "\x1b[36m--csv / --no-csv\x1b[0m" in bright
    assert "\x1b[36mtrain\x1b[0m  Train." in bright
    assert re.sub(r"\x1b\[\d*m", "", bright) == text
    monkeypatch.setenv("NO_COLOR", "1")
    assert colored(text) == text


def completed(line: str, folder: Path) -> list[str]:
    """The words that bash would offer after ``line``."""
    environment = {**os.environ, "_DLCX_COMPLETE": "complete_bash", "COMP_WORDS": line}
    environment["COMP_CWORD"] = str(len(line.split(" ")) - 1)
    command = [sys.executable, "-c", "from dlcx.__main__ import main; main()"]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


def test_the_shell_completes_values(tmp_path):
    assert run(["demo", str(tmp_path / "p"), "-q"]) == 0
    train = tmp_path / "p/dlc-models-pytorch/iteration-0/demoJan1-trainset80shuffle3/train"
    project = next((tmp_path / "p").glob("config.yaml")).read_text(encoding="utf-8")
    date = re.search(r"^date: *(\S+)", project, flags=re.MULTILINE)[1]
    train = train.parents[1] / f"demo{date}-trainset80shuffle3" / "train"
    train.mkdir(parents=True)
    for name in ("snapshot-010.pt", "snapshot-best-005.pt"):
        (train / name).touch()
    folder = tmp_path / "p"
    assert completed("dlcx create-dataset --net-type resnet", folder) == ["resnet_50", "resnet_101"]
    assert completed("dlcx train --device c", folder) == ["cpu", "cuda"]
    assert completed("dlcx train --shuffle ", folder) == ["3"]
    assert completed("dlcx evaluate --snapshot ", tmp_path) == ["best", "last", "all"]
    assert completed("dlcx score-maps --shuffle 3 --snapshot ", folder) == ["10", "best-5", "best", "last"]
    assert completed("dlcx track --tracker ", folder) == ["ellipse", "box", "skeleton"]
    assert completed("dlcx extr", folder) == ["extract-frames", "extract-outliers"]
