"""Every net learns one small batch by heart, from random weights."""

import pytest
import torch

from dlcx.heads.batch_labels import BatchLabels
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.registry import NetSpec, specs
from dlcx.poses import Layout
from dlcx.settings import ModelConfig

#: Nets with more parameters take several seconds.
MANY = 25_000_000
SIDE, LEARNING_RATE = 32, 5e-4
#: Steps in which the loss halves, where 12 are not enough.
STEPS = {"timm": 36}
#: The head of DEKR begins with batch norms near 0, as in DeepLabCut, and is slow to wake.
RATES = {"dekr": 1e-2}


def cases():
    for net in specs("single"):
        if net.method in ("bu", "ctd"):
            large = (net.parameters or 0) > MANY
            yield pytest.param(net, id=net.example or net.name, marks=[pytest.mark.slow] if large else [])


@pytest.mark.parametrize("net", list(cases()))
def test_the_loss_halves(net: NetSpec):
    torch.manual_seed(0)
    config = ModelConfig.model_validate(model_config(net.example or net.name, Layout(("a", "b", "c"))))
    config.model.backbone["freeze_bn_stats"] = False  # random layers have no statistics worth keeping
    model = build_model(config).train()
    crop = config.data.inference.top_down_crop
    width, height = (crop.width, crop.height) if crop else (SIDE, SIDE)
    points = torch.rand(2, 1, 3, 2) * torch.tensor([width, height])
    labels = BatchLabels(
        keypoints=torch.cat([points, torch.full((2, 1, 3, 1), 2.0)], -1),
        unique=torch.zeros(2, 0, 3),
        area=torch.ones(2, 1),
        individual_ids=torch.zeros(2, 1, dtype=torch.int64),
    )
    inputs = [torch.randn(2, 3, height, width)]
    if net.method == "ctd":
        inputs.append(labels.keypoints[:, 0])
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATES.get(net.family, LEARNING_RATE))
    losses = []
    for _ in range(STEPS.get(net.family, 12)):
        loss = model.loss(model(*inputs), labels)["total_loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        last = model.loss(model(*inputs), labels)["total_loss"].item()
    assert last < losses[0] / 2, losses
