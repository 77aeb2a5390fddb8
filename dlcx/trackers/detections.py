"""The animals that a net found in a whole video, as flat arrays: what all trackers link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dlcx.poses import Instances, Prediction


@dataclass(frozen=True, eq=False)
class Detections:
    """Animals of consecutive frames, one row each, sorted by frame and within it in the net's order.

    xy (R, K, 2) in pixels of the whole image, nan where unseen; score (R, K); identity (R, K), the number of the
    individual that most votes name, -1 for nets without that head; frame (R,) counted from ``first``, the number in
    the video of the first of ``frames`` frames.
    """

    xy: np.ndarray
    score: np.ndarray
    identity: np.ndarray
    frame: np.ndarray
    frames: int
    first: int = 0

    def __post_init__(self) -> None:
        rows, parts, _ = self.xy.shape
        for name, shape in (("score", (rows, parts)), ("identity", (rows, parts)), ("frame", (rows,))):
            if getattr(self, name).shape != shape:
                raise ValueError(f"Detections.{name}: expected shape {shape}, got {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.xy)

    @classmethod
    def of(
        cls,
        predictions: Sequence[Prediction],
        parts: int,
        *,
        first: int = 0,
        pcutoff: float = 0.1,
        outside: bool = False,
    ) -> Detections:
        """Those animals of the frames ``first``, ``first + 1``, ... of which a keypoint is as certain as ``pcutoff``.

        Less certain keypoints are unseen (nan, their score stays), as are those left of or above the image unless
        ``outside`` is True.
        """
        found = [one.animals for one in predictions]
        none = Instances.none(parts)
        xy = np.concatenate([none.xy, *(one.xy for one in found)], dtype=np.float64)
        score = np.concatenate([none.score, *(one.score for one in found)], dtype=np.float64)
        identity = np.concatenate([np.zeros((0, parts)), *map(_identity, found)])
        frame = np.repeat(np.arange(len(found)), [len(one) for one in found])
        with np.errstate(invalid="ignore"):
            unseen = score < max(pcutoff, 0)
            unseen |= False if outside else (xy < 0).any(-1)
        xy[unseen] = np.nan
        there = np.isfinite(xy).any((1, 2))
        return cls(xy[there], score[there], identity[there], frame[there], len(found), first)

    def by_frame(self) -> Iterator[slice]:
        """The rows of every frame that has any, in order."""
        starts = np.flatnonzero(np.diff(self.frame, prepend=-1)).tolist()
        yield from map(slice, starts, [*starts[1:], len(self)])

    @property
    def poses(self) -> np.ndarray:
        """(R, K, 4): x, y, score, identity."""
        return np.concatenate([self.xy, self.score[..., None], self.identity[..., None]], -1)

    @cached_property
    def centroid(self) -> np.ndarray:
        """(R, 2): the mean of an animal's keypoints, weighed by their scores."""
        seen = np.isfinite(self.xy).all(-1)
        weight = np.where(seen, self.score + 1e-10, 0)[..., None]
        return (np.where(seen[..., None], self.xy, 0) * weight).sum(1) / weight.sum(1)


def _identity(animals: Instances) -> np.ndarray:
    if animals.identity is None:
        return np.full(animals.score.shape, -1.0)
    return animals.identity.argmax(-1).astype(np.float64)
