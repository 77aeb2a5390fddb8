"""Targets of heatmaps and of the offsets from their cells to the keypoint (location refinement).

Insafutdinov et al., DeeperCut (ECCV 2016). The grid of cells is that of :mod:`dlcx.heads.targets`.
Shapes: B images, N animals, K keypoints, C channels, D keypoints rendered into one channel, H x W cells.
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
    """Renders keypoints into heatmaps with one channel per keypoint, or one per individual.

    Parameters
    ----------
    gaussian
        Render exp(-d^2 / (2 (2/3 radius)^2)) at distance d; otherwise a plateau of 1 within ``radius``.
    radius
        In pixels of the network input.
    channels
        Number of keypoints or of individuals.
    individual
        Channels are individuals.
    gradient_masking, background_weight
        Give channels of keypoints that are not labeled the weight ``background_weight`` instead of 1. Channels with
        an undefined keypoint always have the weight 0.
    locref
        Generate offsets.
    locref_std
        Pixels per unit of the offsets.
    unique
        Render the unique bodyparts instead of the animals'.
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
        """Return the targets ``heatmap`` (B, C, H, W) and, with ``locref``, ``locref`` (B, 2C, H, W)."""
        keypoints = self._keypoints_by_channel(labels)
        x, y = cell_centers(height, width, stride, keypoints.device)
        visible = keypoints[..., 2] > 0
        dx = keypoints[..., 0, None] - x  # (B, C, D, W)
        dy = keypoints[..., 1, None] - y  # (B, C, D, H)
        squared_distance = dx.square()[..., None, :] + dy.square()[..., :, None]  # (B, C, D, H, W)
        near = (squared_distance <= self.radius**2) & visible[..., None, None]
        if self.gaussian:
            heat = torch.exp(squared_distance * (-0.5 / (2 / 3 * self.radius) ** 2))
            heat = torch.where(visible[..., None, None], heat, 0.0)
        else:
            heat = near.to(torch.float32)
        weights = self._channel_weights(keypoints[..., 2])[..., None, None].expand(-1, -1, height, width)
        targets = {"heatmap": Target(heat.amax(2), weights)}
        if self.locref:
            targets["locref"] = self._locref(dx, dy, near, visible)
        return targets

    def _keypoints_by_channel(self, labels: BatchLabels) -> Tensor:
        """Group keypoints (B, C, D, 3) by the channel that they are rendered into."""
        if not self.individual:
            return labels.unique[:, :, None] if self.unique else labels.keypoints.transpose(1, 2)
        points = labels.keypoints
        if labels.centers is not None:  # DeepLabCut counts centers as keypoints here
            points = torch.cat([points, labels.centers[:, :, None]], 2)
        batch, _, parts, _ = points.shape
        channels = points.new_zeros(batch, self.channels + 1, parts, 3)
        channels[..., 2] = UNDEFINED  # the channels of individuals that are not in the image are not trained
        index = torch.where(labels.individual_ids >= 0, labels.individual_ids, self.channels)
        channels.scatter_(1, index[:, :, None, None].expand(-1, -1, parts, 3), points)
        return channels[:, : self.channels]

    def _channel_weights(self, flags: Tensor) -> Tensor:
        """Weights (B, C) of the channels, from the flags (B, C, D) of their keypoints."""
        weights = (flags != UNDEFINED).all(-1).to(torch.float32)
        if self.gradient_masking:
            weights = torch.where((flags == 0).any(-1), self.background_weight, weights)
        return weights

    def _locref(self, dx: Tensor, dy: Tensor, near: Tensor, visible: Tensor) -> Target:
        """Offsets in units of ``locref_std``; of several keypoints in a channel the last one counts."""
        batch, channels, count, height, width = near.shape
        order = torch.arange(1, count + 1, device=near.device)
        writes = visible[..., None, None] if self.gaussian else near
        last = (writes * order[:, None, None]).amax(2)  # (B, C, H or 1, W or 1): 1 + index of the keypoint, 0 for none
        index = (last - 1).clamp(min=0).expand(batch, channels, height, width)[:, :, None]
        shape = (batch, channels, count, height, width)
        x = dx[..., None, :].expand(shape).gather(2, index)
        y = dy[..., :, None].expand(shape).gather(2, index)
        offsets = torch.cat([x, y], 2) / self.locref_std  # (B, C, 2, H, W)
        offsets = torch.where((last > 0)[:, :, None], offsets, 0.0)
        weights = near.any(2, keepdim=True).expand(-1, -1, 2, -1, -1).to(torch.float32)
        size = (batch, 2 * channels, height, width)
        return Target(offsets.reshape(size), weights.reshape(size))


def _builder(gaussian: bool) -> Callable[..., HeatmapTargets]:
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
    "HeatmapGaussianGenerator": _builder(gaussian=True),
    "HeatmapPlateauGenerator": _builder(gaussian=False),
}
