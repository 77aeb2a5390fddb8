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

from dlcx.formats.serialization.yaml_files import read_yaml
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.dekr.decoding import local_maxima
from dlcx.nets.build import build_model
from dlcx.nets.configure import conditions_of_shuffle, model_config
from dlcx.nets.registry import NetSpec, find, specs
from dlcx.poses import Instances, Layout
from dlcx.predictors import create_predictor
from dlcx.predictors.preprocessing import build_preprocessing
from dlcx.settings import ModelConfig
from dlcx.training.optimizers import build_optimizer, build_scheduler

GOLDEN = Path(__file__).parents[1] / "golden"
ANIMALS = ("ann", "bob", "cid")
PROJECTS = {
    "sa": Layout(("snout", "back", "tail")),
    "ma": Layout(("snout", "ear", "back", "tail"), ANIMALS, multi=True),
    "mui": Layout(("snout", "back", "tail"), ANIMALS[:2], ("lamp", "door"), multi=True),
}
NETS = [net.name for net in specs() if net.golden and net.method != "detect"]
#: How near float32 comes to DeepLabCut's float32 on any processor.  Offsets magnify the rounding of maps in poses:
#: DeepLabCut's poses of cspnext_m with unique bodyparts are 7e-4 px from those in float64, dlcx's are up to 1.2e-3 px
#: from DeepLabCut's, depending on the processor.  The goal is 0.01 px.
MAPS, PIXELS, SCORES = 3e-5, 1e-2, 3e-5
#: Where made-up weights magnify rounding: maps and poses that DeepLabCut has from float32 are up to 3.4e-5 and 0.008 px
#: from those in float64, dlcx's up to 1e-4 and 0.07 px, depending on the number of threads.
TOLERANCES = {"cspnext_x": (1.5e-4, 0.1, 1e-4)}
#: What DeepLabCut's crops are replaced by where it writes a size that the net cannot take.
FIXED = "__crop_fixed"


def configure(name: str, project: str) -> ModelConfig:
    return ModelConfig.model_validate(plain_config(name, PROJECTS[project]))


def plain_config(name: str, layout: Layout) -> dict:
    return model_config(
        name,
        layout,
        identity=bool(layout.unique),  # as in the golden projects
        conditions=conditions_of_shuffle(1) if find(name).method == "ctd" else None,
        project_path="PROJECT",
        pose_config_path="PROJECT/train/pytorch_config.yaml",
    )


@cache
def index(project: str) -> dict:
    return {case["net"]: case for case in json.loads((GOLDEN / "models" / f"index_{project}.json").read_text())}


def case_name(name: str, project: str) -> str:
    """The golden case of a net: as generated, or with the crop size that it needs."""
    return name if index(project)[name]["status"] == "ok" else name + FIXED


def build(name: str, project: str):
    case = index(project)[case_name(name, project)]
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
    """The golden projects in which DeepLabCut can make a net, and so dlcx must."""
    served = [project for project, layout in PROJECTS.items() if ("multi" if layout.multi else "single") in spec.kinds]
    return [
        project for project in served if index(project).get(spec.name, {"status": "refused"})["status"] != "refused"
    ]


NET_CASES = [(name, project) for name in NETS for project in cases(find(name))]


def test_every_name_of_deeplabcut_has_a_case():
    assert {name for name, _ in NET_CASES} == set(NETS)
    assert NETS


@pytest.mark.parametrize(("name", "project"), NET_CASES)
def test_configuration(name: str, project: str):
    found, expected = configure(name, project).plain(), read_yaml(GOLDEN / "configs" / project / f"{name}.yaml")
    fixed = index(project)[case_name(name, project)].get("crop_size_wh")
    if fixed:  # DeepLabCut writes a crop that its own net does not take
        for part in ("train", "inference"):
            expected["data"][part]["top_down_crop"] |= dict(zip(("width", "height"), fixed, strict=True))
    assert found == expected


#: Projects of ../reference/state_dicts, by the end of a file's name.
FOUR = Layout(("a", "b", "c", "d"))
TWELVE = Layout(tuple("abcdefghijkl"), ANIMALS, multi=True)
UNIQUE = Layout(tuple("abcdefghijkl"), ANIMALS, ("u", "v"), multi=True)
ENDS = {"__ma_paf_unique_identity": UNIQUE, "__unique_identity": UNIQUE, "__ma_paf": TWELVE, "__sa": FOUR}


