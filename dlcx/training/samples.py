"""Training samples: a full image, or a crop around one animal, with random augmentation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from dlcx.data.augment import Augmentation
from dlcx.data.box_jitter import BoxJitter
from dlcx.data.crops import Cropping, CropWindow, boxes_around
from dlcx.data.labeled_images import LabeledImage, LabeledImages
from dlcx.data.simulated_conditions import ConditionSampler
from dlcx.data.warp import is_inside
from dlcx.poses import Instances, Prediction


@dataclass(frozen=True)
class Sample:
    """An image and its labels; all coordinates in pixels of ``image``.

    Attributes
    ----------
    image
        (H, W, 3), uint8 RGB.
    path
        The image file.
    keypoints, unique, area, boxes, ids
        Labels of N animals, as in :class:`BatchLabels`; boxes are x, y, width, height.
    condition
        The condition pose (x, y, score) of a conditional network.
    """

    image: np.ndarray
    path: Path
    keypoints: np.ndarray  # (N, K, 3)
    unique: np.ndarray  # (U, 3)
    area: np.ndarray  # (N,)
    boxes: np.ndarray  # (N, 4)
    ids: np.ndarray  # (N,)
    condition: np.ndarray | None = None  # (K, 3)


class TrainingSamples(Protocol):
    """A set of training samples; equal random generators give equal samples."""

    paths: list[Path]
    """The image files."""

    def __len__(self) -> int:
        """Number of samples per epoch."""
        ...

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return a sample with random augmentation."""
        ...


class FullImages:
    """Full images with all their animals.

    Parameters
    ----------
    images
        Labeled images.
    augmentation
        Sampled for every image in every epoch.
    margin
        Pixels between an animal's keypoints and its box.
    """

    def __init__(self, images: LabeledImages, augmentation: Augmentation, *, margin: int) -> None:
        self._images, self._augmentation, self._margin = images, augmentation, margin
        self.paths = images.paths

    def __len__(self) -> int:
        return len(self._images)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return an augmented image with its labels."""
        before = to_sample(self._images[index], self._margin)
        labeled, growth = self._augmentation.apply(self._images[index], rng)
        after = to_sample(labeled, self._margin, before.ids)
        return replace(after, area=before.area * np.float32(growth))


class AnimalCrops:
    """Crops around each labeled animal. The image is augmented first, then cropped around the animal's box.

    Parameters
    ----------
    images
        Labeled images.
    augmentation
        Sampled for every crop in every epoch.
    cropping
        Size of the crops.
    margin
        Pixels between an animal's keypoints and its box.
    jitter
        Random shift and scale of the box, which imitate a detector.
    """

    def __init__(
        self,
        images: LabeledImages,
        augmentation: Augmentation,
        cropping: Cropping,
        *,
        margin: int,
        jitter: BoxJitter | None = None,
    ) -> None:
        self._images, self._augmentation, self._margin = images, augmentation, margin
        self._cropping, self._jitter = cropping, jitter
        self._items = labeled_animals(images)
        self.paths = images.paths

    def __len__(self) -> int:
        return len(self._items)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return the crop around one animal; labels in pixels of the crop."""
        image, animal = self._items[index]
        labeled = single_animal(self._images[image], animal, self._margin)
        changed, _ = self._augmentation.apply(labeled, rng)
        found = changed.pose.animals
        size = changed.image.shape[1::-1]
        box = np.zeros(4) if found.box is None else found.box[0]
        if self._jitter is not None:
            box = self._jitter.sample(box, size, rng)
        return crop_animal(self._cropping.window(np.floor(box), size), changed, found.xy, animal, self._margin)


