"""Every flag of every command changes what a call leaves or says, or is refused by its name."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from flag_cases import COMMANDS, SHARED, VIDEO, Flag
from several_animals import PAF, TOP_DOWN, make_project
from small_videos import write_video

from dlcx.cli.app import parser, run
from dlcx.errors import DlcxError

COMMON = {"project", "as_json", "progress", "quiet", "verbose", "debug", "help"}
PROGRAM = parser()
FLAGS = [
    (name, param.opts[0])
    for name, command in PROGRAM.commands.items()
    for param in command.params
    if param.param_type_name == "option" and param.name not in COMMON
]


def case(command: str, flag: str) -> Flag:
    found = COMMANDS[command].flags.get(flag, SHARED.get(flag))
    assert found is not None, f"{command} {flag} has no case"
    return Flag(found) if isinstance(found, str) else found


def test_every_flag_has_a_case():
    assert set(COMMANDS) == set(PROGRAM.commands)
    assert [pair for pair in FLAGS if pair[1] not in COMMANDS[pair[0]].flags and pair[1] not in SHARED] == []
    assert [(name, flag) for name, one in COMMANDS.items() for flag in one.flags if (name, flag) not in FLAGS] == []


def _arrived(command: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the function behind a command is called with, or why the call is refused."""
    name = command.replace("-", "_")
    module = importlib.import_module(f"dlcx.workflow.{name}")
    seen: list[str] = []
    monkeypatch.setattr(module, name, lambda *args, **options: seen.append(repr((args, sorted(options.items())))))
    code = run(_split(words))
    return seen[0] if seen else f"{code} {capsys.readouterr().err}"


@pytest.mark.parametrize(("command", "flag"), FLAGS, ids=[" ".join(pair) for pair in FLAGS])
def test_a_flag_reaches_the_function_of_its_command(command, flag, monkeypatch, capsys):
    one = case(command, flag)
    call = one.call or COMMANDS[command].call
    arguments = "3" if one.arguments is None else one.arguments
    given = arguments if arguments.startswith("--") else f"{flag} {arguments}"
    before = _arrived(command, call, monkeypatch, capsys)
    after = _arrived(command, f"{call} {given}", monkeypatch, capsys)
    assert after != before
    assert after.startswith("(") or flag in after


def test_flags_of_all_commands_count(monkeypatch, capsys, tmp_path):
    """They are made in one place, so one command shows them all."""

    def said(*words: str) -> tuple[int, str, str]:
        code = run(["demo", str(tmp_path / "nowhere" / "x"), "--animals", "1", *words])
        out, err = capsys.readouterr()
        return code, out, err

    seen: list[object] = []

    def fails(*_: object, progress: object, **__: object) -> None:
        seen.append(type(progress).__name__)
        logging.getLogger("dlcx.here").info("told")
        raise DlcxError("no", hint="way out")

    monkeypatch.setattr("dlcx.workflow.demo.demo", fails)
    usual = said()
    assert usual == (3, "", "error: no\nhint: way out\n")
    assert said("--json")[1].startswith('{"error"')
    assert "told" in said("-v")[2]
    assert "Traceback" in said("--debug")[2]
    kinds = [seen[-1]]
    for words in (["-q"], ["--progress", "json"], ["--progress", "lines"]):
        said(*words)
        kinds.append(seen[-1])
    assert len(set(kinds)) >= 3
    assert run(["status", "--project", str(tmp_path)]) == 3
    assert f"--project {tmp_path}" in capsys.readouterr().err


@pytest.fixture(scope="session")
def template(golden, tmp_path_factory) -> Path:
    """The folder that every call begins with."""
    folder = tmp_path_factory.mktemp("flags") / "template"
    root = make_project(folder / "P", golden, PAF, TOP_DOWN)
    config = root / "config.yaml"
    config.write_text(config.read_text().replace("PROJECT", str(folder / "P")))
    (root / "videos").mkdir(exist_ok=True)
    shutil.copy(golden / "analysis" / "ma" / "vid.avi", root / "videos")
    for snapshot in root.glob("dlc-models-pytorch/*/*shuffle4/train/snapshot-010.pt"):
        shutil.copy(snapshot, snapshot.with_name("snapshot-020.pt"))
    write_video(folder / "new.avi", 12)
    (folder / "rows.txt").write_text("0\n1\n2\n")
    return folder


