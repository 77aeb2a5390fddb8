from pathlib import Path

import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.formats.weights.live_model import LiveModel, read_live_model, same, write_live_model
from dlcx.nets.configure import model_config
from dlcx.poses import Layout
from dlcx.settings import ModelConfig

TWO = Layout(("snout", "tail"), ("anne", "bert"), multi=True)


def config(net: str, layout: Layout = TWO, **options: object) -> dict:
    given = model_config(net, layout, project_path="/home/me/project", pose_config_path="/home/me/x.yaml", **options)
    return ModelConfig.model_validate(given).plain()


def test_round_trip(tmp_path: Path) -> None:
    pose, detector = {"backbone.a": torch.arange(3.0)}, {"b": torch.ones(2, dtype=torch.int64)}
    live = LiveModel.of(config("top_down_resnet_50", detector="ssdlite"), pose, detector)
    path = tmp_path / "net.pt"
    write_live_model(live, path)
    assert set(torch.load(path, weights_only=True)) == {"config", "pose", "detector"}
    found = read_live_model(path)
    assert same(found, live)
    other = LiveModel(live.config, {"backbone.a": torch.zeros(3)}, detector)
    assert not same(found, other)
    assert not same(found, LiveModel(live.config, pose))
    assert ModelConfig.model_validate(found.config).net_type == "resnet_50"


def test_paths_of_this_machine_and_empty_keys_of_detectors_stay_here() -> None:
    given = config("top_down_resnet_50", detector="ssdlite")
    live = LiveModel.of(given, {}, {})
    assert "/home/me" not in str(live.config)
    assert "variant" in given["detector"]["model"]
    assert "variant" not in live.config["detector"]["model"]
    assert given["metadata"]["project_path"] == "/home/me/project"


def test_heads_that_cannot_be_decoded_are_left_out() -> None:
    pose = {"heads.bodypart.w": torch.ones(1), "heads.identity.w": torch.ones(1), "backbone.w": torch.ones(1)}
    live = LiveModel.of(config("resnet_50", identity=True), pose, None)
    assert live.left_out == ("identity",)
    assert list(live.config["model"]["heads"]) == ["bodypart"]
    assert list(live.pose) == ["heads.bodypart.w", "backbone.w"]
    assert LiveModel.of(config("resnet_50"), pose, None).left_out == ()


def test_layers_that_deeplabcut_live_lacks_are_refused() -> None:
    with pytest.raises(DlcxError, match="DeepLabCut-Live does not support the backbone Timm of timm/resnet18") as told:
        LiveModel.of(config("timm/resnet18"), {}, None)
    assert "--format onnx" in told.value.hint


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.save({"model": {}}, tmp_path / "snapshot.pt")
    with pytest.raises(DlcxError, match="a dictionary with the keys 'config' and 'pose'"):
        read_live_model(tmp_path / "snapshot.pt")
