"""Shares of a video, joined, are the whole run bit for bit, whatever net finds the animals and whatever links them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from same_results import differences
from several_animals import BUCTD, PAF, TOP_DOWN, long_video, make_project

from dlcx.predictors import temporal
from dlcx.store import read_store
from dlcx.workflow.analyze_video import analyze_video
from dlcx.workflow.merge_parts import merge_parts

RESET_INTERVAL, PARTS = 8, (2, 3, 1)


@pytest.fixture(scope="module")
def root(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("parts") / "ma", golden, PAF, TOP_DOWN, BUCTD)


@pytest.mark.parametrize(
    ("shuffle", "frames", "options"),
    [
        (PAF, 60, {}),
        (PAF, 30, {"tracker": "box"}),
        (PAF, 30, {"tracker": "skeleton", "relink": False}),
        (PAF, 30, {"track": False}),
        (TOP_DOWN, 18, {}),
        pytest.param(BUCTD, 20, {}, marks=pytest.mark.slow),
        pytest.param(BUCTD, 34, {"tracker": "ctd"}, marks=pytest.mark.slow),
    ],
    ids=["PAF, ellipse", "PAF, box", "PAF, skeleton", "PAF, no tracks", "top-down", "BUCTD", "CTD tracking"],
)
def test_parts_are_the_whole(
    root: Path, golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shuffle: int, frames: int, options: dict
) -> None:
    monkeypatch.setattr(temporal, "RESET_INTERVAL", RESET_INTERVAL)
    video = long_video(tmp_path / "v.avi", golden, frames)
    (whole,) = analyze_video(root, video, shuffle=shuffle, out=tmp_path / "whole", **options).videos
    for number in PARTS:
        (part,) = analyze_video(
            root, video, shuffle=shuffle, out=tmp_path / "parts", part=(number, 3), **options
        ).videos
        assert 0 < part.analyzed < frames
    merge_parts(root, video, shuffle=shuffle, out=tmp_path / "parts", **options)
    assert differences(tmp_path / "whole", tmp_path / "parts") == []
    stored = read_store(whole.h5.with_suffix(".dlcx"))
    assert np.mean([len(one.animals) for one in stored.predictions]) > 1  # there was something to link
