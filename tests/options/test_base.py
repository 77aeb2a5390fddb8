"""Options are checked when they are put together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.create_labeled_video import CreateLabeledVideoOptions
from dlcx.options.commands.filter_predictions import FilterPredictionsOptions


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shuffle": "1"}, "--shuffle '1': expected 0 to 1000000"),
        ({"shuffle": True}, "--shuffle True: expected 0 to 1000000"),
        ({"shuffle": None}, "--shuffle None: expected a value"),
        ({"engine": "tensorrt"}, "--engine tensorrt: expected torch, compile, onnx or auto"),
        ({"batch_size": "many"}, "--batch-size many: expected auto"),
        ({"batch_size": 0}, "--batch-size 0: expected 1 to 100000"),
        ({"crop": (0, 1, 2)}, r"--crop \(0, 1, 2\): expected 4 numbers"),
        ({"crop": "0,1,2"}, "--crop: expected X1,X2,Y1,Y2"),
        ({"frames": (0.5, None)}, "--frames 0.5: expected 0 to 1000000000"),
        ({"dynamic_crop": (2, 10)}, "--dynamic-crop 2: expected 0 to 1"),
        ({"csv": "no"}, "--csv 'no': expected True or False"),
        ({"out": 3}, "--out 3: expected a path"),
        ({"snapshot": 0.5}, "--snapshot 0.5: expected a text"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(DlcxError, match=f"^{message}"):
        AnalyzeVideoOptions.of(videos="v.mp4", **values)


def test_values_become_their_own_type(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    options = AnalyzeVideoOptions.of(
        videos=Path("v.mp4"), shuffle=np.int64(3), snapshot=10, out="~/there", crop=[1, 2, 3, 4], set_sbatch=["a=b"]
    )
    assert (options.videos, options.shuffle, options.snapshot) == ((Path("v.mp4"),), 3, "10")
    assert (options.out, options.crop, options.set_sbatch) == (Path("/home/ann/there"), (1, 2, 3, 4), ("a=b",))
    assert type(options.shuffle) is int
    assert CreateLabeledVideoOptions.of(videos="v", bodyparts="snout").bodyparts == ("snout",)
    assert AnalyzeVideoOptions.of(videos="v", frames="3:").frames == (3, None)


def test_a_wrong_word_gets_the_nearest_one():
    with pytest.raises(DlcxError) as told:
        FilterPredictionsOptions.of(videos="v", filter="medain")
    assert told.value.hint == "Did you mean 'median'?"
    with pytest.raises(TypeError, match=r"filter_predictions.*'windw'\. Did you mean 'window'"):
        FilterPredictionsOptions.of(videos="v", windw=3)


def test_options_without_an_effect_are_refused():
    options = FilterPredictionsOptions.of(videos="v", ar=4)
    options.check_given(["filter"])
    with pytest.raises(DlcxError, match="--ar 4 would have no effect: it needs --filter arima") as told:
        options.check_given(["ar"])
    assert told.value.hint == "Leave out --ar."
    FilterPredictionsOptions.of(videos="v", ar=4, filter="arima").check_given(["ar"])
