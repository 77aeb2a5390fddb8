"""Batches of augmented images, in an order and with changes that depend on (seed, epoch, image) alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dlcx.data.augment import Augmentation, generator
from dlcx.data.labeled import LabeledImage, LabeledImages
from dlcx.heads.labels import BatchLabels
from dlcx.predictors.prepare import Scaling


@dataclass(frozen=True)
class Batch:
    """B images of one size: pixels (B, H, W, 3) uint8 RGB, their labels, and the files they come from."""

    images: Tensor
    labels: BatchLabels
    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.images)

    def pinned(self) -> Batch:
        """The same with pixels in page-locked memory, from where a GPU fetches them while it computes."""
        return Batch(self.images.pin_memory(), self.labels, self.paths)


@dataclass(frozen=True)
class Sample:
    """One image and its rows of :class:`BatchLabels` for the N animals that are labelled in it."""

    labeled: LabeledImage
    keypoints: np.ndarray  # (N, K, 3)
    unique: np.ndarray  # (U, 3)
    area: np.ndarray  # (N,)
    ids: np.ndarray  # (N,)


class Batches:
    """The training images, augmented, epoch for epoch.

    Threads, not processes, read ahead: OpenCV and numpy's generators work outside of Python's lock, and all threads
    share one cache of decoded images.

    Parameters
    ----------
    images
        Labelled images.
    augmentation
        Drawn anew for every image in every epoch.
    size
        Images a batch; the last one of an epoch may hold fewer.
    seed
        Same seed, same batches.
    workers
        Threads that prepare images ahead; 0 prepares them when they are asked for.
    margin
        Pixels that an animal's box, whose area the labels carry, reaches beyond its keypoints.
    pin
        Whether pixels go to page-locked memory.
    """

    def __init__(
        self,
        images: LabeledImages,
        augmentation: Augmentation,
        *,
        size: int,
        seed: int,
        workers: int = 0,
        margin: int = 20,
        pin: bool = False,
    ) -> None:
        self._images = images
        self._augmentation = augmentation
        self._size = size
        self._seed = seed
        self._workers = workers
        self._margin = margin
        self._pin = pin

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self._images) // self._size)

    def images_in(self, batches: int) -> int:
        """Images in the first ``batches`` batches of an epoch."""
        return min(batches * self._size, len(self._images))

    def order(self, epoch: int) -> list[list[int]]:
        """Indices of the images of each batch of an epoch."""
        shuffled = generator(self._seed, epoch).permutation(len(self._images)).tolist()
        return [shuffled[start : start + self._size] for start in range(0, len(shuffled), self._size)]

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch (counted from 1), without the first ``start``."""
        rest = self.order(epoch)[start:]
        make = self._in_threads if self._workers else self._in_place
        for samples in make(epoch, rest):
            batch = collate(samples)
            yield batch.pinned() if self._pin else batch

    def sample(self, epoch: int, index: int) -> Sample:
        """One image as an epoch shows it."""
        before = sample_of(self._images[index], self._margin)
        labeled, growth = self._augmentation.apply(before.labeled, generator(self._seed, epoch, index))
        after = sample_of(labeled, self._margin, before.ids)
        return replace(after, area=before.area * np.float32(growth))

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


def sample_of(labeled: LabeledImage, margin: int, animals: np.ndarray | None = None) -> Sample:
    """The rows of one image; without ``animals`` (N,), their indices, those with any visible keypoint.

    ``margin`` is by how many pixels an animal's box, whose area counts, reaches beyond its keypoints.
    """
    pose = labeled.pose
    ids = np.flatnonzero(pose.animals.score.any(1)) if animals is None else animals
    height, width = labeled.image.shape[:2]
    return Sample(
        labeled,
        keypoints=_with_flags(pose.animals.xy[ids]),
        unique=np.zeros((0, 3), np.float32) if pose.unique is None else _with_flags(pose.unique.xy[0]),
        area=_box_areas(pose.animals.xy[ids], (width, height), margin),
        ids=ids,
    )


def collate(samples: Sequence[Sample]) -> Batch:
    """One batch; images of different sizes are padded with black at the bottom and right, animals with flag 0."""
    count = len(samples)
    images = [sample.labeled.image for sample in samples]
    height, width = np.max([image.shape[:2] for image in images], axis=0)
    pixels = torch.zeros(count, height, width, 3, dtype=torch.uint8)
    for row, image in zip(pixels.numpy(), images, strict=True):
        row[: image.shape[0], : image.shape[1]] = image

    animals = max(1, max(len(sample.ids) for sample in samples))
    keypoints = np.zeros((count, animals, samples[0].keypoints.shape[1], 3), np.float32)
    area = np.zeros((count, animals), np.float32)
    ids = np.full((count, animals), -1, np.int64)
    for row, sample in enumerate(samples):
        keypoints[row, : len(sample.ids)] = sample.keypoints
        area[row, : len(sample.ids)] = sample.area
        ids[row, : len(sample.ids)] = sample.ids
    labels = BatchLabels(
        keypoints=torch.from_numpy(keypoints),
        unique=torch.from_numpy(np.stack([sample.unique for sample in samples])),
        area=torch.from_numpy(area),
        individual_ids=torch.from_numpy(ids),
    )
    return Batch(pixels, labels, tuple(sample.labeled.path for sample in samples))


def _with_flags(xy: np.ndarray) -> np.ndarray:
    """Points (..., 2), nan unseen, as (..., 3) with flag 2 where seen and zeros elsewhere."""
    seen = np.isfinite(xy).all(-1, keepdims=True)
    return np.concatenate([np.where(seen, xy, 0.0), 2.0 * seen], axis=-1).astype(np.float32)


def _box_areas(xy: np.ndarray, size: tuple[int, int], margin: int) -> np.ndarray:
    """Areas (N,) of the boxes around the seen points of (N, K, 2), enlarged by ``margin``, clipped to the image."""
    seen = np.isfinite(xy)
    low = np.clip(np.where(seen, xy, np.inf).min(1, initial=np.inf) - margin, 0, size)
    high = np.clip(np.where(seen, xy, -np.inf).max(1, initial=-np.inf) + margin, 0, size)
    return np.maximum(1.0, np.maximum(high - low, 0.0).prod(-1)).astype(np.float32)


def to_input(scaling: Scaling) -> Callable[[Tensor], Tensor]:
    """What turns pixels (B, H, W, 3) uint8 into the net's input (B, 3, H, W) float32, on their device."""
    return lambda pixels: scaling(pixels.permute(0, 3, 1, 2).float())
