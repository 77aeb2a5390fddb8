from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from finds_disc import FindsDisc
from small_videos import write_video

from dlcx.analysis import auto_batch_size
from dlcx.analysis.auto_batch_size import choose_batch_size
from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.poses import Instances, Prediction
from dlcx.workflow.analyze_video import AnalyzedVideo

IMAGES = np.zeros((64, 8, 8, 3), np.uint8)


class Counts:
    """A predictor that takes ``pace(size)`` seconds a pass, on a clock of its own."""

    def __init__(self, pace: Callable[[int], float], monkeypatch: pytest.MonkeyPatch) -> None:
        self.pace, self.now, self.sizes = pace, 0.0, list[int]()
        self.off: Callable[[int], float] = lambda size: 0.0
        monkeypatch.setattr(auto_batch_size.time, "perf_counter", lambda: self.now)

    def inputs(self, images, guesses=None):
        raise NotImplementedError

    def predict(self, images, guesses=None) -> list[Prediction]:
        self.sizes.append(len(images))
        self.now += self.pace(len(images))
        xy = np.full((1, 2, 2), self.off(len(images)))
        return [Prediction(Instances(xy, np.ones((1, 2))))] * len(images)


def test_the_fastest_size_is_taken(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Up to 8 images share what a pass costs; of more the cache is too small."""
    predictor = Counts(lambda size: 0.1 + 0.01 * size if size <= 8 else 0.1 * size, monkeypatch)
    assert choose_batch_size(predictor, IMAGES) == 8
    assert max(predictor.sizes) == 32  # two sizes that are no better end the search
    assert "takes 8 (an image, at sizes of 1: 110 ms, 2: 60 ms, 4: 35 ms, 8: 22 ms," in caplog.text


def test_little_gain_is_not_worth_a_larger_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_batch_size(Counts(lambda size: 0.99 * size, monkeypatch), IMAGES[:4]) == 1


def test_slow_nets_are_tried_with_few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Counts(lambda size: 3 * size**0.5, monkeypatch)
    assert choose_batch_size(predictor, IMAGES) == 2
    assert max(predictor.sizes) == 2


def test_never_more_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Counts(lambda size: 0.1, monkeypatch)
    assert choose_batch_size(predictor, IMAGES[:5]) == 4
    assert choose_batch_size(predictor, IMAGES) == 64


def test_other_keypoints_and_errors_end_the_search(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    predictor = Counts(lambda size: 0.1, monkeypatch)
    predictor.off = lambda size: 0.02 * (size > 4)
    assert choose_batch_size(predictor, IMAGES) == 4
    assert "left out: 8: keypoints differ by up to 0.028 px" in caplog.text

    def fails(size: int) -> float:
        if size > 2:
            raise RuntimeError("too little of everything")
        return 0.1

    assert choose_batch_size(Counts(fails, monkeypatch), IMAGES) == 2
    assert "left out: 4: too little of everything" in caplog.text
    with pytest.raises(RuntimeError):
        choose_batch_size(Counts(lambda size: fails(9), monkeypatch), IMAGES)


def test_the_analysis_keeps_what_was_chosen(
    project: Path,
    net: FindsDisc,
    again: Callable[..., AnalyzedVideo],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_video(project / "videos" / "v.avi", 30)
    monkeypatch.setattr(auto_batch_size, "choose_batch_size", lambda predictor, images, guesses: len(images) // 6)
    again(path, batch_size="auto", frames=(0, 12))
    assert net.batches == [2] * 6
    monkeypatch.setattr(auto_batch_size, "choose_batch_size", lambda *_: pytest.fail("tried again"))
    again(path, batch_size="auto")
    assert net.batches == [2] * 9
    with pytest.raises(DlcxError, match="--part 1/2 and --batch-size auto"):
        again(path, batch_size="auto", part=(1, 2), overwrite=True)


def test_command(project: Path, net: FindsDisc, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_video(project / "videos" / "v.avi", 20)
    call = ["analyze-video", "-p", str(project), str(path), "-q", "--json", "--batch-size"]
    assert run([*call, "auto"]) == 0
    told = capsys.readouterr()
    time = json.loads(told.out)["videos"][0]["time"]
    assert set(time["seconds"]) == {"waiting", "preparing", "net", "pose decoding", "writing"}
    assert time["frames"] == 20
    assert time["total"] == pytest.approx(sum(time["seconds"].values()))
    assert time["decoding"] > 0
    assert "--batch-size auto: takes" in told.err
    assert run([*call, "0"]) == 2
    assert "expected a number of 1 or more, or auto" in capsys.readouterr().err
    logging.getLogger("dlcx").handlers.clear()
