"""Every command that a result or an error recommends runs as printed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from dlcx.cli.app import run
from dlcx.cli.next_steps import given_project, with_project

#: A small network, and few epochs.
NET = ("--net-type", "timm/test_resnet", "--weights", "none", "--set", "train_settings.epochs=1", "--set")
NET += ("runner.snapshots.save_epochs=1",)


def recommended(text: str) -> list[list[str]]:
    """The words of each command that the hints of an output name, without ``dlcx``."""
    hints = [line.removeprefix("hint: ") for line in text.splitlines() if line.startswith("hint: ")]
    quoted = [call for hint in hints for call in re.findall(r"`dlcx ([^`]+)`", hint)]
    at_the_end = [call for hint in hints for call in re.findall(r"(?:^|[^`])dlcx ([^`]+)$", hint)]
    return [shlex.split(call) for call in quoted + at_the_end]


class Shell:
    """Runs commands, then each that they recommend, and so on."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.done: set[tuple[str, ...]] = set()
        self.failures: list[str] = []

    def __call__(self, *words: str | Path, exit_code: int = 0) -> list[list[str]]:
        """Run one command; what it recommends."""
        self._capsys.readouterr()
        call = [str(word) for word in words]
        code = run([*call, "--progress", "none"])
        output = self._capsys.readouterr()
        assert code == exit_code, (call, output)
        return recommended(output.err)

    def follow(self, calls: Sequence[Sequence[str]]) -> None:
        """Run recommended commands, and those that they recommend; each must end with 0."""
        waiting = [tuple(call) for call in calls]
        while waiting:
            call = waiting.pop(0)
            if call in self.done or call[0] in ("doctor", "list-models"):
                continue
            self.done.add(call)
            assert len(self.done) < 60
            self._capsys.readouterr()
            code = run([*call, "--progress", "none"])
            output = self._capsys.readouterr()
            assert code == 0, (call, output)
            waiting += [tuple(found) for found in recommended(output.err)]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """In a folder that holds no project."""
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.delenv("DLCX_PROJECT", raising=False)
    monkeypatch.setattr("dlcx.workflow.demo.FRAMES", 80)  # what commands recommend depends on no more
    monkeypatch.setattr("dlcx.workflow.demo.LABELED", 20)
    return Shell(capsys)


def test_one_animal_from_the_demo_to_the_report(shell: Shell, tmp_path: Path) -> None:
    home = tmp_path / "a mouse"  # a name that a shell must quote
    (first,) = shell("demo", home)
    assert first == ["create-dataset", "--project", str(home)]
    failed = shell("train", "-p", home, exit_code=3)
    assert failed == [["create-dataset", "--project", str(home)]]
    steps = shell("create-dataset", "-p", home, *NET)
    assert steps == [["train", "--project", str(home)]]
    assert shell("evaluate", "-p", home, exit_code=3) == steps
    video = home / "videos" / "arena.mp4"
    analyze = shell("create-labeled-video", video, "-p", home, exit_code=3)
    shell.follow(steps)
    assert any(call[0] == "analyze-video" for call in shell.done)
    assert any(call[0] == "create-labeled-video" for call in shell.done)
    assert any(call[0] == "report" for call in shell.done)
    shell.follow(analyze)
    for _ in range(3):  # what status recommends, until people have to do something
        shell.follow(shell("status", "-p", home))
    shell.follow(shell("filter-predictions", video, "-p", home))
    assert shell("check-labels", "-p", home) == [first]


def test_flags_that_choose_poses_are_kept(shell: Shell, tmp_path: Path) -> None:
    """Another shuffle, an older snapshot, and poses in another folder; several videos in one call."""
    home, poses = tmp_path / "mice", tmp_path / "my poses"
    shell("demo", home)
    shell("create-dataset", "-p", home, *NET, "--shuffle", "3", "--set", "train_settings.epochs=2")
    shell("train", "-p", home, "--shuffle", "3")
    shell.follow(shell("evaluate", "-p", home, "--shuffle", "3", "--snapshot", "1"))
    videos = [home / "videos" / "arena.mp4", tmp_path / "second.mp4"]
    videos[1].write_bytes(videos[0].read_bytes())
    chosen = ("-p", home, "--shuffle", "3", "--snapshot", "1", "--out", poses)
    steps = shell("analyze-video", *videos, *chosen)
    assert [call[0] for call in steps] == ["create-labeled-video"]
    shell.follow(steps)
    shell.follow(shell("filter-predictions", *videos, *chosen))
    shell.follow(shell("create-labeled-video", *videos, *chosen, "--filtered", "--frames", "0:9", "--overwrite"))
    shell.follow(shell("extract-outliers", videos[0], *chosen, "--algorithm", "list", "--frame-numbers", "5"))
    other = ("-p", home, "--shuffle", "3", "--snapshot", "2", "--out", tmp_path / "parts")
    steps = [shell("analyze-video", videos[0], *other, "--part", part) for part in ("1/2", "2/2")][-1]
    assert [call[0] for call in steps] == ["merge-parts"]
    shell.follow(steps)


def test_several_animals_with_a_swap(shell: Shell, tmp_path: Path) -> None:
    home = tmp_path / "pair"
    shell("demo", home, "--animals", "2")
    shell("create-dataset", "-p", home, *NET)
    shell("train", "-p", home)
    video = home / "videos" / "arena.mp4"
    shell.follow(shell("analyze-video", video, "-p", home))
    shell.follow(shell("track", video, "-p", home, "--tracker", "box"))


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("Next: dlcx train", "Next: dlcx train --project 'my mice'"),
        ("Run `dlcx train --shuffle 2` first.", "Run `dlcx train --project 'my mice' --shuffle 2` first."),
        ("Next: dlcx train -p other", "Next: dlcx train -p other"),
        ("Next: dlcx train --project=other", "Next: dlcx train --project=other"),
        ("See `dlcx list-models`.", "See `dlcx list-models`."),
        ("dlcx trains networks", "dlcx trains networks"),
        ("`dlcx status` or `dlcx train`", "`dlcx status --project 'my mice'` or `dlcx train --project 'my mice'`"),
    ],
)
def test_commands_name_the_project_of_the_call(hint: str, expected: str) -> None:
    assert with_project(hint, "my mice") == expected
    assert with_project(hint, None) == hint


def test_the_project_of_a_call() -> None:
    assert given_project(["train", "-p", "a"]) == "a"
    assert given_project(["train", "--project=a b"]) == "a b"
    assert given_project(["train", "--project", "a", "-q"]) == "a"
    assert given_project(["train"]) is None
    assert given_project(["train", "-p"]) is None
    assert given_project([]) is None


def test_no_recommended_command_holds_a_placeholder() -> None:
    """Source files name no command with a word like VIDEO or N, which the user would have to replace."""
    package = Path(__file__).parents[1] / "dlcx"
    sources = [path for path in package.rglob("*.py") if path.parent.name != "cli"]  # those are texts of help
    calls = [
        f"{path.relative_to(package)}: {call}"
        for path in sorted(sources)
        for call in re.findall(r"`(dlcx [a-z]+[a-z-]* [^`\n]*)`", path.read_text(encoding="utf-8"))
    ]
    assert len(calls) >= 3
    assert [call for call in calls if re.search(r"(?<![\w%-])[A-Z]+(?!\w)", re.sub(r"\{[^}]*\}", "", call))] == []
