"""The contract of streams, exit codes and start-up that every command keeps."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import dlcx
from dlcx.cli.app import parser, run
from dlcx.cli.output import emit, plain
from dlcx.errors import DlcxError, Stopped, did_you_mean


@pytest.mark.parametrize("name", dlcx.COMMANDS)
def test_every_command_explains_itself(name, capsys):
    assert run([name.replace("_", "-"), "--help"]) == 0
    out, err = capsys.readouterr()
    assert f"dlcx {name.replace('_', '-')}" in out
    assert all(flag in out for flag in ("--project", "--json", "--quiet", "--verbose", "--debug"))
    assert err == ""


@pytest.mark.parametrize("name", dlcx.COMMANDS)
def test_every_command_is_a_documented_function(name):
    function = getattr(dlcx, name)
    assert callable(function)
    assert function.__doc__
    assert name in dir(dlcx)


def test_commands_functions_and_flags_agree():
    """One list, four places: the functions of ``dlcx``, what type checkers see of them, the command line, its flags."""
    source = ast.parse(Path(dlcx.__file__).read_text())
    block = next(node for node in source.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == {
        **{name: f"dlcx.workflow.{name}" for name in dlcx.COMMANDS},
        **dict.fromkeys(dlcx.NAMES, "dlcx.nets.registry"),
    }
    own = {"DlcxError", "Stopped", "__version__"}
    assert sorted(dlcx.__all__) == dlcx.__all__ == sorted({*own, *dlcx.COMMANDS, *dlcx.NAMES})
    program = parser()
    assert list(program.commands) == [name.replace("_", "-") for name in dlcx.COMMANDS]
    for name in dlcx.COMMANDS:
        function = inspect.signature(getattr(dlcx, name)).parameters
        flags = {param.name for param in program.commands[name.replace("_", "-")].params}
        common = {"project", "as_json", "progress", "quiet", "verbose", "debug", "help"}
        assert flags - common == set(function) - common, name
        assert all(param.annotation is not param.empty for param in function.values()), name


def test_names_of_models_and_detectors_are_deeplabcuts_without_torch(golden):
    code = (
        "import json, sys; from dlcx import available_models, available_detectors; "
        "print(json.dumps([available_models(), available_detectors(), 'torch' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    models, detectors, torch = json.loads(done.stdout)
    records = [
        net for name in ("sa", "ma") for net in json.loads((golden / "models" / f"index_{name}.json").read_text())
    ]
    theirs = {record["net"] for record in records if "__" not in record["net"]}
    assert set(models) == {name for name in theirs if not name.startswith("detector_")}
    assert {f"detector_{name}" for name in detectors} == {name for name in theirs if name.startswith("detector_")}
    assert not torch


def test_no_arguments_shows_help(capsys):
    assert run([]) == 0
    assert "Project and labels:" in capsys.readouterr().out


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"dlcx {dlcx.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["list-modls"], "list-models"),
        (["list-models", "--knd", "x"], "--kind"),
        (["list-models", "--kind"], "--help"),
        (["list-models", "surplus"], "--help"),
        (["-p", "demo", "status"], "-p follows the command: dlcx COMMAND -p"),
    ],
)
def test_a_call_that_cannot_be_parsed_is_one_line_and_exit_2(arguments, hint, capsys):
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"]
    assert hint in err.splitlines()[1]


def test_with_json_a_call_that_cannot_be_parsed_is_an_object(capsys):
    assert run(["list-models", "--json", "--knd", "x"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["message"] == "dlcx list-models: no such option '--knd'"
    assert error["exit_code"] == 2


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (DlcxError("wrong\nvalue", hint="do this"), 3, "error: wrong value\nhint: do this\n"),
        (Stopped("stopped"), 75, "error: stopped\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\nhint: Run the same command again to resume.\n"),
        (ZeroDivisionError("x"), 1, "error: bug in dlcx: ZeroDivisionError: x\n"),
    ],
)
def test_errors_become_one_line_and_the_exit_code(error, code, text, capsys, monkeypatch):
    def fail(**_):
        raise error

    monkeypatch.setattr("dlcx.workflow.list_models.list_models", fail)
    assert run(["list-models"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(text)
    assert "Traceback" not in err
    assert run(["list-models", "--json"]) == code
    out, err = capsys.readouterr()
    told = json.loads(out)["error"]
    assert told["exit_code"] == code
    assert err.splitlines()[0] == f"error: {' '.join(told['message'].split())}"
    assert ("hint: " + told["hint"] in err) == bool(told["hint"])
    if code == 3:
        assert run(["list-models", "--debug"]) == 3
        assert "Traceback" in capsys.readouterr().err


@dataclass(frozen=True)
class _Result:
    path: Path
    values: np.ndarray
    worst: float
    next_steps: tuple[str, ...] = ("next: dlcx train",)

    def lines(self) -> list[str]:
        return [f"h5: {self.path}"]


def test_results_go_to_stdout_and_hints_to_stderr(capsys):
    result = _Result(Path("a.h5"), np.array([1.5, np.nan]), float("inf"))
    emit(result, as_json=False)
    assert capsys.readouterr() == ("h5: a.h5\n", "hint: next: dlcx train\n")
    emit(result, as_json=True)
    out, _ = capsys.readouterr()
    emit(result, as_json=False, quiet=True)
    assert capsys.readouterr() == ("h5: a.h5\n", "")
    assert json.loads(out) == {
        "path": "a.h5",
        "values": [1.5, None],
        "worst": None,
        "next_steps": ["next: dlcx train"],
    }
    assert plain({1: (Path("x"), None)}) == {"1": ["x", None]}


@pytest.mark.parametrize("arguments", [["--help"], ["list-models"]])
def test_quick_commands_import_nothing_heavy(arguments):
    code = (
        "import sys; from dlcx.cli.app import run; code = run(sys.argv[1:]); "
        "heavy = {'torch', 'pandas', 'timm', 'cv2', 'matplotlib', 'scipy'} & set(sys.modules); "
        "sys.exit(f'imported {sorted(heavy)}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.posix
def test_a_reader_that_leaves_early_is_no_error():
    program = f"{sys.executable} -m dlcx list-models | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_did_you_mean_names_the_nearest_or_lists_all():
    assert did_you_mean("resnet50", ["resnet_50", "hrnet_w18"]) == "Did you mean 'resnet_50'?"
    assert did_you_mean("zzz", ["a", "b"]) == "Choose from: a, b."
    assert did_you_mean("zzz", []) == ""
