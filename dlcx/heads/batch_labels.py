"""Labels of a batch as the heads want them: padded tensors in pixels of the network input."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class BatchLabels:
    """What is labelled in the B images of a batch, N animals at most, padded with flag 0 and id -1.

    keypoints (B, N, K, 3) and unique (B, U, 3) hold x, y and a flag: above 0 visible (coordinates must be finite),
    0 not labelled, -1 bodypart undefined in this image.  area (B, N) in square pixels, individual_ids (B, N) int64
    the index of the individual in the project's order, boxes (B, N, 4) x, y, width and height of the animals.
    centres (B, N, 3), x, y and a flag, where a net learns them beside the keypoints; see :meth:`with_centres`.
    """

    keypoints: Tensor
    unique: Tensor
    area: Tensor
    individual_ids: Tensor
    boxes: Tensor | None = None
    centres: Tensor | None = None

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
        if self.centres is not None:
            expected["centres"] = (batch, animals, 3)
        for name, shape in expected.items():
            got = tuple(getattr(self, name).shape)
            if got != shape:
                raise ValueError(f"BatchLabels.{name}: expected shape {shape}, got {got}")
        if self.individual_ids.dtype != torch.int64:
            raise ValueError(f"BatchLabels.individual_ids: expected int64, got {self.individual_ids.dtype}")

    def __len__(self) -> int:
        return len(self.keypoints)

    def with_centres(self) -> BatchLabels:
        """The same labels, and for each animal the mean of its visible keypoints, with flag 2 where there are any."""
        visible = self.keypoints[..., 2:] > 0
        count = visible.sum(2)  # (B, N, 1)
        middle = torch.where(visible, self.keypoints[..., :2], 0.0).sum(2) / count.clamp(min=1)
        return replace(self, centres=torch.cat([middle, 2.0 * (count > 0)], -1))

    def to(self, device: torch.device | str) -> BatchLabels:
        """The same labels on another device."""
        given = {item.name: value for item in fields(self) if (value := getattr(self, item.name)) is not None}
        return BatchLabels(**{name: value.to(device, non_blocking=True) for name, value in given.items()})
