"""RTMPose on crops that DeepLabCut cut: configuration, weights' names, maps, poses, losses and training steps."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from fill_weights import checksum, fill_weights, noise
from golden_io import error

from dlcx.formats.yaml_files import read_yaml
from dlcx.heads.labels import BatchLabels
from dlcx.nets import registry
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.model import PoseModel
from dlcx.nets.rtmpose.spec import CROPS, FAMILY, NETS
from dlcx.poses import Layout
from dlcx.predictors.prepare import Preparation
from dlcx.settings import ModelConfig
from dlcx.training.schedules import build_optimizer, build_scheduler

PROJECTS = {
    "sa": Layout(("snout", "back", "tail")),
    "ma": Layout(("snout", "ear", "back", "tail"), ("ann", "bob", "cid"), multi=True),
}


@pytest.fixture(autouse=True)
def _offered(monkeypatch):
    """The nets are not offered yet, as there are no detectors; here they are."""
    monkeypatch.setattr("dlcx.nets.rtmpose.spec.FAMILY", replace(FAMILY, nets=NETS))
    registry._families.cache_clear()
    yield
    registry._families.cache_clear()


def configure(name: str, layout: Layout) -> ModelConfig:
    block = model_config(name, layout, project_path="PROJECT", pose_config_path="PROJECT/train/pytorch_config.yaml")
    return ModelConfig.model_validate(block)


def filled(name: str, project: str, case: dict) -> PoseModel:
    model = build_model(configure(name, PROJECTS[project]))
    fill_weights(model, case["seed"], case["gain"], case["head_gain"], case["heat_bias"])
    return model


def labels(stored) -> BatchLabels:
    keys = {"keypoints": "keypoints", "unique": "keypoints_unique", "area": "area", "individual_ids": "individual_ids"}
    return BatchLabels(**{name: torch.from_numpy(stored[f"label.{key}"]) for name, key in keys.items()})


@pytest.mark.parametrize("name", [net.name for net in NETS])
@pytest.mark.parametrize("project", PROJECTS)
def test_configuration(name, project, golden):
    found = configure(name, PROJECTS[project]).plain()
    expected = read_yaml(golden / "configs" / project / f"{name}.yaml")
    del found["detector"], expected["detector"]  # the detector is not the net's
    crop = {"width": CROPS[name[-1]], "height": CROPS[name[-1]]}
    for part in ("train", "inference"):  # DeepLabCut writes 256 for rtmpose_x too, which its head does not take
        expected["data"][part]["top_down_crop"] |= crop
    assert found == expected


@pytest.mark.parametrize("name", [net.name for net in NETS])
def test_names_and_shapes_of_weights(name, golden):
    with torch.device("meta"):
        model = build_model(configure(name, Layout(("a", "b", "c", "d"))))
    rows = (golden / "state_dicts" / f"{name}__sa.tsv").read_text().splitlines()[1:]
    expected = [(key, json.loads(shape)) for key, shape, _ in (row.split("\t") for row in rows)]
    assert [(key, list(value.shape)) for key, value in model.state_dict().items()] == expected


@pytest.mark.parametrize(
    ("name", "project"), [("rtmpose_s", "sa"), ("rtmpose_s", "ma"), ("rtmpose_m", "sa"), ("rtmpose_x", "sa")]
)
def test_maps_and_poses(name, project, golden):
    key = f"{name}__crop_fixed" if name == "rtmpose_x" else name
    cases = json.loads((golden / "models" / f"index_{project}.json").read_text())
    case = next(case for case in cases if case["net"] == key)
    stored = np.load(golden / "models" / project / f"{key}.npz")
    model = filled(name, project, case).eval()
    assert checksum(model) == pytest.approx(case["weights_abs_sum"], rel=1e-12)
    strip = cv2.imread(str(golden / "images" / project / f"{case['crop_ref']}.png"))[..., ::-1]
    inputs, _ = Preparation()(strip.reshape(-1, CROPS[name[-1]], *strip.shape[1:]), "cpu")
    assert error(stored, "B.input", inputs) < 1e-6
    with torch.inference_mode():
        outputs = model(inputs)
    for axis, logits in outputs["bodypart"].items():
        assert error(stored, f"B.out.bodypart.{axis}", logits) < 3e-5
    poses = stored["B.pred.bodypart.poses"]
    for found, expected in zip(model.decode(outputs), poses, strict=True):
        np.testing.assert_allclose(found.animals.xy, expected[..., :2], rtol=0, atol=1e-3)
        np.testing.assert_allclose(found.animals.score, expected[..., 2], rtol=0, atol=3e-5)


def test_targets_losses_and_gradients(golden):
    stored = np.load(golden / "train" / "losses" / "ma_rtmpose_s.npz")
    model = build_model(configure("rtmpose_s", PROJECTS["ma"]))
    head = model.heads["bodypart"]
    maps = {
        axis: torch.from_numpy(noise(f"ma_rtmpose_s/bodypart/{axis}", stored[f"outshape.bodypart.{axis}"], 1))
        for axis in "xy"
    }
    maps = {axis: logits.requires_grad_() for axis, logits in maps.items()}
    for axis, target in head.targets(maps, labels(stored)).items():
        assert error(stored, f"target.bodypart.{axis}.target", target.values[:, None]) < 1e-6
        assert error(stored, f"target.bodypart.{axis}.weights", target.weights[:, None]) == 0
    losses = model.loss({"bodypart": maps}, labels(stored))
    expected = {key.removeprefix("loss."): float(stored[key]) for key in stored if key.startswith("loss.")}
    assert {key: value.item() for key, value in losses.items()} == pytest.approx(expected, rel=1e-5)
    losses["total_loss"].backward()
    for axis, logits in maps.items():
        assert error(stored, f"grad.bodypart.{axis}", logits.grad) < 1e-5


def test_three_training_steps(golden):
    cases = json.loads((golden / "train" / "steps" / "index.json").read_text())
    case = next(case for case in cases if case["net"] == "rtmpose_s")
    stored = np.load(golden / "train" / "steps" / "ma_rtmpose_s.npz")
    config = configure("rtmpose_s", PROJECTS["ma"])
    model = filled("rtmpose_s", "ma", case).train()
    inputs, _ = Preparation()(stored["image_u8"], "cpu")
    assert config.runner.optimizer.plain() == case["optimizer"]
    optimizer = build_optimizer(config.runner.optimizer.type, config.runner.optimizer.params, model.parameters())
    build_scheduler(config.runner.scheduler.type, config.runner.scheduler.params, optimizer)  # the first epoch's rate
    for step, tolerance in enumerate((5e-6, 5e-4, 1e-2)):
        optimizer.zero_grad()
        losses = model.loss(model(inputs), labels(stored))
        losses["total_loss"].backward()
        optimizer.step()
        found = {key: value.item() for key, value in losses.items()}
        assert found == pytest.approx(case["losses"][step], rel=tolerance)
        assert checksum(model) == pytest.approx(float(stored[f"step{step}.weights_abs_sum"]), rel=tolerance)
        for key in ("heads.bodypart.gau.gamma", "backbone.stem.0.norm.running_mean"):
            assert error(stored, f"step{step}.{key}", model.state_dict()[key]) < tolerance
