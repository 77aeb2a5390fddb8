"""Every detector gives DeepLabCut's configuration, names, boxes and losses, and learns a batch."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from fill_weights import checksum, fill_weights
from golden_io import error
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.ops import FrozenBatchNorm2d

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import read_yaml
from dlcx.nets.build import build_detector
from dlcx.nets.configure import detector_config
from dlcx.nets.registry import NetContext, find, find_detector, specs
from dlcx.poses import Layout
from dlcx.predictors.detector import create_detector
from dlcx.settings import DetectorConfig

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = [spec.name for spec in specs("detector") if spec.golden]
REQUEST = NetContext(Layout(("a", "b", "c", "d")))
#: Takes half a minute an image and thread, so only the smaller of the golden batches is quick enough.
LARGE = "fasterrcnn_resnet50_fpn_v2"
BATCHES = [
    pytest.param(name, tag, marks=[pytest.mark.slow] if (name, tag) == (LARGE, "A") else [])
    for name in NAMES
    for tag in "AB"
]
SIDE = {"ssdlite": 320}


def configure(name: str, **changes) -> DetectorConfig:
    config = DetectorConfig.model_validate(detector_config(name, REQUEST))
    return config.model_copy(update={"model": config.model.model_copy(update=changes)})


@cache
def case(name: str) -> dict:
    cases = json.loads((GOLDEN / "models" / "index_ma.json").read_text())
    return next(case for case in cases if case["net"] == f"detector_{name}")


@cache
def detector(name: str):
    known = case(name)
    model = build_detector(configure(name))
    fill_weights(model, known["seed"], known["gain"], known["head_gain"])
    assert checksum(model) == pytest.approx(known["weights_abs_sum"], rel=1e-12)
    return create_detector(model, configure(name), max_animals=3, device="cpu")


def image(name: str) -> np.ndarray:
    return cv2.imread(str(GOLDEN / "images" / "ma" / f"{name}.png"))[..., ::-1]


IMAGES = {"A": ("a128_0", "a128_1"), "B": ("odd150x201",)}


def test_all_of_deeplabcut_are_there():
    assert {*NAMES} == {"ssdlite", "fasterrcnn_mobilenet_v3_large_fpn", "fasterrcnn_resnet50_fpn_v2"}


@pytest.mark.parametrize("name", NAMES)
def test_configuration(name: str):
    found = DetectorConfig.model_validate(detector_config(name, REQUEST)).plain()
    assert found == read_yaml(GOLDEN / "configs" / "ma" / f"detector_{name}.yaml")["detector"]


@pytest.mark.parametrize("name", NAMES)
def test_names_and_shapes_of_weights(name: str):
    rows = [line.split("\t") for line in (GOLDEN / "state_dicts" / f"detector_{name}.tsv").read_text().splitlines()[1:]]
    expected = [(key, json.loads(shape), f"torch.{dtype}") for key, shape, dtype in rows]
    state = build_detector(configure(name)).state_dict()
    assert [(key, list(value.shape), str(value.dtype)) for key, value in state.items()] == expected


@pytest.mark.parametrize(("name", "tag"), BATCHES)
def test_boxes(name: str, tag: str):
    stored = np.load(GOLDEN / "models" / "ma" / f"detector_{name}.npz")
    images = np.stack([image(one) for one in IMAGES[tag]])
    inputs, _ = detector(name).prepare(images)
    assert error(stored, f"{tag}.input", inputs) < 1e-6
    found = detector(name).engine(inputs)
    assert len(found) == len(images)
    for index, of_image in enumerate(found):
        assert error(stored, f"{tag}.raw.{index}.labels", of_image["labels"]) == 0
        boxes, scores = stored[f"{tag}.raw.{index}.boxes"], stored[f"{tag}.raw.{index}.scores"]
        order = np.abs(of_image["boxes"].numpy()[:, None] - boxes).max(-1).argmin(1)
        assert sorted(order) == list(range(len(boxes)))  # rounding changes the places of equally sure boxes
        np.testing.assert_allclose(of_image["boxes"], boxes[order], rtol=0, atol=1e-3)
        np.testing.assert_allclose(of_image["scores"], scores[order], rtol=0, atol=1e-5)
        np.testing.assert_allclose(of_image["scores"], scores, rtol=0, atol=1e-5)
    if tag == "B":
        animals = detector(name).model.decode(found)[0]
        np.testing.assert_allclose(animals.box[:3], stored["B.final.bboxes"], rtol=0, atol=1e-3)
        np.testing.assert_allclose(animals.box_score[:3], stored["B.final.bbox_scores"], rtol=0, atol=1e-5)


def test_the_surest_animals_in_pixels_of_the_image():
    stored = np.load(GOLDEN / "models" / "ma" / "detector_ssdlite.npz")
    (animals,) = detector("ssdlite").predict(image("odd150x201")[None])
    np.testing.assert_allclose(animals.box, stored["B.final.bboxes"], rtol=0, atol=1e-3)
    np.testing.assert_allclose(animals.box_score, stored["B.final.bbox_scores"], rtol=0, atol=1e-5)
    assert animals.xy.shape == (3, 0, 2)
    strict = create_detector(
        detector("ssdlite").model, configure("ssdlite"), max_animals=9, min_score=animals.box_score[1], device="cpu"
    )
    assert len(strict.predict(image("odd150x201")[None])[0]) == 2


def test_losses_of_ssdlite():
    known = json.loads((GOLDEN / "train" / "ssdlite_losses.json").read_text())
    model = build_detector(configure("ssdlite"))
    fill_weights(model, case("ssdlite")["seed"], known["gain"])
    model.train()
    assert sum(layer.training for layer in model.modules() if "BatchNorm" in type(layer).__name__) == 0
    pixels = torch.from_numpy(np.load(GOLDEN / "train" / "ssdlite_input.npz")["image_u8"])
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    inputs = ((pixels / 255 - mean) / std).permute(0, 3, 1, 2)
    losses = {key: value.item() for key, value in model.loss(inputs, torch.tensor(known["boxes_xywh"])).items()}
    expected = known["losses_twice"][0]
    assert losses == pytest.approx({**expected, "total_loss": sum(expected.values())}, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_frozen(name: str):
    """With COCO's weights DeepLabCut trains neither the first layers of Faster R-CNN nor any batch statistics."""
    frozen = {"ssdlite": 0, "fasterrcnn_mobilenet_v3_large_fpn": 30, "fasterrcnn_resnet50_fpn_v2": 33}[name]
    model = build_detector(configure(name)).train()
    assert sum(not parameter.requires_grad for parameter in model.parameters()) == frozen
    assert not any(layer.training for layer in model._batch_norms())
    free = build_detector(configure(name, freeze_bn_weights=True), from_scratch=True).train()
    assert all(parameter.requires_grad for parameter in free.parameters())
    assert all(layer.training for layer in free._batch_norms())
    fixed = build_detector(configure(name, freeze_bn_weights=True))
    norms = [layer for layer in fixed.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert not any(parameter.requires_grad for layer in norms for parameter in layer.parameters())
    constant = [layer for layer in fixed.modules() if isinstance(layer, FrozenBatchNorm2d)]
    assert bool(constant) == ("mobilenet" in name)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_gflops_and_stride(name: str):
    spec = find_detector(name)
    with torch.device("meta"):  # sizes without numbers
        model = build_detector(configure(name)).model.eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == spec.parameters
    side = SIDE.get(name, 800)
    with FlopCounterMode(display=False) as counter, torch.inference_mode(), torch.device("meta"):
        maps = list(model.backbone(torch.zeros(1, 3, side, side)).values())
        if name == "ssdlite":
            model.head(maps)
        else:
            model.rpn.head(maps)
            heads, proposals = model.roi_heads, model.rpn.post_nms_top_n()
            heads.box_predictor(heads.box_head(torch.zeros(proposals, 256, 7, 7)))
    assert side / maps[0].shape[-1] == spec.stride
    assert counter.get_total_flops() / 2e9 == pytest.approx(spec.gflops, abs=0.01)


#: Steps in which the loss halves, where 12 are not enough: the better the first stage of Faster R-CNN proposes boxes,
#: the more its second stage has to tell apart, so that the loss of both falls more slowly than either.
STEPS = {"fasterrcnn_mobilenet_v3_large_fpn": 20}
SIDES = {"fasterrcnn_mobilenet_v3_large_fpn": 128, LARGE: 64}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n == LARGE else []) for n in NAMES])
def test_the_loss_halves(name: str):
    torch.manual_seed(0)
    model = build_detector(configure(name, freeze_bn_stats=False), from_scratch=True).train()
    if name in SIDES:  # ssdlite has one size only
        model.model.transform.min_size, model.model.transform.max_size = (SIDES[name],), SIDES[name]
    count = 1 if name in SIDES else 2  # ssdlite ends in a single cell, of which two are needed for a deviation
    images, boxes = torch.randn(count, 3, 64, 64), torch.tensor([[[8.0, 8, 24, 32], [40, 30, 20, 30]]] * count)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(STEPS.get(name, 12) + 1):
        loss = model.loss(images, boxes)["total_loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert min(losses) < losses[0] / 2, losses


def test_an_image_without_animals_has_a_loss():
    model = build_detector(configure("ssdlite")).train()
    losses = model.loss(torch.randn(2, 3, 64, 64), torch.zeros(2, 1, 4))
    assert losses["bbox_regression"].item() == 0
    assert all(torch.isfinite(value) for value in losses.values())


def test_a_batch_of_one_image_trains():
    """SSDLite ends in a single cell, which has no deviation with one image."""
    model = build_detector(configure("ssdlite", freeze_bn_stats=False)).train()
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    losses = model.loss(torch.rand(1, 3, 320, 320), torch.tensor([[[50.0, 60.0, 90.0, 70.0]]]))
    losses["total_loss"].backward()
    assert torch.isfinite(losses["total_loss"])
    seen = {int(layer.num_batches_tracked) for layer in norms}
    assert seen == {0, 1}  # all but those of the single cell have learned
    assert sum(int(layer.num_batches_tracked) for layer in norms) > len(norms) - 6
    assert all(layer.training for layer in norms)


def test_detectors_are_no_nets_and_nets_no_detectors():
    assert find_detector("SSDLite").name == "ssdlite"
    with pytest.raises(DlcxError, match="--detector ssdlight: no such detector") as caught:
        find_detector("ssdlight")
    assert "Did you mean 'ssdlite'?" in caught.value.hint
    with pytest.raises(DlcxError, match="no such detector"):
        find_detector("resnet_50")
    with pytest.raises(DlcxError, match="--net-type ssdlite") as caught:
        find("ssdlite")
    assert "--detector ssdlite" in caught.value.hint


def test_a_wrong_variant_is_named():
    with pytest.raises(DlcxError, match=r"detector\.model\.variant") as caught:
        build_detector(configure("ssdlite", type="FasterRCNN", variant="fasterrcnn_mobilenet_large"))
    assert "fasterrcnn_mobilenet_v3_large_fpn" in caught.value.hint
