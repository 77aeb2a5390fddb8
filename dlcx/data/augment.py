"""Random changes to labelled images in training: one composed warp an image, then what touches pixels alone.

Everything is drawn from the generator that :meth:`Augmentation.apply` is given, and :func:`generator` makes that one
from (seed, epoch, image).  So a resumed run and any number of workers see the same images.  Order, names, chances and
strengths are those of ``data.train`` in DeepLabCut 3.0.2's pytorch_config.yaml.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from dlcx.data import pixel_transforms
from dlcx.data.labeled_images import LabeledImage
from dlcx.data.warp import Warp, is_inside
from dlcx.poses import Instances, Prediction


def generator(seed: int, epoch: int, image: int | None = None, *, batch: int | None = None) -> np.random.Generator:
    """The random numbers of one image or one batch in one epoch; without either those of the epoch (its order)."""
    # numpy treats missing trailing words of a seed as 0, so images and batches count from 1
    words = (0 if image is None else image + 1, 0 if batch is None else batch + 1)
    return np.random.default_rng((seed, epoch, *words))


@dataclass(frozen=True)
class RandomFlip:
    """Mirror left and right with chance ``p``; keypoints of ``pairs`` (indices) then swap their places."""

    p: float = 0.5
    pairs: tuple[tuple[int, int], ...] = ()

    def sample(self, warp: Warp, rng: np.random.Generator) -> tuple[Warp, bool]:
        """The warp with the mirror in it, if it fell so."""
        flipped = bool(rng.random() < self.p)
        return (warp.mirrored() if flipped else warp), flipped


@dataclass(frozen=True)
class RandomAffine:
    """Scale, turn and shift about the centre with chance ``p``.

    ``scaling`` (low, high), ``rotation`` degrees to either side, ``translation`` whole pixels to any side.
    """

    p: float = 0.9
    scaling: tuple[float, float] = (1.0, 1.0)
    rotation: float = 0.0
    translation: int = 0

    def sample(self, warp: Warp, rng: np.random.Generator) -> Warp:
        """The warp with a random affine step in it, if it fell so."""
        chosen = rng.random() < self.p
        scale = rng.uniform(*self.scaling)
        degrees = rng.uniform(-self.rotation, self.rotation)
        dx, dy = rng.integers(-self.translation, self.translation + 1, 2)
        return warp.rotated(degrees, scale, (float(dx), float(dy))) if chosen else warp


@dataclass(frozen=True)
class RandomCrop:
    """A window of fixed size; smaller images are first padded on all sides alike.

    ``method``: ``uniform`` anywhere; ``keypoints`` by a keypoint; ``density`` by a keypoint, those with many neighbors
    (within a tenth of the shorter side) preferred; ``hybrid`` uniform or density, half and half.
    ``max_shift`` moves the window from the keypoint by up to this share of its size.
    """

    width: int
    height: int
    max_shift: float = 0.4
    method: Literal["uniform", "keypoints", "density", "hybrid"] = "density"

    def sample(self, warp: Warp, xy: np.ndarray, rng: np.random.Generator) -> Warp:
        """The warp with the window in it; xy (P, 2) are the points as this warp has them, nan unseen."""
        size = np.maximum(warp.size, (self.width, self.height))
        pad = (size - warp.size) // 2
        centre = rng.uniform(0.0, 1.0, 2)
        method = self.method
        if method == "hybrid":
            method = "uniform" if rng.random() < 0.5 else "density"
        seen = xy[is_inside(xy, warp.size)] + pad
        if method != "uniform" and len(seen):
            chosen = seen[self._choose(seen, method, 0.1 * float(size.min()), rng)]
            shift = min(max(self.max_shift, 0.0), 0.4) * rng.uniform(0.0, 1.0, 2) * (self.width, self.height)
            centre = np.clip((chosen + shift) / size, 0.0, 1.0)
        start = np.floor(centre * (size - (self.width, self.height) + 1)).astype(int)
        start = np.minimum(start, size - (self.width, self.height))
        dx, dy = (pad - start).tolist()
        return warp.shifted(dx, dy, (self.width, self.height))

    @staticmethod
    def _choose(seen: np.ndarray, method: str, radius: float, rng: np.random.Generator) -> int:
        """Index of one of the points (P, 2)."""
        if method == "keypoints":
            return int(rng.integers(len(seen)))
        distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
        weight = (distance < radius).sum(1).astype(float)  # the point itself and its neighbors
        return int(rng.choice(len(seen), p=weight / weight.sum()))


@dataclass(frozen=True)
class Pad:
    """Padding at the bottom and right to a least size and to multiples of ``divisors`` (width, height)."""

    least: tuple[int, int] = (0, 0)
    divisors: tuple[int, int] = (1, 1)
    mirror: bool = True
    value: float | tuple[float, ...] = 0.0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The image (H, W, 3), padded; keypoints stay where they are."""
        height, width = image.shape[:2]
        right, bottom = (
            -(-max(side, least) // divisor) * divisor - side
            for side, least, divisor in zip((width, height), self.least, self.divisors, strict=True)
        )
        if not right and not bottom:
            return image
        border = cv2.BORDER_REFLECT_101 if self.mirror else cv2.BORDER_CONSTANT
        value = self.value if isinstance(self.value, tuple) else (self.value,) * 3
        return cv2.copyMakeBorder(image, 0, bottom, 0, right, border, value=value)


@dataclass(frozen=True)
class Augmentation:
    """All random changes of ``data.train``; each is absent unless it is asked for."""

    flip: RandomFlip | None = None
    affine: RandomAffine | None = None
    crop: RandomCrop | None = None
    hist_eq: bool = False
    motion_blur: bool = False
    covering: bool = False
    elastic: bool = False
    grayscale: bool = False
    noise: float = 0.0
    pad: Pad | None = None

    def apply(self, labeled: LabeledImage, rng: np.random.Generator) -> tuple[LabeledImage, float]:
        """The changed image and labels (points that left the image are nan), and by how much areas grew."""
        animals, unique = labeled.pose.animals, labeled.pose.unique
        height, width = labeled.image.shape[:2]
        warp, flipped = self._draw_warp(Warp.identity(width, height), animals, unique, rng)
        image = warp.image(labeled.image)
        image, moves = self._change_pixels(image, rng)

        def follow(labels: Instances) -> Instances:
            xy = warp.points(labels.xy)
            for move in moves:
                xy = move(xy)
            seen = is_inside(xy, warp.size)
            box = None if labels.box is None else warp.boxes(labels.box)
            return replace(labels, xy=np.where(seen[..., None], xy, np.nan), score=seen.astype(np.float32), box=box)

        animals = follow(_swap(animals, self.flip.pairs) if flipped and self.flip else animals)
        pose = Prediction(animals, None if unique is None else follow(unique))
        if self.pad:
            image = self.pad.apply(image)
        return LabeledImage(image, pose, labeled.path), warp.area

    def _draw_warp(
        self, warp: Warp, animals: Instances, unique: Instances | None, rng: np.random.Generator
    ) -> tuple[Warp, bool]:
        flipped = False
        if self.flip:
            warp, flipped = self.flip.sample(warp, rng)
        if self.affine:
            warp = self.affine.sample(warp, rng)
        if self.crop:
            points = [animals.xy.reshape(-1, 2)] + ([] if unique is None else [unique.xy.reshape(-1, 2)])
            warp = self.crop.sample(warp, warp.points(np.concatenate(points)), rng)
        return warp, flipped

    def _change_pixels(
        self, image: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, list[Callable[[np.ndarray], np.ndarray]]]:
        """The image, and what its keypoints (..., 2) must go through."""
        moves: list[Callable[[np.ndarray], np.ndarray]] = []
        if self.hist_eq and rng.random() < pixel_transforms.CHANCE:
            image = pixel_transforms.equalise(image)
        if self.motion_blur and rng.random() < pixel_transforms.CHANCE:
            image = pixel_transforms.motion_blur(image, rng)
        if self.covering and rng.random() < pixel_transforms.CHANCE:
            image, holes = pixel_transforms.cover(image, rng)
            moves.append(lambda xy: _hide(xy, holes))
        if self.elastic and rng.random() < pixel_transforms.CHANCE:
            image, moved = pixel_transforms.elastic(image, rng)
            moves.append(lambda xy: pixel_transforms.displaced(xy, moved))
        if self.grayscale and rng.random() < pixel_transforms.CHANCE:
            image = pixel_transforms.grey(image, rng)
        if self.noise and rng.random() < pixel_transforms.CHANCE:
            image = pixel_transforms.add_noise(image, self.noise, rng)
        return image, moves


def _swap(labels: Instances, pairs: tuple[tuple[int, int], ...]) -> Instances:
    """Labels with the keypoints of each pair exchanged."""
    order = np.arange(labels.xy.shape[1])
    for left, right in pairs:
        order[left], order[right] = right, left
    return replace(labels, xy=labels.xy[:, order], score=labels.score[:, order])


def _hide(xy: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Points (..., 2) that lie in one of the holes (H, 4) become nan."""
    point = xy[..., None, :]
    covered = np.any(np.all((point >= holes[:, :2]) & (point < holes[:, 2:]), axis=-1), axis=-1)
    return np.where(covered[..., None], np.nan, xy)
