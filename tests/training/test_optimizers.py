"""Learning rates equal DeepLabCut's in every epoch."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from dlcx.errors import DlcxError
from dlcx.training import optimizers


def parameters() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.ones(2))]


def rates(record: dict, start: int = 0) -> list[float]:
    optimizer = optimizers.build_optimizer(record["optimizer"]["type"], record["optimizer"]["params"], parameters())
    scheduler = optimizers.build_scheduler(record["scheduler"]["type"], record["scheduler"]["params"], optimizer)
    optimizers.forward(scheduler, start)
    found = []
    for _ in range(start, len(record["lr"] or []) or record["epochs"]):
        found.append(optimizers.learning_rate(optimizer))
        optimizer.step()
        optimizers.step(scheduler, 0.0)
    assert sorted(scheduler.state_dict()) == sorted(record["scheduler_state_keys"])
    return found


def test_all_schedules_of_deeplabcut(golden):
    records = json.loads((golden / "train" / "schedules.json").read_text())
    assert {record["scheduler"]["type"] for record in records} == {"LRListScheduler", "SequentialLR"}
    for record in records:
        found = rates(record)
        if record["lr"]:
            assert found == record["lr"]
        else:
            changes = [[1, found[0]]]
            changes += [[epoch, new] for epoch, (old, new) in enumerate(pairwise(found), 2) if new != old]
            assert changes == record["lr_change_points"]
        assert rates(record, start=7) == pytest.approx(found[7:], rel=1e-12)


def test_a_list_has_one_rate_for_all_groups_or_one_for_each():
    optimizer = torch.optim.SGD([{"params": parameters(), "lr": 0.1}, {"params": parameters(), "lr": 0.2}])
    scheduler = optimizers.LRListScheduler(optimizer, [1, 2], [[0.01], [0.003, 0.004]])
    seen = []
    for _ in range(3):
        optimizer.step()
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizers.step(scheduler, 0.0)
    assert seen == [[0.1, 0.2], [0.01, 0.01], [0.003, 0.004]]


def test_a_schedule_may_look_at_the_loss():
    optimizer = optimizers.build_optimizer("SGD", {"lr": 1.0}, parameters())
    scheduler = optimizers.build_scheduler("ReduceLROnPlateau", {"patience": 1, "factor": 0.5}, optimizer)
    assert isinstance(scheduler, ReduceLROnPlateau)
    for loss in (1.0, 2.0, 2.0):
        optimizers.step(scheduler, loss)
    assert optimizers.learning_rate(optimizer) == 0.5


def test_only_what_learns_is_optimized():
    frozen, free = parameters()[0].requires_grad_(False), parameters()[0]
    optimizer = optimizers.build_optimizer("AdamW", {"lr": 1e-3}, [frozen, free])
    assert optimizer.param_groups[0]["params"] == [free]


@pytest.mark.parametrize(
    ("build", "message", "hint"),
    [
        (lambda: optimizers.build_optimizer("AdmW", {}, parameters()), "AdmW", "'AdamW'"),
        (lambda: optimizers.build_optimizer("AdamW", {"rl": 1}, parameters()), "optimizer.params.*rl", ""),
        (lambda: optimizers.build_optimizer("AdamW", {"lr": -1}, parameters()), "optimizer.params.*-1", ""),
        (lambda: scheduler("StepLr", {}), "StepLr", "'StepLR'"),
        (lambda: scheduler("StepLR", {"step": 3}), "scheduler.params.*StepLR", ""),
        (lambda: scheduler("LRListScheduler", {"milestones": [1, 2], "lr_list": [[1]]}), "2 and 1", ""),
    ],
)
def test_what_torch_refuses_is_named(build, message, hint):
    with pytest.raises(DlcxError, match=message) as caught:
        build()
    assert hint in caught.value.hint


def scheduler(kind: str, params: dict) -> object:
    return optimizers.build_scheduler(kind, params, optimizers.build_optimizer("SGD", {"lr": 1.0}, parameters()))


def test_a_schedule_for_fewer_epochs_says_so():
    optimizer = optimizers.build_optimizer("SGD", {"lr": 0.1}, parameters())
    scheduler = optimizers.build_scheduler("OneCycleLR", {"max_lr": 0.1, "total_steps": 2}, optimizer)
    with pytest.raises(DlcxError, match=r"runner\.scheduler: .*total steps is 2"):
        optimizers.forward(scheduler, 4)
