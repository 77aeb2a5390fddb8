"""Batches of augmented images, in an order and with changes that depend on (seed, epoch, image) alone."""

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
    """What one process has of a batch: ``own`` of ``whole`` images, and a seed for what layers draw.

    Where ``own`` is 0, the batch's first image stands in, which counts for nothing.
    """

    size: int
    batch_size: int
    seed: int


@dataclass(frozen=True)
class Batch:
    """B images of one size: pixels (B, H, W, 3) uint8 RGB, their labels, and the files they come from.

    ``conditions`` (B, K, 3) are first guesses of the poses, for conditional nets.  ``share`` is set where other
    processes have the rest of the batch.
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
        """Images in the shares of all processes."""
        return len(self) if self.shard is None else self.shard.batch_size

    def pinned(self) -> Batch:
        """The same with pixels in page-locked memory, from where a GPU fetches them while it computes."""
        return replace(self, images=self.images.pin_memory())


class Batches:
    """The training samples, epoch for epoch; several processes have shares of each batch.

    Threads, not processes, read ahead: OpenCV and numpy's generators work outside of Python's lock, and all threads
    share one cache of decoded images.

    Parameters
    ----------
    samples
        What is learned from.
    size
        Samples a batch; the last one of an epoch may hold fewer.
    seed
        Same seed, same batches.
    workers
        Threads that prepare samples ahead; 0 prepares them when they are asked for.
    pin
        Whether pixels go to page-locked memory.
    resizing
        Gives the images of a batch one size; without it the smaller ones are padded.
    processes
        Who else has a share; batches, and their images, do not depend on how many there are.
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
        """Batches an epoch."""
        return -(-len(self.samples) // self._size)

    def samples_in(self, batches: int) -> int:
        """Samples in the first ``batches`` batches of an epoch."""
        return min(batches * self._size, len(self.samples))

    def order(self, epoch: int) -> list[list[int]]:
        """Indices of the samples of each batch of an epoch."""
        shuffled = generator(self._seed, epoch).permutation(len(self.samples)).tolist()
        return [shuffled[start : start + self._size] for start in range(0, len(shuffled), self._size)]

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (counted from 1), or this process's shares of them, without the first ``start``."""
        rest = self.order(epoch)[start:]
        shares = [self._group.shard(indices) or indices[:1] for indices in rest]
        drawn = shares
        if self._resizing is not None:  # the first image of a batch decides on its size
            drawn = [own if own[0] == all_[0] else [all_[0], *own] for own, all_ in zip(shares, rest, strict=True)]
        make = self._in_threads if self._workers else self._in_place
        for number, (samples, own, whole) in enumerate(zip(make(epoch, drawn), shares, rest, strict=True), start):
            if self._resizing is not None:
                samples = self._resized(samples, own, epoch, number)
            least = self._group.all_reduce_max(np.max([sample.image.shape[:2] for sample in samples], axis=0).tolist())
            batch = collate(samples, least)
            if self._group.count > 1:
                batch = replace(batch, shard=self._shard(whole, epoch, number))
            yield batch.pinned() if self._pin else batch

    def sample(self, epoch: int, index: int) -> Sample:
        """One sample as an epoch shows it."""
        return self.samples.sample(index, generator(self._seed, epoch, index))

    def _resized(self, samples: list[Sample], own: Sequence[int], epoch: int, number: int) -> list[Sample]:
        """The last samples, whose indices are ``own``, in the size that suits the first one."""
        assert self._resizing is not None
        size = self._resizing.size(samples[0], generator(self._seed, epoch, batch=number))
        return [
            self._resizing.cut(sample, size, generator(self._seed, epoch, index, batch=number))
            for sample, index in zip(samples[-len(own) :], own, strict=True)
        ]

    def _shard(self, whole: Sequence[int], epoch: int, number: int) -> BatchShard:
        rank, count = self._group.rank, self._group.count
        seed = np.random.SeedSequence((self._seed, epoch, number, rank, count)).generate_state(1, np.uint64)
        return BatchShard(len(self._group.shard(whole)), len(whole), int(seed[0] >> 1))

    def _in_place(self, epoch: int, order: Sequence[Sequence[int]]) -> Iterator[list[Sample]]:
        for indices in order:
            yield [self.sample(epoch, index) for index in indices]

    def _in_threads(self, epoch: int, order: Sequence[Sequence[int]]) -> Iterator[list[Sample]]:
        ahead = 2 + -(-self._workers // self._size)  # batches under way at once
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


def collate(samples: Sequence[Sample], least: Sequence[int] = (0, 0)) -> Batch:
    """One batch; images of different sizes are padded with black at the bottom and right, animals with flag 0.

    ``least`` are the height and width that the batch has at least.
    """
    count = len(samples)
    height, width = np.max([least, *(sample.image.shape[:2] for sample in samples)], axis=0)
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
