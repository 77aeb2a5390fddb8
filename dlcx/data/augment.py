"""Random augmentation of labeled images: one composed affine transform, then changes to pixels.

All random numbers come from the generator passed to :meth:`Augmentation.apply`, which :func:`generator` derives from
(seed, epoch, image).  A resumed run and any number of workers therefore get the same images.  Order, names,
probabilities and strengths are those of ``data.train`` in DeepLabCut 3.0.2's pytorch_config.yaml.
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
    """Create the random generator of an image, a batch or an epoch.

    Parameters
    ----------
    seed, epoch
        Seed of the run, and number of the epoch.
    image, batch
        Number of the image or batch, from 0; without either, the generator is that of the epoch's order.

    Returns
    -------
    numpy.random.Generator
        The same arguments give the same random numbers.
    """
    # numpy treats missing trailing words of a seed as 0, so images and batches count from 1 here
    words = (0 if image is None else image + 1, 0 if batch is None else batch + 1)
    return np.random.default_rng((seed, epoch, *words))


@dataclass(frozen=True)
class RandomFlip:
    """Random horizontal flip.

    Parameters
    ----------
    p
        Probability of a flip.
    pairs
        Indices of left and right keypoints, which swap their names when the image is flipped.
    """

    p: float = 0.5
    pairs: tuple[tuple[int, int], ...] = ()

    def sample(self, warp: Warp, rng: np.random.Generator) -> tuple[Warp, bool]:
        """Sample whether to flip; returns the extended transform and whether it flips."""
        flipped = bool(rng.random() < self.p)
        return (warp.mirrored() if flipped else warp), flipped


@dataclass(frozen=True)
class RandomAffine:
    """Random scaling, rotation and translation about the center.

    Parameters
    ----------
    p
        Probability of a change.
    scaling
        Lowest and highest factor.
    rotation
        Maximum angle in degrees, in both directions.
    translation
        Maximum shift in whole pixels, in all directions.
    """

    p: float = 0.9
    scaling: tuple[float, float] = (1.0, 1.0)
    rotation: float = 0.0
    translation: int = 0

    def sample(self, warp: Warp, rng: np.random.Generator) -> Warp:
        """Sample an affine step; returns the extended transform."""
        applied = rng.random() < self.p
        scale = rng.uniform(*self.scaling)
        degrees = rng.uniform(-self.rotation, self.rotation)
        dx, dy = rng.integers(-self.translation, self.translation + 1, 2)
        return warp.rotated(degrees, scale, (float(dx), float(dy))) if applied else warp


@dataclass(frozen=True)
class RandomCrop:
    """Random crop of fixed size; smaller images are first padded equally on all sides.

    Parameters
    ----------
    width, height
        Size of the crop in pixels.
    max_shift
        Maximum distance of the crop's center from the chosen keypoint, relative to the size of the crop.
    method
        ``uniform``: anywhere in the image; ``keypoints``: at a random keypoint; ``density``: at a random keypoint,
        weighted by the number of keypoints within a tenth of the shorter side; ``hybrid``: ``uniform`` or ``density``
        with equal probability.
    """

    width: int
    height: int
    max_shift: float = 0.4
    method: Literal["uniform", "keypoints", "density", "hybrid"] = "density"

    def sample(self, warp: Warp, xy: np.ndarray, rng: np.random.Generator) -> Warp:
        """Sample a crop for keypoints xy (P, 2), which ``warp`` has moved already; returns the extended transform."""
        size = np.maximum(warp.size, (self.width, self.height))
        pad = (size - warp.size) // 2
        center = rng.uniform(0.0, 1.0, 2)
        method = self.method
        if method == "hybrid":
            method = "uniform" if rng.random() < 0.5 else "density"
        seen = xy[is_inside(xy, warp.size)] + pad
        if method != "uniform" and len(seen):
            chosen = seen[self._choose(seen, method, 0.1 * float(size.min()), rng)]
            shift = min(max(self.max_shift, 0.0), 0.4) * rng.uniform(0.0, 1.0, 2) * (self.width, self.height)
            center = np.clip((chosen + shift) / size, 0.0, 1.0)
        start = np.floor(center * (size - (self.width, self.height) + 1)).astype(int)
        start = np.minimum(start, size - (self.width, self.height))
        dx, dy = (pad - start).tolist()
        return warp.shifted(dx, dy, (self.width, self.height))

    @staticmethod
    def _choose(seen: np.ndarray, method: str, radius: float, rng: np.random.Generator) -> int:
        """Sample the index of one of the points (P, 2)."""
        if method == "keypoints":
            return int(rng.integers(len(seen)))
        distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
        weight = (distance < radius).sum(1).astype(float)  # the point itself and its neighbors
        return int(rng.choice(len(seen), p=weight / weight.sum()))


@dataclass(frozen=True)
class Pad:
    """Padding at the bottom and right.

    Parameters
    ----------
    min_size
        Minimum (width, height) of the result in pixels.
    divisors
        The result's (width, height) are multiples of these.
    mirror
        Fill with the mirrored image instead of a constant.
    value
        The constant, 0 to 255: one number, or red, green and blue.
    """

    min_size: tuple[int, int] = (0, 0)
    divisors: tuple[int, int] = (1, 1)
    mirror: bool = True
    value: float | tuple[float, ...] = 0.0

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Pad an image (H, W, 3); coordinates of keypoints do not change."""
        height, width = image.shape[:2]
        right, bottom = (
            -(-max(side, min_side) // divisor) * divisor - side
            for side, min_side, divisor in zip((width, height), self.min_size, self.divisors, strict=True)
        )
        if not right and not bottom:
            return image
        border = cv2.BORDER_REFLECT_101 if self.mirror else cv2.BORDER_CONSTANT
        value = self.value if isinstance(self.value, tuple) else (self.value,) * 3
        return cv2.copyMakeBorder(image, 0, bottom, 0, right, border, value=value)


@dataclass(frozen=True)
class Augmentation:
    """All random changes that ``data.train`` of pytorch_config.yaml can request; by default none.

    Parameters
    ----------
    flip, affine, crop
        Geometric changes, in this order.
    hist_eq, motion_blur, covering, elastic, grayscale
        Changes to pixels, each with probability 0.5, in this order; see :mod:`dlcx.data.pixel_transforms`.
    noise
        Maximum standard deviation of Gaussian noise in gray levels; 0 adds none.
    pad
        Padding, applied last.

    Examples
    --------
    >>> augmentation = Augmentation(affine=RandomAffine(rotation=30), motion_blur=True)
    >>> changed, area = augmentation.apply(labeled, generator(seed=0, epoch=1, image=7))  # doctest: +SKIP
    """

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
        """Augment an image and its labels.

        Parameters
        ----------
        labeled
            The image and its labels.
        rng
            See :func:`generator`.

        Returns
        -------
        tuple of LabeledImage and float
            The changed image, whose labels are nan outside of it, and the factor by which areas grew.
        """
        animals, unique = labeled.pose.animals, labeled.pose.unique
        height, width = labeled.image.shape[:2]
        warp, flipped = self._sample_warp(Warp.identity(width, height), animals, unique, rng)
        image = warp.image(labeled.image)
        image, point_steps = self._change_pixels(image, rng)

        def transform(labels: Instances) -> Instances:
            xy = warp.points(labels.xy)
            for step in point_steps:
                xy = step(xy)
            seen = is_inside(xy, warp.size)
            box = None if labels.box is None else warp.boxes(labels.box)
            return replace(labels, xy=np.where(seen[..., None], xy, np.nan), score=seen.astype(np.float32), box=box)

        animals = transform(_swap(animals, self.flip.pairs) if flipped and self.flip else animals)
        pose = Prediction(animals, None if unique is None else transform(unique))
        if self.pad:
            image = self.pad.apply(image)
        return LabeledImage(image, pose, labeled.path), warp.area

    def _sample_warp(
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
        """Change pixels; returns the image and the functions to apply to its keypoints (..., 2)."""
        point_steps: list[Callable[[np.ndarray], np.ndarray]] = []
        if self.hist_eq and rng.random() < pixel_transforms.PROBABILITY:
            image = pixel_transforms.equalize_histogram(image)
        if self.motion_blur and rng.random() < pixel_transforms.PROBABILITY:
            image = pixel_transforms.motion_blur(image, rng)
        if self.covering and rng.random() < pixel_transforms.PROBABILITY:
            image, holes = pixel_transforms.cover(image, rng)
            point_steps.append(lambda xy: _hide(xy, holes))
        if self.elastic and rng.random() < pixel_transforms.PROBABILITY:
            image, displacement = pixel_transforms.elastic(image, rng)
            point_steps.append(lambda xy: pixel_transforms.displace_points(xy, displacement))
        if self.grayscale and rng.random() < pixel_transforms.PROBABILITY:
            image = pixel_transforms.blend_with_gray(image, rng)
        if self.noise and rng.random() < pixel_transforms.PROBABILITY:
            image = pixel_transforms.add_noise(image, self.noise, rng)
        return image, point_steps


def _swap(labels: Instances, pairs: tuple[tuple[int, int], ...]) -> Instances:
    """Exchange the keypoints of each pair."""
    order = np.arange(labels.xy.shape[1])
    for left, right in pairs:
        order[left], order[right] = right, left
    return replace(labels, xy=labels.xy[:, order], score=labels.score[:, order])


def _hide(xy: np.ndarray, holes: np.ndarray) -> np.ndarray:
    """Set points (..., 2) inside one of the rectangles (H, 4) to nan."""
    point = xy[..., None, :]
    covered = np.any(np.all((point >= holes[:, :2]) & (point < holes[:, 2:]), axis=-1), axis=-1)
    return np.where(covered[..., None], np.nan, xy)
