"""One size for all images of a batch: one that suits the first image, or one from a list.

Images are scaled until they cover the size, then cropped at random; labels follow. ``collate`` of ``data.train`` in
DeepLabCut 3.0.2's pytorch_config.yaml defines the sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np

from dlcx.data.warp import is_inside
from dlcx.errors import DlcxError
from dlcx.heads.build_from_config import build_from_config
from dlcx.training.samples import Sample


class Sizes(Protocol):
    """Chooses the size of a batch."""

    def sample(self, first: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
        """Return (width, height) of a batch whose first image has size ``first``."""
        ...


@dataclass(frozen=True)
class ScaledSize:
    """The first image's size, scaled by a random factor.

    Attributes
    ----------
    low, high
        Range of the factor.
    shortest, longest_short
        Limits of the shorter side in pixels.
    ratio
        Maximum ratio of the longer side to the shorter.
    multiple
        Both sides are rounded up to multiples of this.
    square
        Whether both sides have the length of the shorter.
    """

    low: float
    high: float
    shortest: int = 128
    longest_short: int = 1152
    ratio: float = 2.0
    multiple: int = 1
    square: bool = False

    def sample(self, first: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
        """See :class:`Sizes`."""
        sides = np.array(first)
        short = np.clip(rng.uniform(self.low, self.high) * sides.min(), self.shortest, self.longest_short)
        ratio = np.minimum(sides / sides.min(), 1.0 if self.square else self.ratio)
        width, height = np.ceil(np.round(short * ratio) / self.multiple).astype(int) * self.multiple
        return int(width), int(height)


@dataclass(frozen=True)
class ListedSize:
    """One of ``sizes``, each (width, height) in pixels."""

    sizes: tuple[tuple[int, int], ...]

    def sample(self, first: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
        """See :class:`Sizes`."""
        return self.sizes[int(rng.integers(len(self.sizes)))]


@dataclass(frozen=True)
class Resizing:
    """Gives all samples of a batch one size: :meth:`size` chooses it from the first sample, :meth:`cut` applies it.

    Attributes
    ----------
    sizes
        Chooses the size.
    shift
        Maximum number of pixels by which a crop extends beyond the image; those are black.
    longest
        Maximum side of a scaled image in pixels.
    """

    sizes: Sizes
    shift: int = 10
    longest: int = 2048

    def size(self, first: Sample, rng: np.random.Generator) -> tuple[int, int]:
        """Return (width, height) of a batch that begins with this sample."""
        return self.sizes.sample(_size(first), rng)

    def cut(self, sample: Sample, size: tuple[int, int], rng: np.random.Generator) -> Sample:
        """Scale and crop a sample; keypoints outside the crop become unlabeled, boxes are clipped."""
        before = np.array(_size(sample))
        factor = min(np.max(np.array(size) / before), self.longest / before.max())
        scaled = np.maximum(np.round(before * factor), 1).astype(int)
        scale, slack = scaled / before, scaled - size
        start = rng.integers(np.minimum(slack, 0) - self.shift, np.maximum(slack, 0) + self.shift, endpoint=True)

        def moved(points: np.ndarray) -> np.ndarray:
            xy, flag = points[..., :2] * scale - start, points[..., 2:]
            flag = np.where(is_inside(xy, size)[..., None], flag, np.minimum(flag, 0))
            return np.concatenate([np.where(flag > 0, xy, 0), flag], -1).astype(np.float32)

        low = np.clip(sample.boxes[:, :2] * scale - start, 0, size)
        high = np.clip((sample.boxes[:, :2] + sample.boxes[:, 2:]) * scale - start, 0, size)
        return replace(
            sample,
            image=_window(sample.image, scaled, start, size),
            keypoints=moved(sample.keypoints),
            unique=moved(sample.unique),
            area=(sample.area * scale.prod()).astype(np.float32),
            boxes=np.concatenate([low, high - low], -1).astype(np.float32),
        )


def build_resizing(block: Mapping[str, Any] | None, where: str) -> Resizing | None:
    """Create the resizing from the block ``collate`` of pytorch_config.yaml, which has the key ``where``.

    Raises
    ------
    DlcxError
        If the type or a key is unknown, or a value is invalid.
    """
    if block is None:
        return None
    result: Resizing | None = build_from_config(
        block, {"ResizeFromDataSizeCollate": _scaled, "ResizeFromListCollate": _listed}, where
    )
    return result


def _scaled(
    min_scale: float,
    max_scale: float,
    min_short_side: int = 128,
    max_short_side: int = 1152,
    max_ratio: float = 2.0,
    multiple_of: int | None = None,
    to_square: bool = False,
    max_shift: int = 10,
    max_size: int = 2048,
    seed: int = 0,
) -> Resizing:
    del seed  # the training's seed determines the size of each batch
    if not 0 < min_scale <= max_scale:
        raise DlcxError(f"collate: expected 0 < min_scale <= max_scale, got {min_scale} and {max_scale}")
    sizes = ScaledSize(min_scale, max_scale, min_short_side, max_short_side, max_ratio, multiple_of or 1, to_square)
    return Resizing(sizes, max_shift, max_size)


def _listed(scales: list[Any], max_shift: int = 10, max_size: int = 2048, seed: int = 0) -> Resizing:
    del seed
    try:
        sizes = tuple((side, side) if isinstance(side, int) else (int(side[1]), int(side[0])) for side in scales)
    except (TypeError, ValueError, IndexError):
        sizes = ()
    if not sizes or min(map(min, sizes)) < 1:
        raise DlcxError(f"collate.scales: expected a list of sides or of [height, width], got {scales!r}")
    return Resizing(ListedSize(sizes), max_shift, max_size)


def _size(sample: Sample) -> tuple[int, int]:
    return sample.image.shape[1], sample.image.shape[0]


def _window(image: np.ndarray, scaled: np.ndarray, start: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image (H, W, 3) to ``scaled`` and crop ``size`` pixels from ``start``; sizes and points are x, y."""
    smaller = scaled[0] < image.shape[1]
    image = cv2.resize(image, scaled.tolist(), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    cut = np.zeros((size[1], size[0], 3), np.uint8)
    low, high = np.clip(start, 0, scaled), np.clip(start + size, 0, scaled)
    to = low - start
    stage = image[low[1] : high[1], low[0] : high[0]]
    cut[to[1] : to[1] + stage.shape[0], to[0] : to[0] + stage.shape[1]] = stage
    return cut
