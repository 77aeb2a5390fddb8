"""Every net that DeepLabCut knows gives DeepLabCut's configuration, names, maps, poses, losses and training steps.

The tests walk the registry and look golden data up by name: a name of DeepLabCut's without them fails.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from fill_weights import checksum, fill_weights, noise
from golden_io import error

from dlcx.formats.yaml_files import read_yaml
from dlcx.heads.labels import BatchLabels
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.registry import NetSpec, find, specs
from dlcx.poses import Layout
from dlcx.predictors import create_predictor
from dlcx.settings import ModelConfig

GOLDEN = Path(__file__).parents[1] / "golden"
PROJECTS = {"sa": Layout(("snout", "back", "tail"))}
NETS = [net.name for net in specs() if net.golden]
MAPS, PIXELS, SCORES = 3e-5, 1e-3, 1e-5
#: The made-up weights of cspnext_x magnify rounding: DeepLabCut's float32 maps are 3.4e-5 from float64, dlcx's 7e-6.
SLACK = {"cspnext_x": 3.0}


def configure(name: str, project: str) -> ModelConfig:
    block = model_config(
        name, PROJECTS[project], project_path="PROJECT", pose_config_path="PROJECT/train/pytorch_config.yaml"
    )
    return ModelConfig.model_validate(block)


@cache
def index(project: str) -> dict:
    return {case["net"]: case for case in json.loads((GOLDEN / "models" / f"index_{project}.json").read_text())}


def build(name: str, project: str):
    case = index(project)[name]
    model = build_model(configure(name, project))
    fill_weights(model, case["seed"], case["gain"], case["head_gain"], case["heat_bias"])
    assert checksum(model) == pytest.approx(case["weights_abs_sum"], rel=1e-12)
    return model


def image(project: str, name: str) -> np.ndarray:
    return cv2.imread(str(GOLDEN / "images" / project / f"{name}.png"))[..., ::-1]


def pad(pixels: np.ndarray, offsets: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The image padded as DeepLabCut did: it draws the side, dlcx takes the bottom and right."""
    left, top = (-offsets).astype(int)
    bottom, right = size[0] - pixels.shape[0] - top, size[1] - pixels.shape[1] - left
    return cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_REFLECT_101)


def inputs_hw(shape: list[int]) -> tuple[int, int]:
    return shape[-2], shape[-1]


def cases(spec: NetSpec) -> list[str]:
    """The golden projects in which a net must have a case."""
    return ["sa"] if "single" in spec.kinds else []


NET_CASES = [(name, project) for name in NETS for project in cases(find(name))]


def test_every_name_of_deeplabcut_has_a_case():
    assert {name for name, _ in NET_CASES} == set(NETS)
    assert NETS


@pytest.mark.parametrize(("name", "project"), NET_CASES)
def test_configuration(name: str, project: str):
    assert configure(name, project).plain() == read_yaml(GOLDEN / "configs" / project / f"{name}.yaml")


@pytest.mark.parametrize("name", NETS)
def test_names_and_shapes_of_weights(name: str):
    layout = Layout(("a", "b", "c", "d"))
    model = build_model(ModelConfig.model_validate(model_config(name, layout)))
    rows = [line.split("\t") for line in (GOLDEN / "state_dicts" / f"{name}.tsv").read_text().splitlines()[1:]]
    expected = [(key, json.loads(shape), f"torch.{dtype}") for key, shape, dtype in rows]
    assert [(key, list(value.shape), str(value.dtype)) for key, value in model.state_dict().items()] == expected


@pytest.mark.parametrize(("name", "project"), NET_CASES)
def test_maps_and_poses(name: str, project: str):
    model = build(name, project)
    predictor = create_predictor(model, configure(name, project), device="cpu")
    stored = np.load(GOLDEN / "models" / project / f"{name}.npz")
    case = index(project)[name]
    slack = SLACK.get(name, 1.0)
    assert {head: model.stride(head) for head in model.heads} == case["strides"]
    batches = {
        "A": np.stack([image(project, "a128_0"), image(project, "a128_1")]),
        "B": pad(image(project, "odd150x201"), stored["B.context.offsets"], inputs_hw(case["shapes"]["B.input"]))[None],
    }
    for tag, images in batches.items():
        inputs, _ = predictor.prepare(images)
        assert error(stored, f"{tag}.input", inputs) < 1e-6
        with torch.inference_mode():
            outputs = model(inputs)
        compared = 0
        for head, maps in outputs.items():
            for key, value in maps.items():
                assert error(stored, f"{tag}.out.{head}.{key}", value) < MAPS * slack
                compared += 1
        assert compared == sum(key.startswith(f"{tag}.out.") for key in case["shapes"])
        poses = stored[f"{tag}.pred.bodypart.poses"]
        found = predictor.predict(images)
        assert len(found) == len(poses)
        for prediction, pose in zip(found, poses, strict=True):
            np.testing.assert_allclose(prediction.animals.xy, pose[..., :2], rtol=0, atol=PIXELS)
            np.testing.assert_allclose(prediction.animals.score, pose[..., 2], rtol=0, atol=SCORES * slack)
    final = stored["B.final.bodyparts"][..., :2] - stored["B.context.offsets"]
    np.testing.assert_allclose(predictor.predict(batches["B"])[0].animals.xy, final, rtol=0, atol=PIXELS)


