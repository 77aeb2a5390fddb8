"""First weights of detectors: none, COCO's, a file's."""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torchvision.models import detection

from dlcx.errors import DlcxError
from dlcx.formats.weights.snapshot import write_snapshot
from dlcx.nets.build import build_detector
from dlcx.nets.configure import detector_config
from dlcx.nets.detectors import weights
from dlcx.nets.detectors.weights import check_detector_source, load_initial_detector
from dlcx.nets.hub import Unreachable
from dlcx.nets.registry import NetContext
from dlcx.poses import Layout
from dlcx.settings import DetectorConfig

SSDLITE, MOBILENET = "ssdlite", "fasterrcnn_mobilenet_v3_large_fpn"
FILES = {
    SSDLITE: "ssdlite320_mobilenet_v3_large_coco-a79551df.pth",
    MOBILENET: "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth",
}


def configure(name: str) -> DetectorConfig:
    return DetectorConfig.model_validate(detector_config(name, NetContext(Layout(("a",)))))


def coco(name: str) -> torch.nn.Module:
    """A detector of COCO's classes with made-up weights."""
    torch.manual_seed(3)
    build = detection.ssdlite320_mobilenet_v3_large if name == SSDLITE else detection.fasterrcnn_mobilenet_v3_large_fpn
    return build(weights=None, weights_backbone=None)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_ssdlite_takes_background_and_animals_of_coco(cache):
    torch.save(coco(SSDLITE).state_dict(), cache / FILES[SSDLITE])
    model = build_detector(configure(SSDLITE))
    assert load_initial_detector(model, configure(SSDLITE), "coco") == "first weights of the detector: COCO"
    layer = "head.classification_head.module_list.0.1"
    known, found = (net.state_dict()[f"{layer}.weight"] for net in (coco(SSDLITE), model.model))
    by_anchor, own = known.reshape(-1, 91, *known.shape[1:]), found.reshape(-1, 2, *known.shape[1:])
    torch.testing.assert_close(own[:, 0], by_anchor[:, 0])
    torch.testing.assert_close(own[:, 1], by_anchor[:, 16:26].mean(1))
    untouched = "head.regression_head.module_list.0.1.weight"
    torch.testing.assert_close(model.model.state_dict()[untouched], coco(SSDLITE).state_dict()[untouched])


def test_faster_rcnn_takes_background_and_animals_of_coco(cache):
    state = coco(MOBILENET).state_dict()
    # torchvision's own file has the names of an older version
    old = {key.replace("inner_blocks.0.0.", "inner_blocks.0."): value for key, value in state.items()}
    old = {key.replace("inner_blocks.1.0.", "inner_blocks.1."): value for key, value in old.items()}
    old = {key.replace("layer_blocks.0.0.", "layer_blocks.0."): value for key, value in old.items()}
    old = {key.replace("layer_blocks.1.0.", "layer_blocks.1."): value for key, value in old.items()}
    old = {key.replace("rpn.head.conv.0.0.", "rpn.head.conv."): value for key, value in old.items()}
    assert len(set(old) - set(state)) == 10
    torch.save(old, cache / FILES[MOBILENET])
    model = build_detector(configure(MOBILENET))
    load_initial_detector(model, configure(MOBILENET), "coco")
    found = model.model.state_dict()
    torch.testing.assert_close(found["rpn.head.conv.0.0.weight"], state["rpn.head.conv.0.0.weight"])
    scores, sides = (f"roi_heads.box_predictor.{name}.weight" for name in ("cls_score", "bbox_pred"))
    torch.testing.assert_close(found[scores][1], state[scores][16:26].mean(0))
    torch.testing.assert_close(found[sides][4:], state[sides].reshape(91, 4, -1)[16:26].mean(0))


def test_snapshots_and_checkpoints_of_two_classes_are_taken_as_they_are(tmp_path):
    torch.manual_seed(5)
    other = build_detector(configure(SSDLITE))
    snapshot, checkpoint = tmp_path / "snapshot-detector-010.pt", tmp_path / "own.pth"
    write_snapshot(snapshot, model=other.state_dict(), epoch=10, metrics={}, losses={})
    torch.save(other.model.state_dict(), checkpoint)
    for path in (snapshot, checkpoint):
        model = build_detector(configure(SSDLITE))
        assert str(path) in load_initial_detector(model, configure(SSDLITE), str(path))
        assert all(torch.equal(value, other.state_dict()[key]) for key, value in model.state_dict().items())


def test_no_weights_leave_the_layers_as_they_were_drawn():
    model = build_detector(configure(SSDLITE), from_scratch=True)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert load_initial_detector(model, configure(SSDLITE), "none").endswith("random")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_without_network_it_fails_at_once_and_names_the_flag(cache, monkeypatch):
    def absent(request, timeout):
        assert timeout <= 5
        raise URLError("no name server")

    monkeypatch.setattr(weights, "urlopen", absent)
    with pytest.raises(Unreachable, match="--detector-weights coco: cannot fetch https://") as caught:
        check_detector_source(configure(SSDLITE), "coco")
    assert "--detector-weights none" in caught.value.hint
    assert not list(cache.iterdir())


def test_wrong_files_are_named(tmp_path):
    config = configure(SSDLITE)
    with pytest.raises(DlcxError, match=r"--detector-weights gone\.pt: no such file"):
        check_detector_source(config, "gone.pt")
    torch.save(coco(MOBILENET).state_dict(), tmp_path / "other.pth")
    with pytest.raises(DlcxError, match="does not match the detector"):
        load_initial_detector(build_detector(config), config, str(tmp_path / "other.pth"))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(DlcxError, match="expected tensors by name"):
        load_initial_detector(build_detector(config), config, str(tmp_path / "list.pth"))
    check_detector_source(config, "none")
