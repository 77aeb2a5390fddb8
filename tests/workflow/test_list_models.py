import json

import pytest

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.nets.registry import specs
from dlcx.workflow.list_models import list_models


def test_all_nets_with_their_sizes():
    result = list_models()
    assert [model.name for model in result.models] == [spec.name for spec in specs()]
    lines = result.lines()
    assert len(lines) == 1 + len(result.models)
    line = next(line for line in lines if line.startswith("resnet_50 "))
    assert line.split()[:7] == ["resnet_50", "resnet", "single,multi", "23.7", "M", "8.2", "8"]
    last_column = lines[0].index("suits")
    assert all(line[last_column - 1] == " " != line[last_column] for line in lines)


def test_one_kind():
    assert {spec.name for spec in specs("single")} == {model.name for model in list_models(kind="single").models}
    with pytest.raises(DlcxError, match="--kind singel: no such kind") as caught:
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
