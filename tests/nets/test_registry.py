import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from dlcx.errors import DlcxError
from dlcx.nets import registry
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.registry import Family, NetSpec, find, specs
from dlcx.poses import Layout
from dlcx.settings import ModelConfig

FOUR = Layout(("a", "b", "c", "d"))


@pytest.fixture
def fresh():
    """Search for the networks again before and after the test."""
    registry._families.cache_clear()
    yield
    registry._families.cache_clear()


def net(name: str, **changes) -> NetSpec:
    made = NetSpec(
        name=name,
        kinds=("single",),
        method="bu",
        summary="",
        paper="",
        stride=8,
        golden=False,
        configure=lambda name, request: {"model": {"backbone": {"type": "Mine", "name": name}, "heads": {}}},
    )
    return replace(made, **changes)


class Entry:
    """An entry point of an installed package."""

    name, value = "mine", "mine.spec:FAMILY"

    def __init__(self, loaded):
        self.loaded = loaded

    def load(self):
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def install(monkeypatch, *families) -> None:
    entries = [Entry(family) for family in families]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries if group == "dlcx.nets" else [])


def test_names_and_aliases_are_found_in_any_case(monkeypatch, fresh):
    install(monkeypatch, Family("mine", (net("mine_net", aliases=("Other-Name",)),)))
    assert find("RESNET_50").name == "resnet_50"
    assert find("other-name").name == "mine_net"
    assert find("mine_net").family == "mine"
    assert find("resnet_101").family == "resnet"


def test_a_wrong_name_is_answered_with_the_right_one():
    with pytest.raises(DlcxError, match="--net-type resnet50: no such network") as caught:
        find("resnet50")
    assert "Did you mean 'resnet_50'?" in caught.value.hint
    with pytest.raises(DlcxError, match="no such network"):
        find("timm/")


def test_a_prefix_stands_for_all_names_of_an_open_family():
    spec = find("timm/tf_efficientnet_lite0")
    assert (spec.name, spec.family, spec.parameters) == ("timm/tf_efficientnet_lite0", "timm", None)


def test_nets_from_outside_come_by_entry_point(monkeypatch, fresh):
    install(monkeypatch, Family("mine", (net("mine_net"),), backbones={"Mine": "mine.model:Mine"}))
    assert specs()[-1].name == "mine_net"
    assert registry.backbone_types()["Mine"] == "mine.model:Mine"
    assert model_config("mine_net", FOUR)["model"]["backbone"]["name"] == "mine_net"


@pytest.mark.parametrize(
    "family",
    [
        Family("mine", (net("resnet_50"),)),
        Family("mine", (net("mine_net", aliases=("resnet_101",)),)),
        Family("mine", (net("mine_net"),), backbones={"ResNet": "mine:ResNet"}),
        Family("mine", (net("one"), net("one"))),
        Family("mine", (net("one"),), heads={"HeatmapHead": "mine:Head"}),
        Family("mine", (net("one"),), detectors={"SSDLite": "mine:Detector"}),
    ],
    ids=["name", "alias", "backbone", "itself", "head", "detector"],
)
def test_a_duplicate_registration_raises(monkeypatch, fresh, family):
    install(monkeypatch, family)
    with pytest.raises(DlcxError, match=r"registered twice: by .* and by 'mine'"):
        registry.head_types()


@pytest.mark.parametrize("loaded", [ImportError("no module named mine"), "not a family"])
def test_a_broken_entry_point_is_named(monkeypatch, fresh, loaded):
    install(monkeypatch, loaded)
    with pytest.raises(DlcxError, match="mine"):
        specs()


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; from dlcx.nets.registry import specs; assert specs();"
        "heavy = {'torch', 'pandas', 'numpy', 'pydantic', 'timm', 'cv2'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def deform_conv_flops(image, weight, *args, out_shape, **kwargs):
    """A deformable convolution has the products of a plain one; torch does not count it."""
    return 2 * math.prod(out_shape) * math.prod(weight[1:])


@pytest.mark.parametrize("name", [spec.name for spec in specs() if spec.parameters and spec.method != "detect"])
def test_parameters_gflops_and_stride(name):
    spec = find(name)
    config = ModelConfig.model_validate(model_config(name, FOUR))
    crop = config.data.inference.top_down_crop
    sides = (crop.height, crop.width) if crop else (256, 256)
    with torch.device("meta"):  # sizes without numbers
        model = build_model(config).eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == spec.parameters
    assert model.stride() == spec.stride
    counted = {torch.ops.torchvision.deform_conv2d: deform_conv_flops}
    with (
        FlopCounterMode(display=False, custom_mapping=counted) as counter,
        torch.inference_mode(),
        torch.device("meta"),
    ):
        guess = [torch.zeros(1, 4, 3)] if spec.method == "ctd" else []
        model(torch.zeros(1, 3, *sides), *guess)
    assert counter.get_total_flops() / 2e9 == pytest.approx(spec.gflops, abs=0.01)


def test_every_net_says_what_it_suits_and_where_it_is_from():
    for spec in specs():
        assert spec.summary
        assert spec.paper
        assert spec.kinds
