import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_videos import write_video

from dlcx import analyze_images, analyze_video, evaluate
from dlcx.analysis import auto_engine
from dlcx.analysis.auto_engine import choose_engine
from dlcx.errors import DlcxError
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import write_model_config
from dlcx.formats.weights.snapshot import write_snapshot
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.poses import Instances, Prediction
from dlcx.settings import ModelConfig


class Fake:
    """Takes so long on a clock of the test's and finds a keypoint so far from torch's."""

    now = 0.0

    def __init__(self, seconds: float, off: float) -> None:
        self.seconds, self.off = seconds, off

    def predict(self, images, guesses=None):
        Fake.now += self.seconds
        if np.isnan(self.off):
            raise DlcxError("--engine onnx: refused")
        return [Prediction(Instances(np.full((1, 2, 2), 5 + self.off), np.ones((1, 2)))) for _ in images]


@pytest.mark.parametrize(
    ("seconds", "off", "chosen", "said"),
    [
        (0.001, 0.001, "onnx", "takes onnx"),
        (0.001, 0.5, "torch", "keypoints differ from torch's by up to 0.71 px"),
        (0.001, np.nan, "torch", "left out: --engine onnx: refused"),
        (0.2, 0.0, "torch", "takes torch"),
    ],
)
def test_the_fastest_that_gives_the_same_keypoints(monkeypatch, caplog, seconds, off, chosen, said):
    monkeypatch.setattr("dlcx.engines.torch.check_onnx", lambda *_: None)
    monkeypatch.setattr(auto_engine, "time", SimpleNamespace(perf_counter=lambda: Fake.now))
    predictors = {"torch": Fake(0.05, 0), "onnx": Fake(seconds, off)}
    with caplog.at_level(logging.INFO):
        kind = choose_engine(predictors.__getitem__, np.zeros((2, 8, 8, 3), np.uint8), device="cpu", precision="fp32")
    assert kind == chosen
    assert said in caplog.text


def test_where_nothing_is_seen_nothing_is_compared(caplog):
    class Blind:
        def predict(self, images, guesses=None):
            return [Prediction(Instances.empty(2)) for _ in images]

    kind = choose_engine(lambda _: Blind(), np.zeros((1, 8, 8, 3), np.uint8), device="cpu", precision="fp32")
    assert kind == "torch"


@pytest.fixture
def small_net(project: Path) -> Path:
    """The project with a net of a small timm backbone, random weights and a video."""
    place = open_project(project).shuffle(1)
    config = ModelConfig.model_validate(model_config("timm/test_resnet", place.project.layout))
    write_model_config(config, place.model_config_path)
    torch.manual_seed(0)
    model = build_model(config)
    write_snapshot(place.train_dir / "snapshot-010.pt", model=model.state_dict(), epoch=10, metrics={}, losses={})
    write_video(project / "v.avi", 6)
    return project


def test_an_analysis_remembers_the_engine_that_auto_chose(small_net, monkeypatch):
    pytest.importorskip("onnxscript", reason="the extra 'onnx' is not installed")
    monkeypatch.setattr(auto_engine, "WORTH", np.inf)  # onnx is taken whatever its speed here
    options = {"device": "cpu", "batch_size": 2}
    torch_poses = analyze_video(small_net, small_net / "v.avi", engine="torch", out=small_net / "t", **options).videos[
        0
    ]

    def analyze(stop, engine="auto"):
        return analyze_video(small_net, small_net / "v.avi", frames=(0, stop), engine=engine, **options).videos[0]

    assert analyze(2).analyzed == 2
    assert len(list(small_net.rglob("snapshot-010.*.onnx"))) == 1
    monkeypatch.setattr(auto_engine, "choose_engine", lambda *_, **__: pytest.fail("chosen again"))
    done = analyze(6)
    assert done.analyzed == 4
    with pytest.raises(DlcxError, match="--engine"):
        analyze(6, "torch")
    found, expected = (read_predictions(video.h5) for video in (done, torch_poses))
    np.testing.assert_allclose(found.xy, expected.xy, atol=0.01)
    np.testing.assert_allclose(found.score, expected.score, atol=1e-3)


def test_images_and_labels_take_the_engine_too(small_net, monkeypatch):
    pytest.importorskip("onnxscript", reason="the extra 'onnx' is not installed")
    monkeypatch.setattr(auto_engine, "WORTH", np.inf)
    images = small_net / "labeled-data" / "vid"
    analyze_images(small_net, images, device="cpu", engine="auto", out=small_net / "o")
    assert len(list(small_net.rglob("snapshot-010.*.onnx"))) == 1
    by_onnx = evaluate(small_net, device="cpu", engine="onnx").evaluated[0]
    by_torch = evaluate(small_net, device="cpu").evaluated[0]
    assert by_onnx.test.rmse == pytest.approx(by_torch.test.rmse, abs=0.01)
    assert evaluate(small_net, device="cpu", engine="auto").evaluated[0].scorer == by_torch.scorer