def state_dicts() -> list:
    found = []
    for path in sorted((GOLDEN / "state_dicts").glob("*.tsv")):
        end = next((end for end in ENDS if path.stem.endswith(end)), "")
        name = path.stem.removesuffix(end)
        backbone = path.with_name(f"{name}__ma_paf.tsv").is_file()
        layout = ENDS[end] if end else FOUR if backbone else TWELVE
        if name in NETS and ("multi" if layout.multi else "single") in find(name).kinds:
            found.append(pytest.param(name, layout, path, id=path.stem))
    return found


def test_every_name_of_deeplabcut_has_a_state_dict():
    assert {parameters.values[0] for parameters in state_dicts()} == set(NETS)


@pytest.mark.parametrize(("name", "layout", "path"), state_dicts())
def test_names_and_shapes_of_weights(name: str, layout: Layout, path: Path):
    with torch.device("meta"):
        model = build_model(ModelConfig.model_validate(plain_config(name, layout)))
    rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    expected = [(key, json.loads(shape), f"torch.{dtype}") for key, shape, dtype in rows]
    assert [(key, list(value.shape), str(value.dtype)) for key, value in model.state_dict().items()] == expected


def guesses(spec: NetSpec, stored) -> list[Instances] | None:
    """What DeepLabCut was given of image B: boxes for top-down nets, poses for conditional ones."""
    if spec.method == "bu":
        return None
    given = stored["B.given"]
    if spec.method == "td":
        count = len(given)
        return [Instances(np.zeros((count, 0, 2)), np.zeros((count, 0)), box=given, box_score=np.ones(count))]
    return [Instances(given[..., :2], given[..., 2])]


def present(spec: NetSpec, poses: np.ndarray, found: Instances) -> np.ndarray:
    """Rows of DeepLabCut's animals in dlcx's order, without those of -1 that it has for animals that it did not find.

    DEKR's come worst first, dlcx's best first; where there are fewer peaks than animals, DeepLabCut goes on with
    places of score 0 that are none.
    """
    rows = np.flatnonzero(~(poses[..., 2] == -1).all(-1))
    if spec.family == "dekr":
        rows, fillers = np.split(rows[::-1], [len(found)])
        assert not poses[fillers, :, 2].any()
    return rows


def as_recorded(spec: NetSpec, head: str, key: str, value: torch.Tensor) -> torch.Tensor:
    """A map as the golden data have it: DeepLabCut's DEKR decoder leaves only peaks in the map of centers."""
    if (spec.family, head, key) != ("dekr", "bodypart", "heatmap"):
        return value
    return torch.cat([value[:, :-1], local_maxima(value[:, -1:])], 1)


def assert_alike(found: Instances, poses: np.ndarray, pixels: float, scores: float) -> None:
    """The same animals in the same order."""
    np.testing.assert_allclose(found.xy, poses[..., :2], rtol=0, atol=pixels)
    np.testing.assert_allclose(found.score, poses[..., 2], rtol=0, atol=scores)
    if poses.shape[-1] > 3:
        np.testing.assert_allclose(found.affinity, poses[:, 0, 4], rtol=0, atol=2e-3)  # rounded to 3 digits


@pytest.mark.parametrize(("name", "project"), NET_CASES)
def test_maps_and_poses(name: str, project: str):
    spec = find(name)
    model = build(name, project)
    predictor = create_predictor(model, configure(name, project), device="cpu")
    case = index(project)[case_name(name, project)]
    stored = np.load(GOLDEN / "models" / project / f"{case['net']}.npz")
    near, *pose_near = TOLERANCES.get(name, (MAPS, PIXELS, SCORES))
    assert {head: model.stride(head) for head in model.heads} == case["strides"]
    batches = {"B": image(project, "odd150x201")[None]}
    if spec.method == "bu":
        sizes = inputs_hw(case["shapes"]["B.input"])
        batches["B"] = pad(batches["B"][0], stored["B.context.offsets"], sizes)[None]
        batches["A"] = np.stack([image(project, "a128_0"), image(project, "a128_1")])
    for tag, images in batches.items():
        known = guesses(spec, stored)
        inputs = predictor.inputs(images, known)
        assert error(stored, f"{tag}.input", inputs.tensors[0]) < 1e-6
        if spec.method == "ctd":
            np.testing.assert_allclose(inputs.tensors[1], stored["B.kwargs.cond_kpts"][:, 0], rtol=0, atol=1e-4)
        with torch.inference_mode():
            outputs = model(*inputs.tensors)
        compared = 0
        for head, maps in outputs.items():
            for key, value in maps.items():
                assert error(stored, f"{tag}.out.{head}.{key}", as_recorded(spec, head, key, value)) < near
                compared += 1
        assert compared == sum(key.startswith(f"{tag}.out.") for key in case["shapes"])
        for head, part in (("bodypart", "animals"), ("unique_bodypart", "unique")):
            if f"{tag}.pred.{head}.poses" in stored:
                poses = stored[f"{tag}.pred.{head}.poses"]
                found = model.decode(outputs)
                assert len(found) == len(poses)
                for prediction, pose in zip(found, poses, strict=True):
                    instances = getattr(prediction, part)
                    rows = present(spec, pose, instances) if part == "animals" else [0]
                    assert_alike(instances, pose[rows], *pose_near)
    (prediction,) = predictor.predict(batches["B"], guesses(spec, stored))
    final = stored["B.final.bodyparts"].copy()
    if spec.method == "bu":
        final[..., :2] -= stored["B.context.offsets"]
    told_apart = "identity" in model.heads  # then both have the animals in the order of individuals
    rows = np.arange(len(prediction.animals)) if told_apart else present(spec, final, prediction.animals)
    assert_alike(prediction.animals, final[rows], *pose_near)
    if "B.final.identity_scores" in stored:
        votes = stored["B.final.identity_scores"][rows]
        np.testing.assert_allclose(prediction.animals.identity, votes, rtol=0, atol=pose_near[1])


