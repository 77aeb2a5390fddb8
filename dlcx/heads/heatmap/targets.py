"""Where a heatmap should be high, and the offsets from its cells to the keypoint (location refinement).

Cell (i, j) of a map of stride s stands for the pixel x = j s + s/2, y = i s + s/2 of the network input.
Shapes: B images, N animals, K keypoints, C channels of the map, D keypoints drawn into one channel, H x W cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dlcx.errors import DlcxError, did_you_mean
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.targets import UNDEFINED, Target, cell_centers


@dataclass(frozen=True)
class HeatmapTargets:
    """Draws keypoints into heatmaps, one channel a keypoint or one an individual.

    ``gaussian``: exp(-d^2 / (2 (2/3 radius)^2)); else a plateau of 1 within ``radius`` pixels.
    With ``gradient_masking`` a channel of a keypoint that is not labelled weighs ``background_weight`` instead of 1;
    a channel with an undefined keypoint always weighs 0.
    """

    gaussian: bool
    radius: float
    channels: int
    individual: bool = False
    gradient_masking: bool = False
    background_weight: float = 0.1
    locref: bool = True
    locref_std: float = 7.2801
    unique: bool = False

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Targets ``heatmap`` (B, C, H, W) and, if asked for, ``locref`` (B, 2C, H, W) for maps of that size."""
        drawn = self._drawn(labels)
        x, y = cell_centers(height, width, stride, drawn.device)
        visible = drawn[..., 2] > 0
        dx = drawn[..., 0, None] - x  # (B, C, D, W)
        dy = drawn[..., 1, None] - y  # (B, C, D, H)
        squared = dx.square()[..., None, :] + dy.square()[..., :, None]  # (B, C, D, H, W)
        near = (squared <= self.radius**2) & visible[..., None, None]
        if self.gaussian:
            heat = torch.exp(squared * (-0.5 / (2 / 3 * self.radius) ** 2))
            heat = torch.where(visible[..., None, None], heat, 0.0)
        else:
            heat = near.to(torch.float32)
        weights = self._weights(drawn[..., 2])[..., None, None].expand(-1, -1, height, width)
        targets = {"heatmap": Target(heat.amax(2), weights)}
        if self.locref:
            targets["locref"] = self._locref(dx, dy, near, visible)
        return targets

    def _drawn(self, labels: BatchLabels) -> Tensor:
        """Keypoints (B, C, D, 3) by the channel that they are drawn into."""
        if not self.individual:
            return labels.unique[:, :, None] if self.unique else labels.keypoints.transpose(1, 2)
        points = labels.keypoints
        if labels.centres is not None:  # DeepLabCut has them among the keypoints
            points = torch.cat([points, labels.centres[:, :, None]], 2)
        batch, _, parts, _ = points.shape
        rows = points.new_zeros(batch, self.channels + 1, parts, 3)
        rows[..., 2] = UNDEFINED  # an individual that the image does not show says nothing about its map
        slots = torch.where(labels.individual_ids >= 0, labels.individual_ids, self.channels)
        rows.scatter_(1, slots[:, :, None, None].expand(-1, -1, parts, 3), points)
        return rows[:, : self.channels]

    def _weights(self, flags: Tensor) -> Tensor:
        """Weight of each channel (B, C) from the flags (B, C, D) of what is drawn in it."""
        weights = (flags != UNDEFINED).all(-1).to(torch.float32)
        if self.gradient_masking:
            weights = torch.where((flags == 0).any(-1), self.background_weight, weights)
        return weights

    def _locref(self, dx: Tensor, dy: Tensor, near: Tensor, visible: Tensor) -> Target:
        """Offsets in units of ``locref_std``; where several keypoints share a channel the last one is taken."""
        batch, channels, drawn, height, width = near.shape
        order = torch.arange(1, drawn + 1, device=near.device)
        writes = visible[..., None, None] if self.gaussian else near
        last = (writes * order[:, None, None]).amax(2)  # (B, C, H or 1, W or 1): 0 for none, else 1 + its place
        place = (last - 1).clamp(min=0).expand(batch, channels, height, width)[:, :, None]
        shape = (batch, channels, drawn, height, width)
        x = dx[..., None, :].expand(shape).gather(2, place)
        y = dy[..., :, None].expand(shape).gather(2, place)
        offsets = torch.cat([x, y], 2) / self.locref_std  # (B, C, 2, H, W)
        offsets = torch.where((last > 0)[:, :, None], offsets, 0.0)
        counts = near.any(2, keepdim=True).expand(-1, -1, 2, -1, -1).to(torch.float32)
        size = (batch, 2 * channels, height, width)
        return Target(offsets.reshape(size), counts.reshape(size))


def _generator(gaussian: bool) -> Callable[..., HeatmapTargets]:
    def build(
        num_heatmaps: int,
        pos_dist_thresh: float,
        heatmap_mode: str = "KEYPOINT",
        gradient_masking: bool = False,
        background_weight: float = 0.1,
        generate_locref: bool = True,
        locref_std: float = 7.2801,
        label_keypoint_key: str = "keypoints",
    ) -> HeatmapTargets:
        for key, value, allowed in (
            ("heatmap_mode", heatmap_mode, ("KEYPOINT", "INDIVIDUAL")),
            ("label_keypoint_key", label_keypoint_key, ("keypoints", "keypoints_unique")),
        ):
            if value not in allowed:
                raise DlcxError(f"target_generator.{key}: unknown '{value}'", hint=did_you_mean(value, allowed))
        return HeatmapTargets(
            gaussian=gaussian,
            radius=pos_dist_thresh,
            channels=num_heatmaps,
            individual=heatmap_mode == "INDIVIDUAL",
            gradient_masking=gradient_masking,
            background_weight=background_weight,
            locref=generate_locref,
            locref_std=locref_std,
            unique=label_keypoint_key == "keypoints_unique",
        )

    return build


#: ``type`` of a block ``target_generator`` in pytorch_config.yaml.
TARGETS: dict[str, Callable[..., HeatmapTargets]] = {
    "HeatmapGaussianGenerator": _generator(gaussian=True),
    "HeatmapPlateauGenerator": _generator(gaussian=False),
}
