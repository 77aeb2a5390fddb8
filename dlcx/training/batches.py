"""Batches of augmented images whose order and augmentation depend only on (seed, epoch, image)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dlcx.data.augment import generator
from dlcx.heads.batch_labels import BatchLabels
from dlcx.training.process_group import ProcessGroup
from dlcx.training.resizing import Resizing
from dlcx.training.samples import Sample, TrainingSamples


@dataclass(frozen=True)
class BatchShard:
    """The images of a batch that one process computes.

    Attributes
    ----------
    size
        Number of images; 0 if the process only holds a placeholder, the batch's first image, which has no weight.
    batch_size
        Number of images of the batch over all processes.
    seed
        Seed of the random layers, such as dropout.
    """

    size: int
    batch_size: int
    seed: int


@dataclass(frozen=True)
class Batch:
    """Images of one size with their labels.

    Attributes
    ----------
    images
        Pixels (B, H, W, 3), uint8 RGB.
    labels
        Labels in pixels of ``images``.
    paths
        The image files.
    conditions
        Condition poses (B, K, 3) as x, y and score, for conditional networks.
    shard
        This process's part of the batch; None if a single process trains.
    """

    images: Tensor
    labels: BatchLabels
    paths: tuple[Path, ...]
    conditions: Tensor | None = None
    shard: BatchShard | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def total_size(self) -> int:
        """Number of images over all processes."""
        return len(self) if self.shard is None else self.shard.batch_size

    def pinned(self) -> Batch:
        """Return the batch with its pixels in page-locked memory, which a GPU copies asynchronously."""
        return replace(self, images=self.images.pin_memory())


class Batches:
    """The batches of each epoch, or this process's shard of each batch.

    Threads rather than processes prepare samples: OpenCV and numpy release Python's lock, and threads share one cache
    of decoded images.

    Parameters
    ----------
    samples
        The training samples.
    size
        Samples per batch; the last batch of an epoch may be smaller.
    seed
        Equal seeds give equal batches.
    workers
        Number of threads that prepare samples ahead; 0 prepares them on demand.
    pin
        Whether to place pixels in page-locked memory.
    resizing
        Gives all images of a batch one size; without it, smaller images are padded.
    group
        The processes that share each batch. The batches do not depend on the number of processes.
    """

    def __init__(
        self,
        samples: TrainingSamples,
        *,
        size: int,
        seed: int,
        workers: int = 0,
        pin: bool = False,
        resizing: Resizing | None = None,
        group: ProcessGroup | None = None,
    ) -> None:
        self.samples = samples
        self._size = size
        self._seed = seed
        self._workers = workers
        self._pin = pin
        self._resizing = resizing
        self._group = group or ProcessGroup()

    def __len__(self) -> int:
        """Number of batches per epoch."""
        return -(-len(self.samples) // self._size)

    def samples_in(self, batches: int) -> int:
        """Number of samples in the first ``batches`` batches of an epoch."""
        return min(batches * self._size, len(self.samples))

    def order(self, epoch: int) -> list[list[int]]:
        """Sample indices of each batch of an epoch."""
        shuffled = generator(self._seed, epoch).permutation(len(self.samples)).tolist()
        return [shuffled[start : start + self._size] for start in range(0, len(shuffled), self._size)]

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch.

        Parameters
        ----------
        epoch
            Epoch number, from 1.
        start
            Number of batches to skip.
        """
        rest = self.order(epoch)[start:]
        shares = [self._group.shard(indices) or indices[:1] for indices in rest]
        needed = shares
        if self._resizing is not None:  # the first image of a batch determines its size
            needed = [own if own[0] == all_[0] else [all_[0], *own] for own, all_ in zip(shares, rest, strict=True)]
        make = self._in_threads if self._workers else self._on_demand
        prepared = zip(make(epoch, needed), shares, rest, strict=True)
        for number, (samples, own, all_indices) in enumerate(prepared, start):
            if self._resizing is not None:
                samples = self._resized(samples, own, epoch, number)
            largest = np.max([sample.image.shape[:2] for sample in samples], axis=0).tolist()
            batch = collate(samples, self._group.all_reduce_max(largest))
            if self._group.count > 1:
                batch = replace(batch, shard=self._shard(all_indices, epoch, number))
            yield batch.pinned() if self._pin else batch

    def sample(self, epoch: int, index: int) -> Sample:
        """Return a sample as augmented in an epoch."""
        return self.samples.sample(index, generator(self._seed, epoch, index))

    def _resized(self, samples: list[Sample], own: Sequence[int], epoch: int, number: int) -> list[Sample]:
        """Resize the last ``len(own)`` samples to the size chosen from the first sample."""
        assert self._resizing is not None
        size = self._resizing.size(samples[0], generator(self._seed, epoch, batch=number))
        return [
            self._resizing.cut(sample, size, generator(self._seed, epoch, index, batch=number))
            for sample, index in zip(samples[-len(own) :], own, strict=True)
        ]

    def _shard(self, indices: Sequence[int], epoch: int, number: int) -> BatchShard:
        rank, count = self._group.rank, self._group.count
        seed = np.random.SeedSequence((self._seed, epoch, number, rank, count)).generate_state(1, np.uint64)
        return BatchShard(len(self._group.shard(indices)), len(indices), int(seed[0] >> 1))

    def _on_demand(self, epoch: int, order: Sequence[Sequence[int]]) -> Iterator[list[Sample]]:
        for indices in order:
            yield [self.sample(epoch, index) for index in indices]

    def _in_threads(self, epoch: int, order: Sequence[Sequence[int]]) -> Iterator[list[Sample]]:
        ahead = 2 + -(-self._workers // self._size)  # batches in preparation at once
        waiting: deque[list[Future[Sample]]] = deque()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="dlcx-augment")
        try:
            for indices in order:
                waiting.append([pool.submit(self.sample, epoch, index) for index in indices])
                if len(waiting) >= ahead:
                    yield [future.result() for future in waiting.popleft()]
            while waiting:
                yield [future.result() for future in waiting.popleft()]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def collate(samples: Sequence[Sample], min_size: Sequence[int] = (0, 0)) -> Batch:
    """Combine samples into a batch.

    Images are padded with black at the bottom and right; missing animals get visibility flag 0.

    Parameters
    ----------
    samples
        The samples.
    min_size
        Minimum height and width of the batch.
    """
    count = len(samples)
    height, width = np.max([min_size, *(sample.image.shape[:2] for sample in samples)], axis=0)
    pixels = torch.zeros(count, height, width, 3, dtype=torch.uint8)
    for row, sample in zip(pixels.numpy(), samples, strict=True):
        row[: sample.image.shape[0], : sample.image.shape[1]] = sample.image

    animals = max(1, max(len(sample.ids) for sample in samples))
    keypoints = np.zeros((count, animals, samples[0].keypoints.shape[1], 3), np.float32)
    area = np.zeros((count, animals), np.float32)
    boxes = np.zeros((count, animals, 4), np.float32)
    ids = np.full((count, animals), -1, np.int64)
    for row, sample in enumerate(samples):
        found = slice(len(sample.ids))
        keypoints[row, found], area[row, found] = sample.keypoints, sample.area
        boxes[row, found], ids[row, found] = sample.boxes, sample.ids
    labels = BatchLabels(
        keypoints=torch.from_numpy(keypoints),
        unique=torch.from_numpy(np.stack([sample.unique for sample in samples])),
        area=torch.from_numpy(area),
        individual_ids=torch.from_numpy(ids),
        boxes=torch.from_numpy(boxes),
    )
    given = [sample.condition for sample in samples if sample.condition is not None]
    conditions = torch.from_numpy(np.stack(given).astype(np.float32)) if given else None
    return Batch(pixels, labels, tuple(sample.path for sample in samples), conditions)
