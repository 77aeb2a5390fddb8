import logging

import numpy as np
import pytest
import torch
from torch import nn

from dlcx.engines import create_engine
from dlcx.engines.onnx import Exported, export, max_keypoint_distance, open_session, providers, run_session
from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.poses import Instances, Layout, Prediction
from dlcx.predictors import create_predictor
from dlcx.settings import ModelConfig

pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")
pytest.importorskip("onnxscript", reason="the extra 'onnx' is not installed")


class Tiny(nn.Module):
    """A net of one layer that is decoded as a PoseModel; ``off`` is what torch's own passes add."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 3, padding=1)
        self.off = 0.0

    def forward(self, images, *conditions):
        maps = self.layer(images) + (0.0 if torch.compiler.is_exporting() else self.off)
        for condition in conditions:
            maps = maps + condition[:, :2, 2, None, None]
        return {"bodypart": {"heatmap": maps}}

    def decode(self, outputs):
        best = outputs["bodypart"]["heatmap"].amax((2, 3)).numpy()
        return [Prediction(Instances(np.stack([row, row], -1)[None], row[None])) for row in best]


def test_the_exported_net_is_kept_whole_and_used_again(tmp_path, monkeypatch):
    model, images = Tiny(), torch.rand(3, 3, 12, 10)
    kept = Exported(tmp_path / "net.onnx", any_size=True)
    engine = create_engine(model, kind="onnx", exported=kept)
    expected = create_engine(model)(images)["bodypart"]["heatmap"]
    torch.testing.assert_close(engine(images)["bodypart"]["heatmap"], expected)
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    larger = torch.rand(1, 3, 20, 30)
    torch.testing.assert_close(
        engine(larger)["bodypart"]["heatmap"], create_engine(model)(larger)["bodypart"]["heatmap"]
    )
    monkeypatch.setattr("dlcx.engines.onnx.export", lambda *_, **__: pytest.fail("exported twice"))
    again = create_engine(model, kind="onnx", exported=kept)
    torch.testing.assert_close(again(images)["bodypart"]["heatmap"], expected)


def test_a_damaged_file_is_made_anew(tmp_path, caplog):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"no net")
    model, images = Tiny(), torch.rand(1, 3, 8, 8)
    found = create_engine(model, kind="onnx", exported=Exported(path))(images)
    torch.testing.assert_close(found["bodypart"]["heatmap"], create_engine(model)(images)["bodypart"]["heatmap"])
    assert "exported again" in caplog.text
    assert path.stat().st_size > 100


def test_conditions_are_a_second_input():
    model, images, conditions = Tiny(), torch.rand(2, 3, 8, 8), torch.rand(2, 4, 3)
    found = create_engine(model, kind="onnx")(images, conditions)["bodypart"]["heatmap"]
    torch.testing.assert_close(found, create_engine(model)(images, conditions)["bodypart"]["heatmap"])


@pytest.mark.parametrize("off", [0.011, float("nan")])
def test_other_results_than_those_of_torch_are_refused(off):
    model = Tiny()
    model.off = off
    with pytest.raises(DlcxError, match="differ from those of torch: maps differ by up to") as caught:
        create_engine(model, kind="onnx")(torch.rand(1, 3, 8, 8))
    assert "--engine torch" in caught.value.hint


def test_a_file_for_one_size_refuses_others():
    engine = create_engine(Tiny(), kind="onnx")
    engine(torch.rand(1, 3, 8, 8))
    with pytest.raises(DlcxError, match="exported for images of"):
        engine(torch.rand(1, 3, 8, 16))


def test_what_cannot_be_had_is_said(monkeypatch):
    with pytest.raises(DlcxError, match="--precision bf16"):
        create_engine(Tiny(), kind="onnx", precision="bf16")
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    assert providers(torch.device("cuda:1")) == []
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DlcxError, match="needs onnxruntime, onnx, onnxscript") as caught:
        create_engine(Tiny(), kind="onnx")
    assert "dlcx[onnx]" in caught.value.hint


def test_too_little_memory_is_an_error_that_halves_batches(caplog, monkeypatch):
    class Session:
        def __init__(self, session):
            self.session = session

        def __getattr__(self, name):
            return getattr(self.session, name)

        def run(self, names, feeds):
            if len(feeds["images"]) > 2:
                raise type("Fail", (Exception,), {"__module__": "onnxruntime.capi"})("Failed to allocate memory")
            return self.session.run(names, feeds)

    model, images = Tiny(), torch.rand(4, 3, 8, 8)
    monkeypatch.setattr("dlcx.engines.onnx.open_session", lambda *given: Session(open_session(*given)))
    engine = create_engine(model, kind="onnx")
    with caplog.at_level(logging.WARNING):
        found = engine(images)["bodypart"]["heatmap"]
    torch.testing.assert_close(found, create_engine(model)(images)["bodypart"]["heatmap"])
    assert "continuing with 2" in caplog.text


def test_distances_between_predictions():
    one = Prediction(Instances(np.zeros((1, 2, 2)), np.ones((1, 2))))
    other = Prediction(Instances(np.array([[[3.0, 4.0], [0, 0]]]), np.ones((1, 2))))
    hidden = Prediction(Instances(np.array([[[0.0, 0.0], [np.nan, np.nan]]]), np.ones((1, 2))))
    assert max_keypoint_distance([one], [one]) == 0
    assert max_keypoint_distance([one], [other]) == 5
    assert max_keypoint_distance([one], [hidden]) == np.inf
    assert max_keypoint_distance([hidden], [hidden]) == 0
    assert max_keypoint_distance([one], [Prediction(Instances.empty(2))]) == np.inf


NETS = ("resnet_50", "dlcrnet_ms5", "hrnet_w18", "dekr_w18", "cspnext_s", "rtmpose_s", "top_down_hrnet_w18",
        "ctd_coam_w32", "ctd_prenet_rtmpose_s", "animaltokenpose_base")  # fmt: skip


@pytest.mark.parametrize(
    "net", [pytest.param(net, marks=[] if net == "ctd_prenet_rtmpose_s" else pytest.mark.slow) for net in NETS]
)
def test_nets_of_every_family_run_in_onnx_runtime(net, tmp_path):
    layout = Layout(("snout", "back", "tail"), ("anne", "bert"), multi=True)
    config = ModelConfig.model_validate(model_config(net, layout))
    torch.manual_seed(0)
    model = build_model(config).eval()
    images = np.random.default_rng(0).integers(0, 255, (2, 256, 288, 3), np.uint8)
    guess = Instances(
        np.array([[[90.0, 90], [130, 99], [150, 120]]]), np.ones((1, 3)), box=np.array([[60.0, 50, 120, 130]])
    )
    boxes = [guess, guess]
    predictor = create_predictor(model, config, device="cpu")
    inputs = predictor.inputs(images, boxes).tensors
    session = open_session(export(model, inputs, any_size=config.method == "bu"), torch.device("cpu"))
    with torch.inference_mode():
        for rows in (inputs, [tensor[:1] for tensor in inputs]):
            found = run_session(session, rows, torch.device("cpu"))
            for head, maps in model(*rows).items():
                for name, expected in maps.items():
                    highest = float(expected.abs().max())
                    assert float((found[head][name] - expected).abs().max()) <= 1e-3 * highest, (head, name)