@pytest.fixture(scope="session")
def analyzed(template) -> Path:
    """The template with what the calls below find there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(template)
        calls = [
            f"analyze-video {VIDEO} --shuffle 4",
            f"filter-predictions {VIDEO} --shuffle 4",
            "export-labels labels.json",
        ]
        for call in calls:
            assert run([*shlex.split(call), "-p", "P", "-q"]) == 0, call
    return template


PREPARE: dict[str, list[str]] = {
    "a_demo": ["demo D"],
    "boxes": [f"track {VIDEO} --shuffle 4 --tracker box"],
    "exported": ["export-labels out.csv"],
    "maps": ["score-maps P/labeled-data/vid/img00.png --shuffle 4"],
    "images": ["analyze-images P/labeled-data/vid --shuffle 4 --out images"],
    "drawn": [f"create-labeled-video {VIDEO} --shuffle 4 --pcutoff 0 --codec MJPG"],
    "plotted": [f"plot-trajectories {VIDEO} --shuffle 4 --pcutoff 0.5 --bodypart snout"],
    "bones": [f"analyze-skeleton {VIDEO} --shuffle 4 --pcutoff 0.5"],
    "exports": [f"export-predictions {VIDEO} --shuffle 4 --format h5"],
    "outliers": [f"extract-outliers {VIDEO} --shuffle 4 --epsilon 0.1 --frames 2"],
    "model": ["export-model --shuffle 4 --format onnx"],
    "new_analyzed": ["analyze-video new.avi --shuffle 4"],
    "parts": [f"analyze-video {VIDEO} --shuffle 4 --out parts --part {part}/2" for part in (1, 2)],
    "other_parts": [
        f"analyze-video {VIDEO} --shuffle 4 --out parts --frames 0:5",
        *(f"analyze-video {VIDEO} --shuffle 4 --out parts --part {part}/2" for part in (1, 2)),
    ],
}


def _changed_video() -> None:
    write_video(Path(VIDEO), 12, size=(160, 128))


def _without_results() -> None:
    for path in Path("P/videos").glob("*_filtered*"):
        path.unlink()


def _cropped_video() -> None:
    config = Path("P/config.yaml")
    config.write_text(config.read_text().replace("crop: 0, 160, 0, 128", "crop: 0, 60, 0, 50"))


def _labels() -> tuple[Path, list[str]]:
    path = next(Path("P/labeled-data/vid").glob("CollectedData_*.csv"))
    return path, path.read_text().splitlines()


def _unlabeled_row() -> None:
    path, lines = _labels()
    cells = lines[-1].split(",")
    path.write_text("\n".join([*lines[:-1], ",".join([*cells[:3], *[""] * (len(cells) - 3)])]) + "\n")
    path.with_suffix(".h5").unlink()


def _unlabeled_image() -> None:
    path, lines = _labels()
    path.write_text("\n".join(lines[:-1]) + "\n")
    path.with_suffix(".h5").unlink()


def _many_labels() -> None:
    """More images than are drawn without asking."""
    path, lines = _labels()
    cells = lines[-1].split(",")
    source = Path("P", *cells[:3])
    copies = [f"copy{number:03d}{source.suffix}" for number in range(101)]
    for name in copies:
        source.with_name(name).symlink_to(source.name)
    rows = [",".join([*cells[:2], name, *cells[3:]]) for name in copies]
    path.write_text("\n".join([*lines, *rows]) + "\n")
    path.with_suffix(".h5").unlink()


def _other_labels() -> None:
    path, lines = _labels()
    path.write_text("\n".join([*lines[:-1], re.sub(r"\d+\.\d+", "9.5", lines[-1], count=2)]) + "\n")
    path.with_suffix(".h5").unlink()


def _single_labels() -> None:
    """Labels of the first animal alone, as a project of one animal has them."""
    path, lines = _labels()
    kept = len(lines[0].split(",")) // 3 + 2  # three cells of the image, then a third of the columns
    rows = [",".join(line.split(",")[: kept - 1]) for line in lines if not line.startswith("individuals")]
    path.write_text("\n".join(rows) + "\n")
    path.with_suffix(".h5").unlink()


def _hues() -> None:
    """Frames of three colors of the same brightness."""
    colors = [(180, 60, 60), (60, 180, 60), (60, 60, 180)]
    writer = cv2.VideoWriter(VIDEO, cv2.VideoWriter.fourcc(*"MJPG"), 25, (160, 128))
    for number in range(12):
        writer.write(np.full((128, 160, 3), colors[number // 4], np.uint8))
    writer.release()


def _spoiled_maps() -> None:
    for path in Path("P/evaluation-results-pytorch").rglob("maps/*.png"):
        path.write_bytes(b"other")


DO: dict[str, Callable[[], None]] = {
    "changed_video": _changed_video,
    "without_results": _without_results,
    "cropped_video": _cropped_video,
    "unlabeled_row": _unlabeled_row,
    "unlabeled_image": _unlabeled_image,
    "many_labels": _many_labels,
    "other_labels": _other_labels,
    "single_labels": _single_labels,
    "hues": _hues,
    "maps": _spoiled_maps,
}


@pytest.fixture
def outcome(analyzed, monkeypatch, capsys) -> Callable[..., dict[str, str]]:
    """What a call says and leaves, in the template's folder as it was: by name, as text or digest."""
    folder = analyzed.with_name("work")

    def call(words: str, prepare: str) -> dict[str, str]:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(analyzed, folder, symlinks=True)
        monkeypatch.chdir(folder)
        tracks = sorted(Path("P/videos").glob("vid*_el.h5")), sorted(Path("P/videos").glob("vid*_el_filtered.h5"))
        for word, found in zip(("TRACKS", "FILTERED"), tracks, strict=True):
            words = words.replace(word, str(found[0]))
        for before in PREPARE.get(prepare, ()):
            assert run([*_split(before), "-q"]) == 0, (before, capsys.readouterr())
        if prepare in DO:
            DO[prepare]()
        capsys.readouterr()
        code = run(_split(words))
        out, err = capsys.readouterr()
        facts = {"code": str(code), "err": err, **_flat(out)}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            kind = "link " if path.is_symlink() else ""
            facts[str(path.relative_to(folder))] = kind + hashlib.sha256(path.read_bytes()).hexdigest()
        return facts

    return call