def batch_labels(stored) -> BatchLabels:
    with_center = stored["label.with_center_keypoints"].any()  # as a last keypoint
    keypoints = torch.from_numpy(stored["label.keypoints"])
    return BatchLabels(
        keypoints=keypoints[:, :, : -1 if with_center else None],
        centers=keypoints[:, :, -1] if with_center else None,
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
            parts = {"target": target.values, "weights": target.weights}
            if key == "paf":  # DeepLabCut has no weights for them
                assert (parts.pop("weights") == 1).all()
            for part, value in parts.items():
                place = f"target.{head}.{key}.{part}"
                crop = (
                    stored.get(place, np.empty(value.shape)).ndim == value.ndim + 1
                )  # DeepLabCut has an axis of animals
                assert error(stored, place, value[:, None] if crop else value) < 1e-6
    losses = model.loss(outputs, labels)
    expected = {key.removeprefix("loss."): float(stored[key]) for key in stored if key.startswith("loss.")}
    assert {key: value.item() for key, value in losses.items()} == pytest.approx(expected, rel=1e-5)
    losses["total_loss"].backward()
    for head, maps in outputs.items():
        for key, value in maps.items():
            assert error(stored, f"grad.{head}.{key}", value.grad) < 1e-5


#: How exactly the losses of three steps are met.
EXACT = (5e-6, 5e-4, 1e-2)
#: Rounding grows in DEKR's batch norms over few cells: DeepLabCut's float32 losses are off its float64 ones by that
#: much, while dlcx's float64 losses are within 1e-8 of them.
STEP_SLACK = {"dekr_w18": (1e-5, 5e-2, 1e-1)}
STEPS = json.loads((GOLDEN / "train" / "steps" / "index.json").read_text())
STEPS = [case for case in STEPS if (case["net"], case["project"]) in NET_CASES]


@pytest.mark.parametrize("case", STEPS, ids=lambda case: case["net"])
def test_three_training_steps(case: dict):
    name, project = case["net"], case["project"]
    config = configure(name, project)
    model = build(name, project)
    stored = np.load(GOLDEN / "train" / "steps" / f"{project}_{name}.npz")
    inputs, _ = build_preprocessing(config.data.inference)(stored["image_u8"], "cpu")
    labels = batch_labels(stored)
    known = [labels.keypoints[:, 0]] if find(name).method == "ctd" else []  # the truth as the first guess
    assert config.runner.optimizer.plain() == case["optimizer"]
    runner = config.runner
    optimizer = build_optimizer(runner.optimizer.type, runner.optimizer.params, model.parameters())
    build_scheduler(runner.scheduler.type, runner.scheduler.params, optimizer)  # sets the first epoch's rate
    model.train()
    norms = [layer for layer in model.modules() if "BatchNorm" in type(layer).__name__]
    assert sum(not layer.training for layer in norms) == case["bn_in_eval"]
    assert sum(not parameter.requires_grad for parameter in model.parameters()) == case["n_frozen"]
    for step, tolerance in enumerate(STEP_SLACK.get(name, EXACT)):
        optimizer.zero_grad()
        losses = model.loss(model(inputs, *known), labels)
        losses["total_loss"].backward()
        optimizer.step()
        found = {key: value.item() for key, value in losses.items()}
        assert found == pytest.approx(case["losses"][step], rel=tolerance)
        assert checksum(model) == pytest.approx(float(stored[f"step{step}.weights_abs_sum"]), rel=tolerance)
