"""Wrong calls of the command line: the exit code, one ``error:`` line on stderr, no traceback, nothing written."""

from __future__ import annotations

import shlex
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from small_videos import write_video

import dlcx
from dlcx.cli import app
from dlcx.cli.app import run

TRAIN = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"
USAGE, UNUSABLE = 2, 3

#: The call, run in a folder with the project ``P`` (shuffle 1, its snapshot is damaged), the video ``v.avi``, the text
#: ``text.mp4``, the folder ``empty`` and nothing else; its exit code; a word of the error.
CALLS: list[tuple[str, int, str]] = [
    # what is no command or no flag
    ("analyse-video v.avi", USAGE, "no such command"),
    ("--verbos", USAGE, "no such option"),
    ("train --epoch 3 -p P", USAGE, "no such option"),
    ("train -p", USAGE, "requires an argument"),
    ("train -p P surplus", USAGE, "unexpected"),
    *((f"{name.replace('_', '-')} --no-such-flag", USAGE, "no such option") for name in dlcx.COMMANDS),
    ("analyze-video -p P", USAGE, "missing argument"),
    ("analyze-images -p P", USAGE, "missing argument"),
    ("create-project", USAGE, "missing argument"),
    ("swap-tracks -p P", USAGE, "missing argument"),
    ("evaluate-tracks a.h5", USAGE, "missing argument"),
    # values of another kind
    ("train -p P --epochs many", USAGE, "--epochs"),
    ("train -p P --epochs -1", USAGE, "--epochs"),
    ("train -p P --batch-size 0", USAGE, "--batch-size"),
    ("train -p P --shuffle one", USAGE, "--shuffle"),
    ("evaluate -p P --batch-size 0", USAGE, "--batch-size"),
    ("evaluate -p P --pcutoff high", USAGE, "--pcutoff"),
    ("analyze-video v.avi -p P --batch-size -4", USAGE, "--batch-size"),
    ("analyze-video v.avi -p P --frames 10-20", USAGE, "--frames"),
    ("analyze-video v.avi -p P --frames a:b", USAGE, "--frames"),
    ("analyze-video v.avi -p P --crop 1,2,3", USAGE, "--crop"),
    ("analyze-video v.avi -p P --dynamic-crop 3", USAGE, "--dynamic-crop"),
    ("create-dataset -p P --seed x", USAGE, "--seed"),
    ("create-dataset -p P --shuffle 3 --train-fraction 1.5", USAGE, "--train-fraction"),
    ("demo --animals none", USAGE, "--animals"),
    ("demo d --animals 0", USAGE, "--animals"),
    ("plot-trajectories v.avi -p P --dpi 3", USAGE, "--dpi"),
    ("filter-predictions v.avi -p P --p-bound 3", USAGE, "--p-bound"),
    ("extract-frames -p P --step 0", USAGE, "--step"),
    # flags that need others
    ("filter-predictions v.avi -p P --ar 2", UNUSABLE, "--ar 2 would have no effect: it needs --filter arima"),
    ("filter-predictions v.avi -p P --p-bound 0.1", UNUSABLE, "--p-bound 0.1 would have no effect"),
    ("filter-predictions v.avi -p P --filter arima --window 7", UNUSABLE, "--window 7 would have no effect"),
    ("extract-outliers v.avi -p P --algorithm uncertain --epsilon 5", UNUSABLE, "--epsilon 5.0 would have no effect"),
    ("extract-outliers v.avi -p P --ma 2", UNUSABLE, "--ma 2 would have no effect: it needs --algorithm fitting"),
    ("extract-frames -p P --method uniform --step 3", UNUSABLE, "--step 3 would have no effect"),
    ("create-dataset -p P --from-shuffle 1 --shuffle 2 --seed 3", UNUSABLE, "--seed 3 would have no effect"),
    ("analyze-video v.avi -p P --no-track --animals 2", UNUSABLE, "--animals 2 would have no effect"),
    ("analyze-video v.avi -p P --shares 2", UNUSABLE, "--shares 2 would have no effect"),
    ("analyze-video v.avi -p P --detector-snapshot 20", UNUSABLE, "--detector-snapshot 20: resnet_50 of"),
    ("compare 1 1:10 -p P --detector-snapshot 20", UNUSABLE, "compare"),
    ("create-project new me v.avi --bodyparts ,", UNUSABLE, "--bodyparts: expected names"),
    ("create-project new me v.avi --multi --individuals ' '", UNUSABLE, "--individuals"),
    # projects
    ("train", UNUSABLE, "no project at or above"),
    ("status", UNUSABLE, "no project at or above"),
    ("train -p nowhere", UNUSABLE, "no config.yaml found"),
    ("train -p empty", UNUSABLE, "no config.yaml found"),
    ("evaluate -p v.avi", UNUSABLE, "v.avi"),
    ("status -p empty", UNUSABLE, "no config.yaml found"),
    ("check-labels -p empty", UNUSABLE, "no config.yaml found"),
    ("extract-frames -p empty", UNUSABLE, "no config.yaml found"),
    ("add-videos v.avi -p empty", UNUSABLE, "no config.yaml found"),
    ("create-project x me missing.avi", UNUSABLE, "no such video"),
    ("create-project x me text.mp4", UNUSABLE, "text.mp4"),
    ("create-project ../x me v.avi", UNUSABLE, "../x"),
    ("create-project x ../me v.avi", UNUSABLE, "../me"),
    ("create-project x me v.avi --date yesterday", UNUSABLE, "--date"),
    ("create-project x me v.avi --bodyparts nose,nose", UNUSABLE, "nose"),
    ("create-project x me v.avi --bodyparts nose,../tail", UNUSABLE, "../tail"),
    ("add-videos missing.avi -p P", UNUSABLE, "no such video"),
    ("add-videos text.mp4 -p P", UNUSABLE, "text.mp4"),
    ("demo P", UNUSABLE, "P"),
    # shuffles, snapshots, nets
    ("train -p P --shuffle 7", UNUSABLE, "pytorch_config.yaml"),
    ("train -p P --trainset-index 5", UNUSABLE, "--trainset-index 5"),
    ("train -p P --set train_settings.epoch=3", UNUSABLE, "unknown key"),
    ("train -p P --set train_settings.epochs", UNUSABLE, "expected KEY=VALUE"),
    ("train -p P --set train_settings.epochs=[", UNUSABLE, "--set"),
    ("train -p P --device gpu", UNUSABLE, "gpu"),
    ("train -p P --device cuda:99", UNUSABLE, "cuda"),
    ("train -p P --precision fp8", UNUSABLE, "--precision"),
    ("train -p P --resume none --overwrite --weights missing.pt", UNUSABLE, "missing.pt"),
    ("train -p P --resume missing.pt", UNUSABLE, "missing.pt"),
    ("train -p P --resume none --overwrite --weights none --logger paper", UNUSABLE, "--logger"),
    ("evaluate -p P --shuffle 7", UNUSABLE, "shuffle"),
    ("evaluate -p P --snapshot 99", UNUSABLE, "--snapshot 99"),
    ("evaluate -p P --snapshot missing.pt", UNUSABLE, "missing.pt"),
    ("evaluate -p P", UNUSABLE, "cannot be read as weights"),
    ("create-dataset -p P --net-type resnet50 --shuffle 3", UNUSABLE, "resnet50"),
    ("create-dataset -p P --net-type hrnet_w18", UNUSABLE, "shuffle"),
    ("create-dataset -p P --shuffle 3 --train-indices missing.txt", UNUSABLE, "missing.txt"),
    ("create-dataset -p P --shuffle 3 --from-shuffle 9", UNUSABLE, "9"),
    ("create-dataset -p P --shuffle 3 --split-by mood", UNUSABLE, "--split-by"),
    ("create-dataset -p P --shuffle 3 --split-by video", UNUSABLE, "at least two videos"),
    ("create-dataset -p P --shuffle 3 --net-type top_down_resnet_50 --detector yolo", UNUSABLE, "yolo"),
    ("create-dataset -p P --shuffle 3 --weights missing.pt", UNUSABLE, "missing.pt"),
    ("create-dataset -p P --shuffle 3 --set nettype=x", UNUSABLE, "unknown key"),
    ("prune-skeleton -p P", UNUSABLE, "skeleton|graph|edges|part-affinity"),
    ("compare -p P 7", UNUSABLE, "7"),
    ("compare -p P one", UNUSABLE, "one"),
    ("score-maps missing.png -p P", UNUSABLE, "missing.png"),
    ("list-models --kind triple", UNUSABLE, "triple"),
    # videos and images
    ("analyze-video missing.avi -p P", UNUSABLE, "no such video"),
    ("analyze-video empty -p P", UNUSABLE, "no video in"),
    ("analyze-video *.mkv -p P", UNUSABLE, "no video in"),
    ("analyze-video text.mp4 -p P", UNUSABLE, "cannot be opened as a video"),
    ("analyze-video v.avi -p P", UNUSABLE, "cannot be read as weights"),
    ("analyze-video v.avi -p P --frames 20:10", UNUSABLE, "--frames 20:10"),
    ("analyze-video v.avi -p P --frames 5000:", UNUSABLE, "--frames 5000"),
    ("analyze-video v.avi -p P --crop 0,9999,0,10", UNUSABLE, "--crop"),
    ("analyze-video v.avi -p P --engine steam", UNUSABLE, "--engine|steam"),
    ("analyze-video v.avi -p P --tracker lasso", UNUSABLE, "lasso|nothing to link"),
    ("analyze-video v.avi -p P --out v.avi", UNUSABLE, "v.avi"),
    ("analyze-video v.avi -p P --device mps:3", UNUSABLE, "mps"),
    ("analyze-images missing.png -p P", UNUSABLE, "missing.png"),
    ("analyze-images empty -p P", UNUSABLE, "no image in"),
    # what other commands make of an analysis
    ("create-labeled-video v.avi -p P", UNUSABLE, "v.avi|analy"),
    ("create-labeled-video missing.avi -p P", UNUSABLE, "missing.avi"),
    ("filter-predictions v.avi -p P", UNUSABLE, "v.avi|analy"),
    ("filter-predictions v.avi -p P --filter moving", UNUSABLE, "moving"),
    ("plot-trajectories v.avi -p P", UNUSABLE, "v.avi|analy"),
    ("plot-trajectories v.avi -p P --image-type gif", UNUSABLE, "gif"),
    ("analyze-skeleton v.avi -p P", UNUSABLE, "v.avi|analy|skeleton"),
    ("export-predictions v.avi -p P --format h5", UNUSABLE, "v.avi|analy"),
    ("export-predictions v.avi -p P --format xls", UNUSABLE, "xls"),
    ("export-predictions v.avi -p P --format h5 --session-start 2026-01-31", UNUSABLE, "--session-start"),
    ("track v.avi -p P", UNUSABLE, "nothing to link"),
    ("merge-parts v.avi -p P", UNUSABLE, "no parts of v.avi"),
    ("merge-parts nowhere.avi -p P", UNUSABLE, "nowhere.avi"),
    ("analyze-video v.avi -p P --part 5/4", USAGE, "--part"),
    ("analyze-video v.avi -p P --part 1/4 --frames 0:2", UNUSABLE, "--frames"),
    ("swap-tracks missing.h5 a b --from 3 -p P", UNUSABLE, "missing.h5"),
    ("evaluate-tracks missing.h5 other.h5", UNUSABLE, "missing.h5"),
    ("evaluate-tracks text.mp4 text.mp4", UNUSABLE, "text.mp4"),
    ("import-labels missing.json -p P", UNUSABLE, "missing.json"),
    ("import-labels text.mp4 -p P", UNUSABLE, "text.mp4"),
    ("export-labels out.xyz -p P", UNUSABLE, "out.xyz"),
    ("report v.avi -p P", UNUSABLE, "v.avi|analy|v"),
    ("extract-outliers v.avi -p P", UNUSABLE, "v.avi|analy"),
    ("extract-outliers missing.avi -p P", UNUSABLE, "missing.avi"),
    ("merge-labels -p empty", UNUSABLE, "no config.yaml found"),
    ("extract-frames -p P --method random", UNUSABLE, "random"),
    ("extract-frames -p P --start 0.8 --stop 0.2", UNUSABLE, "start"),
    ("extract-frames other -p P", UNUSABLE, "other"),
    ("check-labels other -p P", UNUSABLE, "other"),
]


