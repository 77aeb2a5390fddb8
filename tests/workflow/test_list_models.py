import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.nets.registry import specs
from dlcx.workflow.list_models import RECOMMENDED, list_models


def test_all_nets_with_their_sizes():
    result = list_models()
    assert {model.name for model in result.models} == {spec.name for spec in specs()}
    lines = result.lines()
    assert len(lines) == 1 + len(result.models)  # captured output is no terminal: a line each
    line = next(line for line in lines if line.startswith("resnet_50 "))
    assert line.split("  ")[0] == "resnet_50"
    assert "  23.7 M      RECOMMENDED for one animal: the usual first choice" in line
    last_column = lines[0].index("suits")
    assert all(line[last_column - 1] == " " != line[last_column] for line in lines)


def test_recommended_networks_come_first_and_are_those_of_the_docs():
    names = [model.name for model in list_models().models]
    assert names[: len(RECOMMENDED)] == list(RECOMMENDED)
    assert list_models(kind="detector").models[0].name == "ssdlite"
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    table = page.split("| your videos show |")[1].split("\n\n")[0].splitlines()[2:]
    first_choices = {name for row in table for name in re.findall(r"`([^`]+)`", row.split("|")[2])}
    assert first_choices == set(RECOMMENDED) - {"ssdlite"}


def test_the_table_fits_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((80, 24)))
    lines = list_models().lines()
    assert max(map(len, lines)) <= 80
    words = " ".join(" ".join(lines).split())
    assert all(word in words for model in list_models().models for word in model.advice.split())


def test_one_kind():
    assert {spec.name for spec in specs("single")} == {model.name for model in list_models(kind="single").models}
    with pytest.raises(DlcxError, match="--kind singel: expected single, multi or detector") as caught:
        list_models(kind="singel")
    assert caught.value.hint == "Did you mean 'single'?"


def test_detectors():
    by_name = {model.name: model for model in list_models(kind="detector").models}
    assert set(by_name) == {"ssdlite", "fasterrcnn_mobilenet_v3_large_fpn", "fasterrcnn_resnet50_fpn_v2"}
    assert by_name["ssdlite"].parameters == 2_206_520


def test_command(capsys):
    assert run(["list-models", "--json", "--kind", "single"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    by_name = {model["name"]: model for model in models}
    assert by_name["resnet_101"]["parameters"] == 42_721_356
    assert "arXiv" in by_name["resnet_101"]["paper"]
    assert by_name["timm/NAME"]["parameters"] is None
    assert run(["list-models", "--kind", "x"]) == 3
    assert "--kind x" in capsys.readouterr().err
