"""Batch norms that become part of the convolutions before them: a pass of the maps less, the same but for rounding."""

from __future__ import annotations

import copy
import logging
import weakref
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights

from dlcx.engines.max_abs_difference import SHARE, largest_gap

logger = logging.getLogger(__name__)


def has_batch_norms(model: nn.Module) -> bool:
    """Whether there may be something to fold."""
    return any(isinstance(layer, _BatchNorm) for layer in model.modules())


@torch.inference_mode()
def fold_batch_norms(model: nn.Module, inputs: Sequence[Tensor]) -> nn.Module:
    """A copy of ``model``, which is in eval mode, whose convolutions do the work of the batch norms behind them.

    Which are behind which is seen while ``inputs`` pass; where the copy then answers otherwise to them, because a
    convolution's output goes elsewhere too, ``model`` itself is returned.
    """
    folded = copy.deepcopy(model)
    pairs, expected = _watched(folded, inputs)
    places = {layer: (parent, name) for parent in folded.modules() for name, layer in parent.named_children()}
    for convolution, norm in pairs:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        weights = fuse_conv_bn_weights(
            convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        convolution.weight, convolution.bias = weights
        parent, name = places[norm]
        setattr(parent, name, getattr(norm, "act", nn.Identity()))  # timm's batch norms activate, too
    gap = largest_gap(expected, folded(*inputs))
    if gap > SHARE:
        logger.debug("batch norms are not folded: maps would differ by %.2g of their highest value", gap)
        return model
    logger.debug("%d batch norms folded: maps differ by %.2g of their highest value", len(pairs), gap)
    return folded


def _watched(model: nn.Module, inputs: Sequence[Tensor]) -> tuple[list[tuple[nn.Conv2d, _BatchNorm]], Any]:
    """Convolutions and batch norms that pass once, one right behind the other; and what the model answers."""
    made: dict[int, tuple[nn.Conv2d, weakref.ref[Tensor]]] = {}
    seen: list[tuple[nn.Conv2d, _BatchNorm]] = []
    passes: Counter[nn.Module] = Counter()

    def after(layer: nn.Module, _: Any, output: Tensor) -> None:
        passes[layer] += 1
        if isinstance(layer, nn.Conv2d):
            made[id(output)] = layer, weakref.ref(output)
        else:
            made.pop(id(output), None)

    def before(layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        convolution, output = made.get(id(arguments[0]), (None, None))
        if convolution is not None and output is not None and output() is arguments[0]:
            assert isinstance(layer, _BatchNorm)
            seen.append((convolution, layer))

    hooks = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | _BatchNorm):
            hooks.append(layer.register_forward_hook(after))
        if isinstance(layer, _BatchNorm) and layer.track_running_stats:
            hooks.append(layer.register_forward_pre_hook(before))
    try:
        answer = model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [pair for pair in seen if all(passes[layer] == 1 for layer in pair)], answer