@pytest.fixture(scope="module")
def place(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the calls are made in."""
    folder = tmp_path_factory.mktemp("calls")
    shutil.copytree(golden / "files" / "sa", folder / "P")
    images = folder / "P" / "labeled-data" / "vid"
    shutil.copytree(golden / "evaluation" / "sa" / "images", images)
    for suffix in (".h5", ".csv"):
        shutil.copy(golden / "evaluation" / "sa" / f"CollectedData_me{suffix}", images)
    (folder / "P" / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    write_video(folder / "v.avi", 10)
    write_video(folder / "P" / "videos" / "vid.avi", 10)
    (folder / "text.mp4").write_text("no video\n" * 30)
    (folder / "empty").mkdir()
    return folder


build = cache(app.build)


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time, and every folder; a lock that came and went leaves its folder a new time."""
    facts = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    return {str(path): (0, 0) if path.is_dir() else (fact.st_size, fact.st_mtime_ns) for path, fact in facts.items()}


def test_there_are_enough() -> None:
    assert len(CALLS) >= 60
    assert len({call for call, *_ in CALLS}) == len(CALLS)
    tried = {call.split()[0].replace("-", "_") for call, *_ in CALLS}
    assert set(dlcx.COMMANDS) <= tried


@pytest.mark.parametrize(("call", "code", "word"), CALLS, ids=[call for call, *_ in CALLS])
def test_wrong_call(
    call: str, code: int, word: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setattr(app, "build", build)
    before = listing(place)
    np.random.seed(0)  # noqa: NPY002
    assert run(shlex.split(call)) == code, capsys.readouterr().err
    out, err = capsys.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert any(part in errors[0] for part in word.split("|")), errors[0]
    assert "Traceback" not in err
    assert out == ""
    assert all(line.split(":")[0] in ("error", "hint", "warning") for line in err.splitlines() if line), err
    assert listing(place) == before
