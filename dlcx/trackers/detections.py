"""All animals that a network detected in a video, as flat arrays: the input of every tracker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dlcx.poses import Instances, Prediction


@dataclass(frozen=True, eq=False)
class Detections:
    """R animals of consecutive frames, sorted by frame and within a frame in the order of the network.

    Parameters
    ----------
    xy
        Keypoints (R, K, 2) in pixels of the full image, nan where unseen.
    score
        (R, K).
    identity
        Individual with the highest identity score for each keypoint, (R, K); -1 for networks without an identity head.
    frame
        Index of the frame, (R,), relative to ``first``.
    frames
        Number of frames.
    first
        Number of the first frame in the video.
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
        keep_negative: bool = False,
    ) -> Detections:
        """Collect the animals of which at least one keypoint reaches ``pcutoff``.

        Parameters
        ----------
        predictions
            One entry per frame.
        parts
            Number of keypoints K.
        first
            Number of the first frame in the video.
        pcutoff
            Keypoints with a lower score count as unseen; their score is kept.
        keep_negative
            Keep keypoints left of or above the image instead of treating them as unseen.

        Returns
        -------
        Detections
            All visible animals.
        """
        found = [one.animals for one in predictions]
        none = Instances.empty(parts)
        xy = np.concatenate([none.xy, *(one.xy for one in found)], dtype=np.float64)
        score = np.concatenate([none.score, *(one.score for one in found)], dtype=np.float64)
        identity = np.concatenate([np.zeros((0, parts)), *map(_identity, found)])
        frame = np.repeat(np.arange(len(found)), [len(one) for one in found])
        with np.errstate(invalid="ignore"):
            unseen = score < max(pcutoff, 0)
            unseen |= False if keep_negative else (xy < 0).any(-1)
        xy[unseen] = np.nan
        visible = np.isfinite(xy).any((1, 2))
        return cls(xy[visible], score[visible], identity[visible], frame[visible], len(found), first)

    def by_frame(self) -> Iterator[slice]:
        """Rows of every frame that has any, in order."""
        starts = np.flatnonzero(np.diff(self.frame, prepend=-1)).tolist()
        yield from map(slice, starts, [*starts[1:], len(self)])

    @property
    def poses(self) -> np.ndarray:
        """x, y, score and identity, (R, K, 4)."""
        return np.concatenate([self.xy, self.score[..., None], self.identity[..., None]], -1)

    @cached_property
    def centroid(self) -> np.ndarray:
        """Mean of each animal's keypoints weighted by their scores, (R, 2)."""
        seen = np.isfinite(self.xy).all(-1)
        weight = np.where(seen, self.score + 1e-10, 0)[..., None]
        result: np.ndarray = (np.where(seen[..., None], self.xy, 0) * weight).sum(1) / weight.sum(1)
        return result


def _identity(animals: Instances) -> np.ndarray:
    if animals.identity is None:
        return np.full(animals.score.shape, -1.0)
    result: np.ndarray = animals.identity.argmax(-1).astype(np.float64)
    return result
