"""Losses of one batch: the forward pass of a training step in the chosen precision."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dlcx.engines.cpu_memory import memory_layout
from dlcx.engines.torch import PRECISIONS
from dlcx.nets.detectors.model import BoxDetector
from dlcx.nets.model import PoseModel
from dlcx.predictors.preprocessing import Scaling
from dlcx.training.batches import Batch


class PoseLossStep:
    """Compute the losses of a pose model on batches.

    Parameters
    ----------
    model
        The model, on ``device``; the caller switches between train() and eval().
    scaling
        Converts pixels to the network input.
    device
        Device of the model.
    precision
        ``fp32``, ``bf16`` or ``fp16``.
    compiled
        Whether to compile the model with torch.
    """

    def __init__(
        self,
        model: PoseModel,
        scaling: Scaling,
        device: torch.device,
        *,
        precision: str = "fp32",
        compiled: bool = False,
    ) -> None:
        self._model, self._device, self._dtype = model, device, PRECISIONS[precision]
        self._to_input, self._layout = to_input(scaling), memory_layout(model, device)
        # an epoch has at most two batch sizes; code for each is faster than dynamic code
        self._forward = torch.compile(model, dynamic=False) if compiled else model

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the losses ``<head>_<map>`` and ``total_loss``, float32 scalars."""
        images = self._to_input(batch.images.to(self._device, non_blocking=True))
        inputs = [images.contiguous(memory_format=self._layout)]
        if batch.conditions is not None:
            inputs.append(batch.conditions.to(self._device, non_blocking=True))
        with torch.autocast(self._device.type, dtype=self._dtype, enabled=self._dtype is not None):
            outputs = self._forward(*inputs)
        outputs = {head: {name: item.float() for name, item in maps.items()} for head, maps in outputs.items()}
        return self._model.loss(outputs, batch.labels.to(self._device))


class DetectorLossStep:
    """Compute the losses of a detector on batches; parameters as in :class:`PoseLossStep`."""

    def __init__(self, model: BoxDetector, scaling: Scaling, device: torch.device, *, precision: str = "fp32") -> None:
        self._model, self._device, self._dtype = model, device, PRECISIONS[precision]
        self._to_input = to_input(scaling)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return torchvision's losses and ``total_loss``, float32 scalars."""
        images = self._to_input(batch.images.to(self._device, non_blocking=True))
        boxes = batch.labels.to(self._device).boxes
        assert boxes is not None
        with torch.autocast(self._device.type, dtype=self._dtype, enabled=self._dtype is not None):
            losses = self._model.loss(images, boxes)
        return {name: value.float() for name, value in losses.items()}


def to_input(scaling: Scaling) -> Callable[[Tensor], Tensor]:
    """Return the function that converts pixels (B, H, W, 3), uint8, to network input (B, 3, H, W), float32, on their
    device.
    """

    def scaled(pixels: Tensor) -> Tensor:
        if pixels.device.type == "cpu":
            return scaling.scale_images(pixels.numpy(), pixels.device)
        return scaling(pixels.permute(0, 3, 1, 2).float())

    return scaled
