"""Every type of head keeps to the protocol, in the smallest registered network that has it."""

import pytest
import torch

from dlcx.heads.keypoint_channels import ChannelMap, find_mismatch, keypoint_channels, remap_keypoint_lists
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.registry import head_types, specs
from dlcx.poses import Layout
from dlcx.settings import ModelConfig

ONE = Layout(("a", "b", "c"))
TWO = Layout(("a", "b", "c"), ("x", "y"), multi=True)


def cases():
    """The head type, network and layout of the network with the fewest parameters."""
    smallest: dict[str, tuple[float, str, Layout]] = {}
    for net in specs():
        for layout in (ONE, TWO):
            if "detector" in net.kinds or net.prefix or (layout.multi and "multi" not in net.kinds):
                continue
            block = model_config(net.name, layout)["model"]["heads"]["bodypart"]
            size = net.parameters or 0
            if size < smallest.get(block["type"], (torch.inf, "", ONE))[0]:
                smallest[block["type"]] = size, net.name, layout
    return [pytest.param(name, layout, id=f"{kind}-{name}") for kind, (_, name, layout) in smallest.items()]


def test_every_type_has_a_network():
    assert {case.id.partition("-")[0] for case in cases()} == set(head_types())


@pytest.mark.parametrize(("name", "layout"), cases())
def test_maps_poses_and_descriptions_fit_together(name: str, layout: Layout):
    torch.manual_seed(0)
    config = ModelConfig.model_validate(model_config(name, layout))
    model = build_model(config).eval()
    crop = config.data.inference.top_down_crop
    width, height = (crop.width, crop.height) if crop else (64, 96)
    with torch.inference_mode():
        maps = model(torch.rand(2, 3, height, width))["bodypart"]
    head = model.head("bodypart")
    found = head.decode(maps)
    assert len(found) == 2
    assert all(animals.xy.shape[1:] == (3, 2) for animals in found)
    described = head.describe(maps)  # the shapes of its vectors are checked by its class
    batch, channels, rows, columns = described.scores.shape
    assert (batch, channels) == (2, 3 + len(described.extra_channels))
    assert 0 <= described.scores.min() <= described.scores.max() <= 1
    covered = columns * described.stride[0], rows * described.stride[1]
    assert covered == pytest.approx((width, height), abs=2 * max(described.stride))


@pytest.mark.parametrize(("name", "layout"), cases())
def test_weights_for_other_bodyparts_have_the_described_shapes(name: str, layout: Layout):
    other = Layout(("d", "a", "b", "e"), layout.individuals, multi=layout.multi)
    configs = [ModelConfig.model_validate(model_config(name, one)) for one in (layout, other)]
    own, source = (build_model(config).heads["bodypart"] for config in configs)
    keypoints = ChannelMap.by_name(layout.bodyparts, other.bodyparts)
    channels = keypoint_channels(own, keypoints, configs[1].model.heads["bodypart"])
    assert channels is not None
    state = remap_keypoint_lists(own, source.state_dict(), keypoints)
    assert find_mismatch(own.state_dict(), state, channels) is None
