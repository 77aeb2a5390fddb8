"""Labelled images: pixels and the keypoints that people set on them."""

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
    """A resize that every image gets before anything random happens, the same as at inference.

    With ``keep_ratio`` the image is scaled to fit into width x height and padded with black at the bottom and right,
    otherwise it is stretched.  ``longest`` (applied after) scales the longer side to that many pixels.
    """

    width: int | None = None
    height: int | None = None
    keep_ratio: bool = True
    longest: int | None = None

    def _steps(self, width: int, height: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """(scaled size, canvas size) of each step, both as (width, height)."""
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
        """The image (H, W, 3) uint8, resized."""
        for (width, height), (right, bottom) in self._steps(image.shape[1], image.shape[0]):
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
            if (width, height) != (right, bottom):
                image = cv2.copyMakeBorder(image, 0, bottom - height, 0, right - width, cv2.BORDER_CONSTANT)
        return image

    def factors(self, width: int, height: int) -> tuple[float, float]:
        """By how much x and y grow for an image of width x height."""
        x = y = 1.0
        for scaled, canvas in self._steps(width, height):
            x, y = x * scaled[0] / width, y * scaled[1] / height
            width, height = canvas
        return x, y


@dataclass(frozen=True)
class LabeledImage:
    """One image (H, W, 3) uint8, its keypoints in pixels of this image, and where it came from."""

    image: np.ndarray
    pose: Prediction
    path: Path


class LabeledImages(Sequence[LabeledImage]):
    """Images and their labels, decoded when asked for and kept in memory up to a budget.

    A label counts if it lies strictly inside of its image; others become nan.

    Parameters
    ----------
    paths
        Image files; all must exist.
    poses
        The labels of each image, in pixels of the file's image.
    resize
        Applied to images and labels.
    cache
        Bytes of memory that decoded images may take.

    Raises
    ------
    DlcxError
        When image files are missing.
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
            raise ValueError(f"LabeledImages: expected one pose an image, got {len(paths)} images, {len(poses)} poses")
        missing = [path for path in paths if not Path(path).is_file()]
        if missing:
            raise DlcxError(
                f"{len(missing)} of {len(paths)} labelled images are missing, first {missing[0]}",
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
    """The animals that are labelled in an image as boxes (K = 0) that reach ``margin`` pixels beyond their labels."""
    animals = labeled.pose.animals
    seen = animals.xy[animals.score.any(1)]
    boxes = boxes_around(seen, labeled.image.shape[1::-1], margin)
    return Instances(seen[:, :0], np.zeros((len(seen), 0), np.float32), boxes, np.ones(len(seen), np.float32))


def _visible(labels: Instances, size: tuple[int, int], scale: tuple[float, float]) -> Instances:
    """Labels outside of the image of ``size`` (width, height) hidden, the others scaled."""
    seen = np.all((labels.xy > 0) & (labels.xy < np.asarray(size)), axis=-1)
    xy = np.where(seen[..., None], labels.xy * np.asarray(scale), np.nan)
    return replace(labels, xy=xy, score=seen.astype(np.float32))
