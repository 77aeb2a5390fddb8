"""The five commands of the README, run as they stand there, with what makes them small."""

import re
import shlex
from pathlib import Path

import pytest

from dlcx.cli.app import run
from dlcx.workflow import demo

README = Path(__file__).parents[2] / "README.md"
SMALL = {
    "create-dataset": [
        "--net-type=timm/test_resnet",
        "--weights=none",
        "--set=data.train.crop_sampling.width=64",
        "--set=data.train.crop_sampling.height=64",
        "--set=runner.eval_interval=1",
    ],
    "train": ["--epochs=1"],
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(demo, "FRAMES", 12)
    monkeypatch.setattr(demo, "LABELED", 6)
    monkeypatch.chdir(demo.demo(tmp_path / "drawn").project)
    return tmp_path / "drawn"


def test_own_project(project: Path, capsys: pytest.CaptureFixture[str]):
    section = README.read_text(encoding="utf-8").split("## On your own project")[1]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    commands = [shlex.split(line)[1:] for line in block[1].strip().splitlines()]
    assert [words[0] for words in commands] == [
        "create-dataset",
        "train",
        "evaluate",
        "analyze-video",
        "create-labeled-video",
    ]
    for words in commands:
        code = run([*words, *SMALL.get(words[0], [])])
        assert code == 0, f"{words}: {capsys.readouterr().err}"
    found = {path.name for path in (project / "videos").iterdir()}
    scorer = r"arenaDLC_TimmTestResnet_demoJan1shuffle1_snapshot_(best-)?1"
    for ending in (r"\.h5", r"\.csv", r"_meta\.pickle", r"_full\.pickle", r".*labeled\.mp4"):
        assert any(re.fullmatch(scorer + ending, name) for name in found), (ending, found)