class ConditionalCrops:
    """Crops around condition poses, which :class:`ConditionSampler` generates for each labeled animal.

    A condition may contain keypoints of other animals whose boxes overlap the animal's box.

    Parameters
    ----------
    images
        Labeled images.
    augmentation
        Sampled for every crop in every epoch.
    cropping
        Size of the crops.
    sampler
        Generates condition poses.
    margin
        Pixels between a pose's keypoints and its box.
    """

    def __init__(
        self,
        images: LabeledImages,
        augmentation: Augmentation,
        cropping: Cropping,
        sampler: ConditionSampler,
        *,
        margin: int,
    ) -> None:
        self._images, self._augmentation, self._margin = images, augmentation, margin
        self._cropping, self._sampler = cropping, sampler
        self._items = labeled_animals(images)
        self.paths = images.paths

    def __len__(self) -> int:
        return len(self._items)

    def sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return the crop around one condition pose; labels and condition in pixels of the crop."""
        image, animal = self._items[index]
        changed, _ = self._augmentation.apply(self._images[image], rng)
        size = changed.image.shape[1::-1]
        guess = sample_condition(changed, animal, self._sampler, self._margin, rng)
        box = boxes_around(guess[None], size, self._margin)[0]
        window = self._cropping.window(np.floor(box), size)
        sample = crop_animal(window, changed, changed.pose.animals.xy[[animal]], animal, self._margin)
        xy = (guess - np.array(window.offset)) / np.array(window.scale)
        condition = np.concatenate([np.nan_to_num(xy), np.isfinite(xy).all(-1, keepdims=True)], -1)
        return replace(sample, condition=condition)


def labeled_animals(images: LabeledImages) -> list[tuple[int, int]]:
    """Return (image, animal) indices of every animal with a visible keypoint."""
    labeled = [np.flatnonzero(pose.animals.score.any(1)) for pose in images.poses]
    return [(image, int(animal)) for image, animals in enumerate(labeled) for animal in animals]


def sample_condition(
    labeled: LabeledImage, animal: int, sampler: ConditionSampler, margin: int, rng: np.random.Generator
) -> np.ndarray:
    """Generate a condition pose for one animal of an image.

    Returns
    -------
    numpy.ndarray
        (K, 2) in pixels of the image; nan where the condition has no keypoint.
    """
    xy, size = labeled.pose.animals.xy, labeled.image.shape[1::-1]
    boxes = boxes_around(xy, size, margin)
    low = np.maximum(boxes[:, :2], boxes[animal, :2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], boxes[animal, :2] + boxes[animal, 2:])
    near = (high > low).all(1) & (np.arange(len(xy)) != animal)
    return sampler.sample(xy[animal], xy[near], max(1.0, float(boxes[animal, 2:].prod())), size, rng)


def crop_animal(window: CropWindow, labeled: LabeledImage, xy: np.ndarray, animal: int, margin: int) -> Sample:
    """Crop an image around one animal.

    Parameters
    ----------
    window
        The crop.
    labeled
        The image.
    xy
        Keypoints (1, K, 2) of the animal in pixels of the image.
    animal
        Index of the animal.
    margin
        Pixels between the keypoints and the box.
    """
    xy = (xy - np.array(window.offset)) / np.array(window.scale)
    seen = is_inside(xy, window.size)
    pose = Prediction(Instances(np.where(seen[..., None], xy, np.nan), seen.astype(np.float32)))
    crop = LabeledImage(window.cut(labeled.image), pose, labeled.path)
    return replace(to_sample(crop, margin, np.arange(1)), ids=np.array([animal]))


def single_animal(labeled: LabeledImage, animal: int, margin: int) -> LabeledImage:
    """Return the image with the labels of one animal and the box around them."""
    animals = labeled.pose.animals
    row = slice(animal, animal + 1)
    box = boxes_around(animals.xy[row], labeled.image.shape[1::-1], margin)
    return replace(labeled, pose=Prediction(Instances(animals.xy[row], animals.score[row], box=box)))


def to_sample(labeled: LabeledImage, margin: int, animals: np.ndarray | None = None) -> Sample:
    """Convert a labeled image to a sample.

    Parameters
    ----------
    labeled
        The image with its labels.
    margin
        Pixels between an animal's keypoints and its box, whose area is the animal's.
    animals
        Indices (N,) of the animals to include; default: those with a visible keypoint.
    """
    pose = labeled.pose
    ids = np.flatnonzero(pose.animals.score.any(1)) if animals is None else animals
    boxes = boxes_around(pose.animals.xy[ids], labeled.image.shape[1::-1], margin)
    return Sample(
        labeled.image,
        labeled.path,
        keypoints=_with_flags(pose.animals.xy[ids]),
        unique=np.zeros((0, 3), np.float32) if pose.unique is None else _with_flags(pose.unique.xy[0]),
        area=np.maximum(1.0, boxes[:, 2:].prod(-1)).astype(np.float32),
        boxes=boxes.astype(np.float32),
        ids=ids,
    )


def _with_flags(xy: np.ndarray) -> np.ndarray:
    """Append visibility flags to points (..., 2): 2 where finite, otherwise 0 with coordinates 0."""
    seen = np.isfinite(xy).all(-1, keepdims=True)
    return np.concatenate([np.where(seen, xy, 0.0), 2.0 * seen], axis=-1).astype(np.float32)
