"""What several group have of a batch: together they have what one has, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from test_batches import RANDOM, pose, write_images

from dlcx.data.augment import Augmentation
from dlcx.data.labeled_images import LabeledImages
from dlcx.heads.criteria import Criterion, squared
from dlcx.heads.dekr.criteria import HeatmapLoss, OffsetLoss
from dlcx.heads.loss_normalization import normalize_losses
from dlcx.heads.simcc.criteria import KLDiscreteLoss
from dlcx.heads.targets import Target
from dlcx.training.batches import Batch, Batches
from dlcx.training.process_group import ProcessGroup
from dlcx.training.resizing import Resizing, ScaledSize
from dlcx.training.samples import FullImages


class One(ProcessGroup):
    """One of several, without the others; ``sizes`` stands for what they would answer."""

    def __init__(self, rank: int, count: int, least: tuple[int, int] = (0, 0)) -> None:
        self.rank, self.count, self.least = rank, count, least

    def all_reduce_max(self, values: Sequence[int]) -> tuple[int, ...]:
        return tuple(np.maximum(values, self.least).tolist())


@pytest.fixture
def images(tmp_path: Path) -> LabeledImages:
    rng = np.random.default_rng(1)
    sizes = [(40, 48), (60, 30), (52, 52), (40, 48), (33, 47), (64, 40), (40, 48)]
    return LabeledImages(write_images(tmp_path, sizes), [pose(rng.uniform(5, 30, (2, 3, 2))) for _ in sizes])


RESIZING = Resizing(ScaledSize(0.6, 1.0, 24, 64, multiple=8), shift=4)


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize(
    ("augmentation", "resizing"), [(Augmentation(), None), (RANDOM, None), (Augmentation(), RESIZING)]
)
def test_the_shares_of_a_batch_are_the_batch(images, count, augmentation, resizing):
    def epoch(group: ProcessGroup | None, workers: int) -> list[Batch]:
        samples = FullImages(images, augmentation, margin=5)
        made = Batches(samples, size=4, seed=3, workers=workers, resizing=resizing, group=group)
        return list(made.epoch(2))

    whole = epoch(None, 0)
    largest = tuple(np.max([batch.images.shape[1:3] for batch in whole], axis=0).tolist())
    shares = [epoch(One(rank, count, largest), rank % 2) for rank in range(count)]
    assert [len(batch) for batch in whole] == [4, 3]
    for number, batch in enumerate(whole):
        height, width = batch.images.shape[1:3]
        for rank, share in enumerate(own[number] for own in shares):
            mine = slice(rank, None, count)
            assert share.shard.batch_size == share.total_size == len(batch)
            assert share.shard.size == len(batch.paths[mine])
            if not share.shard.size:  # the first image stands in
                mine = slice(1)
            assert share.paths == batch.paths[mine]
            assert torch.equal(share.images[:, :height, :width], batch.images[mine])
            assert not share.images[:, height:].any()
            assert not share.images[:, :, width:].any()
            assert torch.equal(share.labels.keypoints, batch.labels.keypoints[mine])
            assert torch.equal(share.labels.area, batch.labels.area[mine])
            assert torch.equal(share.labels.boxes, batch.labels.boxes[mine])
    seeds = {batch.shard.seed for own in shares for batch in own}
    assert len(seeds) == 2 * count


class Known:
    """A share of a batch, with what its loss asks the others for."""

    def __init__(self, part: float, total: int) -> None:
        self.fraction, self._total = part, total

    def total(self, count: torch.Tensor) -> torch.Tensor:
        return torch.tensor(self._total)


@pytest.mark.parametrize("loss", [Criterion(squared), OffsetLoss(), HeatmapLoss(), KLDiscreteLoss()])
def test_weighted_by_their_shares_losses_sum_to_the_batch_s(loss):
    rng = torch.Generator().manual_seed(0)
    shape = (5, 3, 16) if isinstance(loss, KLDiscreteLoss) else (5, 3, 8, 8)
    output = torch.randn(shape, generator=rng)
    weights = (torch.rand(shape[:2] if len(shape) == 3 else shape, generator=rng) > 0.6).float()
    target = Target(torch.rand(shape, generator=rng), weights)
    counts = int(weights.count_nonzero())
    total = torch.tensor(0.0)
    for mine in (slice(3), slice(3, 5)):
        part = len(output[mine]) / 5
        with normalize_losses(Known(part, counts)):
            total += part * loss(output[mine], Target(target.values[mine], weights[mine]))
    torch.testing.assert_close(total, loss(output, target))


def test_a_share_where_nothing_counts_weighs_nothing():
    nothing = Target(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    with normalize_losses(Known(0.25, 7)):
        assert Criterion(squared)(torch.ones(1, 1, 4, 4), nothing) == 0
    with normalize_losses(Known(0.25, 0)):
        assert Criterion(squared)(torch.ones(1, 1, 4, 4), nothing) == 0
