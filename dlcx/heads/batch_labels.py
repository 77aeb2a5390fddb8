"""Labels of a batch as tensors, padded to the same number of animals per image."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class BatchLabels:
    """Labels of the B images of a batch with at most N animals each, in pixels of the network input.

    A flag above 0 marks a visible keypoint, whose coordinates must be finite; 0 a keypoint that is not labeled; -1 a
    bodypart that is not defined in the image. Padding has the flag 0 and the id -1.

    Parameters
    ----------
    keypoints
        (B, N, K, 3): x, y and flag of the K bodyparts.
    unique
        (B, U, 3): x, y and flag of the unique bodyparts.
    area
        (B, N): area of the animals in square pixels.
    individual_ids
        (B, N) int64: index of the individual in the project's order.
    boxes
        (B, N, 4): x, y, width and height of the animals.
    centers
        (B, N, 3): x, y and flag of the animals' centers, for networks that learn them; see :meth:`with_centers`.

    Raises
    ------
    ValueError
        If a shape or a dtype is wrong.
    """

    keypoints: Tensor
    unique: Tensor
    area: Tensor
    individual_ids: Tensor
    boxes: Tensor | None = None
    centers: Tensor | None = None

    def __post_init__(self) -> None:
        batch, animals = self.keypoints.shape[:2]
        expected = {
            "keypoints": (batch, animals, self.keypoints.shape[2], 3),
            "unique": (batch, self.unique.shape[1], 3),
            "area": (batch, animals),
            "individual_ids": (batch, animals),
        }
        if self.boxes is not None:
            expected["boxes"] = (batch, animals, 4)
        if self.centers is not None:
            expected["centers"] = (batch, animals, 3)
        for name, shape in expected.items():
            got = tuple(getattr(self, name).shape)
            if got != shape:
                raise ValueError(f"BatchLabels.{name}: expected shape {shape}, got {got}")
        if self.individual_ids.dtype != torch.int64:
            raise ValueError(f"BatchLabels.individual_ids: expected int64, got {self.individual_ids.dtype}")

    def __len__(self) -> int:
        return len(self.keypoints)

    def with_centers(self) -> BatchLabels:
        """Return the labels with the center of each animal: the mean of its visible keypoints, with flag 2 if any."""
        visible = self.keypoints[..., 2:] > 0
        count = visible.sum(2)  # (B, N, 1)
        mean = torch.where(visible, self.keypoints[..., :2], 0.0).sum(2) / count.clamp(min=1)
        return replace(self, centers=torch.cat([mean, 2.0 * (count > 0)], -1))

    def to(self, device: torch.device | str) -> BatchLabels:
        """Return the labels on another device."""
        present = {item.name: value for item in fields(self) if (value := getattr(self, item.name)) is not None}
        return BatchLabels(**{name: value.to(device, non_blocking=True) for name, value in present.items()})
