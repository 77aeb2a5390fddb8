"""Labeled images: pixels together with the keypoints that people placed on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from dlcx.data.crops import boxes_around
from dlcx.data.images import ImageCache
from dlcx.errors import DlcxError
from dlcx.poses import Instances, Prediction

GIB = 1 << 30


@dataclass(frozen=True)
class InputResize:
    """A deterministic resize, applied to every image before random augmentation and at inference.

    Parameters
    ----------
    width, height
        Size of the result in pixels; None leaves the size unchanged.
    keep_ratio
        Scale the image to fit, and pad it with black at the bottom and right.  False stretches it.
    longest
        Afterwards scale the longer side to this number of pixels; None does not.
    """

    width: int | None = None
    height: int | None = None
    keep_ratio: bool = True
    longest: int | None = None

    def _steps(self, width: int, height: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Size after scaling and after padding for each step, both as (width, height)."""
        steps = []
        if self.width and self.height:
            scaled = self.width, self.height
            if self.keep_ratio:
                scale = min(self.height / height, self.width / width)
                scaled = round(scale * width), round(scale * height)
            steps.append((scaled, (self.width, self.height)))
            width, height = self.width, self.height
        if self.longest:
            scale = self.longest / max(width, height)
            scaled = round(scale * width), round(scale * height)
            steps.append((scaled, scaled))
        return steps

    def image(self, image: np.ndarray) -> np.ndarray:
        """Resize an image (H, W, 3) uint8."""
        for (width, height), (right, bottom) in self._steps(image.shape[1], image.shape[0]):
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
            if (width, height) != (right, bottom):
                image = cv2.copyMakeBorder(image, 0, bottom - height, 0, right - width, cv2.BORDER_CONSTANT)
        return image

    def factors(self, width: int, height: int) -> tuple[float, float]:
        """Factors by which x and y grow in an image of ``width`` by ``height`` pixels."""
        x = y = 1.0
        for scaled, canvas in self._steps(width, height):
            x, y = x * scaled[0] / width, y * scaled[1] / height
            width, height = canvas
        return x, y


@dataclass(frozen=True)
class LabeledImage:
    """An image with its labels.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB.
    pose
        Keypoints in pixels of ``image``.
    path
        The image file.
    """

    image: np.ndarray
    pose: Prediction
    path: Path


class LabeledImages(Sequence[LabeledImage]):
    """A sequence of labeled images that are decoded on access and cached up to a budget.

    Labels count only if they lie strictly inside their image; others become nan.

    Parameters
    ----------
    paths
        Image files; all must exist.
    poses
        Labels of each image, in pixels of the image in the file.
    resize
        Applied to images and labels.
    cache
        Maximum number of bytes of decoded images in memory.

    Raises
    ------
    DlcxError
        If image files are missing.
    ValueError
        If the numbers of paths and poses differ.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        poses: Sequence[Prediction],
        *,
        resize: InputResize | None = None,
        cache: int = 2 * GIB,
    ) -> None:
        if len(paths) != len(poses):
            raise ValueError(f"LabeledImages: expected one pose per image, got {len(paths)} images, {len(poses)} poses")
        missing = [path for path in paths if not Path(path).is_file()]
        if missing:
            raise DlcxError(
                f"{len(missing)} of {len(paths)} labeled images are missing, the first is {missing[0]}",
                hint="Put them back, or remove their rows from CollectedData and create the dataset again.",
            )
        self.paths = [Path(path) for path in paths]
        self.poses = list(poses)
        self._resize = resize
        self._images = ImageCache(self.paths, prepare=resize.image if resize else None, budget=cache)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> LabeledImage:  # type: ignore[override]
        image, size = self._images.read(index)
        scale = self._resize.factors(*size) if self._resize else (1.0, 1.0)
        pose = self.poses[index]
        unique = None if pose.unique is None else _visible(pose.unique, size, scale)
        return LabeledImage(image, Prediction(_visible(pose.animals, size, scale), unique), self.paths[index])


def labeled_boxes(labeled: LabeledImage, margin: float) -> Instances:
    """Bounding boxes of the labeled animals of an image.

    Parameters
    ----------
    labeled
        The image and its labels.
    margin
        Pixels added to each side of the box around the labels.

    Returns
    -------
    Instances
        Boxes without keypoints (K = 0), in pixels of the image, with box score 1.
    """
    animals = labeled.pose.animals
    seen = animals.xy[animals.score.any(1)]
    boxes = boxes_around(seen, labeled.image.shape[1::-1], margin)
    return Instances(seen[:, :0], np.zeros((len(seen), 0), np.float32), boxes, np.ones(len(seen), np.float32))


def _visible(labels: Instances, size: tuple[int, int], scale: tuple[float, float]) -> Instances:
    """Scale labels, and hide those outside an image of ``size`` (width, height)."""
    seen = np.all((labels.xy > 0) & (labels.xy < np.asarray(size)), axis=-1)
    xy = np.where(seen[..., None], labels.xy * np.asarray(scale), np.nan)
    return replace(labels, xy=xy, score=seen.astype(np.float32))