def batch_labels(stored) -> BatchLabels:
    return BatchLabels(
        keypoints=torch.from_numpy(stored["label.keypoints"]),
        unique=torch.from_numpy(stored["label.keypoints_unique"]),
        area=torch.from_numpy(stored["label.area"]),
        individual_ids=torch.from_numpy(stored["label.individual_ids"]),
    )


LOSSES = [(*path.stem.split("_", 1), path) for path in sorted((GOLDEN / "train" / "losses").glob("*.npz"))]
LOSSES = [path for project, name, path in LOSSES if (name, project) in NET_CASES]


@pytest.mark.parametrize("path", LOSSES, ids=lambda path: path.stem)
def test_targets_losses_and_gradients(path: Path):
    project, name = path.stem.split("_", 1)
    model = build_model(configure(name, project))
    stored = np.load(path)
    shapes = {key.removeprefix("outshape."): stored[key] for key in stored if key.startswith("outshape.")}
    outputs: dict[str, dict[str, torch.Tensor]] = {head: {} for head in model.heads}
    for place, shape in shapes.items():
        head, key = place.split(".")
        made = noise(f"{path.stem}/{head}/{key}", shape, 1)
        outputs[head][key] = torch.from_numpy(made).requires_grad_()
    labels = batch_labels(stored)
    for head, layers in model.heads.items():
        for key, target in layers.targets(outputs[head], labels).items():
            assert error(stored, f"target.{head}.{key}.target", target.values) < 1e-6
            assert error(stored, f"target.{head}.{key}.weights", target.weights) < 1e-6
    losses = model.loss(outputs, labels)
    expected = {key.removeprefix("loss."): float(stored[key]) for key in stored if key.startswith("loss.")}
    assert {key: value.item() for key, value in losses.items()} == pytest.approx(expected, rel=1e-5)
    losses["total_loss"].backward()
    for head, maps in outputs.items():
        for key, value in maps.items():
            assert error(stored, f"grad.{head}.{key}", value.grad) < 1e-5


STEPS = json.loads((GOLDEN / "train" / "steps" / "index.json").read_text())
STEPS = [case for case in STEPS if (case["net"], case["project"]) in NET_CASES]


@pytest.mark.parametrize("case", STEPS, ids=lambda case: case["net"])
def test_three_training_steps(case: dict):
    name, project = case["net"], case["project"]
    config = configure(name, project)
    model = build(name, project)
    stored = np.load(GOLDEN / "train" / "steps" / f"{project}_{name}.npz")
    inputs, _ = create_predictor(model, config, device="cpu").prepare(stored["image_u8"])
    labels = batch_labels(stored)
    assert config.runner.optimizer.plain() == case["optimizer"]
    optimizer = torch.optim.AdamW(model.parameters(), **config.runner.optimizer.params)
    model.train()
    norms = [layer for layer in model.modules() if "BatchNorm" in type(layer).__name__]
    assert sum(not layer.training for layer in norms) == case["bn_in_eval"]
    assert sum(not parameter.requires_grad for parameter in model.parameters()) == case["n_frozen"]
    for step, tolerance in enumerate((5e-6, 5e-4, 1e-2)):
        optimizer.zero_grad()
        losses = model.loss(model(inputs), labels)
        losses["total_loss"].backward()
        optimizer.step()
        found = {key: value.item() for key, value in losses.items()}
        assert found == pytest.approx(case["losses"][step], rel=tolerance)
        assert checksum(model) == pytest.approx(float(stored[f"step{step}.weights_abs_sum"]), rel=tolerance)
