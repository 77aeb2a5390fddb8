"""``dlcx train``: what it prints, and that its numbers are those of ``dlcx evaluate``."""

from __future__ import annotations

import json

import pytest

from dlcx.cli.app import run
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.learning_stats import read_learning_stats
from dlcx.workflow.evaluate import evaluate


def test_facts_go_to_stdout_and_what_comes_next_to_stderr(tiny, capsys):
    assert (
        run(["train", "--progress", "none", "-p", str(tiny), "--epochs", "1", "--batch-size", "8", "--workers", "1"])
        == 0
    )
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "trained: tinyJan2-trainset80shuffle1, 1 epoch"
    assert "snapshot-001.pt" in out
    warning, *hints = err.splitlines()
    assert warning.startswith("warning: tinyJan2-trainset80shuffle1: only 2 test images have labels")
    assert hints == [
        f"hint: Next: dlcx evaluate --project {tiny}",
        "hint: Then: analyze-video with the names of your videos",
    ]


def test_json_is_one_object(tiny, capsys):
    assert run(["train", "-p", str(tiny), "--epochs", "2", "--json", "--set", "runner.key_metric=test.rmse"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["epoch"], facts["trained"], facts["stopped_early"]) == (2, 2, False)
    assert facts["key_metric"] == "test.rmse"
    assert facts["snapshots"][-1].endswith("snapshot-best-002.pt")
    stats = read_learning_stats(open_project(tiny).shuffle(1).learning_stats_path)
    assert facts["test_error"] == pytest.approx(stats[1]["metrics/test.rmse"])

    (found,) = evaluate(tiny, snapshot="best", pcutoff=0.6).evaluated
    assert found.test.rmse == pytest.approx(facts["test_error"], rel=1e-4)
    assert found.test.mAP == pytest.approx(stats[1]["metrics/test.mAP"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shuffle", "4"], "pytorch_config.yaml"),
        (["--weights", "nowhere.pt"], "nowhere.pt: no such file"),
        (["--resume", "nowhere.pt"], "--resume"),
        (["--set", "data.trian.motion_blur=false"], "trian"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_3(tiny, capsys, arguments, message):
    assert run(["train", "-q", "-p", str(tiny), *arguments]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err.splitlines()[0]
