"""What a net is wrong by on a batch: the forward pass in training, in the precision that is asked for."""

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
    """Losses of a pose model on batches.

    Parameters
    ----------
    model
        On ``device``; whoever trains switches between train() and eval().
    scaling
        From pixels to the net's input.
    precision, compiled
        ``fp32``, ``bf16`` or ``fp16``, and whether torch compiles the model.
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
        # not dynamic: an epoch has two batch sizes at most, and code for each is quicker than code for any
        self._forward = torch.compile(model, dynamic=False) if compiled else model

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """``<head>_<map>`` and ``total_loss``, in float32."""
        images = self._to_input(batch.images.to(self._device, non_blocking=True))
        inputs = [images.contiguous(memory_format=self._layout)]
        if batch.conditions is not None:
            inputs.append(batch.conditions.to(self._device, non_blocking=True))
        with torch.autocast(self._device.type, dtype=self._dtype, enabled=self._dtype is not None):
            outputs = self._forward(*inputs)
        outputs = {head: {name: item.float() for name, item in maps.items()} for head, maps in outputs.items()}
        return self._model.loss(outputs, batch.labels.to(self._device))


class DetectorLossStep:
    """Losses of a detector on batches; the parameters are those of :class:`PoseLossStep`."""

    def __init__(self, model: BoxDetector, scaling: Scaling, device: torch.device, *, precision: str = "fp32") -> None:
        self._model, self._device, self._dtype = model, device, PRECISIONS[precision]
        self._to_input = to_input(scaling)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """torchvision's losses and ``total_loss``, in float32."""
        images = self._to_input(batch.images.to(self._device, non_blocking=True))
        boxes = batch.labels.to(self._device).boxes
        assert boxes is not None
        with torch.autocast(self._device.type, dtype=self._dtype, enabled=self._dtype is not None):
            losses = self._model.loss(images, boxes)
        return {name: value.float() for name, value in losses.items()}


def to_input(scaling: Scaling) -> Callable[[Tensor], Tensor]:
    """What turns pixels (B, H, W, 3) uint8 into the net's input (B, 3, H, W) float32, on their device."""

    def scaled(pixels: Tensor) -> Tensor:
        if pixels.device.type == "cpu":
            return scaling.of_bytes(pixels.numpy(), pixels.device)
        return scaling(pixels.permute(0, 3, 1, 2).float())

    return scaled