def _flat(out: str) -> dict[str, str]:
    """The results of a call, one by one."""
    found: dict[str, str] = {}

    def add(name: str, value: object) -> None:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        if inner is None:
            found[name] = repr(value)
        for key, item in inner or ():
            add(f"{name}.{key}", item)

    add("out", json.loads(out) if out.startswith("{") else out)
    return found


def _split(call: str) -> list[str]:
    words = shlex.split(call)
    none = [] if words[0] in ("demo", "create-project", "list-models", "doctor", "evaluate-tracks") else ["-p", "P"]
    return [*words, *none, "--progress", "none", "--json"]


_BASES: dict[tuple[str, str], tuple[dict[str, str], set[str]]] = {}


def _base(outcome: Callable[..., dict[str, str]], call: str, prepare: str) -> tuple[dict[str, str], set[str]]:
    """What a call leaves, and what of it differs from one time to the next."""
    if (call, prepare) not in _BASES:
        first, second = outcome(call, prepare), outcome(call, prepare)
        changing = {name for name in {*first, *second} if first.get(name) != second.get(name)}
        _BASES[call, prepare] = first, changing
    return _BASES[call, prepare]


def pytest_params() -> list[object]:
    return [
        pytest.param(name, flag, id=f"{name} {flag}", marks=pytest.mark.slow)
        for name, flag in FLAGS
        if flag in COMMANDS[name].flags or flag in SHARED
    ]


@pytest.mark.parametrize(("command", "flag"), pytest_params())
def test_a_flag_counts(command, flag, outcome):
    one = case(command, flag)
    if one.arguments is None:
        pytest.skip("a matter of speed: what it changes is in the test of its command")
    call = one.call or COMMANDS[command].call
    before, changing = _base(outcome, call, one.prepare)
    given = one.arguments if one.arguments.startswith("--") else f"{flag} {one.arguments}"
    after = outcome(f"{call} {given}", one.prepare)
    names = {name for name in {*before, *after} if before.get(name) != after.get(name)} - changing
    if after["code"] in ("2", "3") and before["code"] != after["code"]:
        assert flag in after["err"] or (one.arguments and one.arguments in after["err"]), after["err"]
    assert names, (before, after)
