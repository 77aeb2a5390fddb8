"""Folding of batch norms into the convolutions before them, which saves a pass over each feature map."""

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

from dlcx.engines.max_abs_difference import MAX_RELATIVE_DIFFERENCE, max_relative_difference

logger = logging.getLogger(__name__)


def has_batch_norms(model: nn.Module) -> bool:
    """Whether a network has batch norms."""
    return any(isinstance(layer, _BatchNorm) for layer in model.modules())


@torch.inference_mode()
def fold_batch_norms(model: nn.Module, inputs: Sequence[Tensor]) -> nn.Module:
    """Fold batch norms into the convolutions whose output is their only input.

    Parameters
    ----------
    model
        A network in eval mode. It is not changed.
    inputs
        Example input, from which the order of layers is observed.

    Returns
    -------
    nn.Module
        A folded copy. If its outputs for ``inputs`` differ, because the output of a convolution is used elsewhere too,
        ``model`` itself.
    """
    folded = copy.deepcopy(model)
    pairs, expected = _observe(folded, inputs)
    parents = {layer: (parent, name) for parent in folded.modules() for name, layer in parent.named_children()}
    for convolution, norm in pairs:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        weights = fuse_conv_bn_weights(
            convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        convolution.weight, convolution.bias = weights
        parent, name = parents[norm]
        setattr(parent, name, getattr(norm, "act", nn.Identity()))  # timm's batch norms include the activation
    difference = max_relative_difference(expected, folded(*inputs))
    if difference > MAX_RELATIVE_DIFFERENCE:
        logger.debug("batch norms are not folded: maps would differ by %.2g of their maximum", difference)
        return model
    logger.debug("%d batch norms folded: maps differ by %.2g of their maximum", len(pairs), difference)
    return folded


def _observe(model: nn.Module, inputs: Sequence[Tensor]) -> tuple[list[tuple[nn.Conv2d, _BatchNorm]], Any]:
    """Pairs of a convolution and the batch norm on its output that run exactly once, and the outputs of the network."""
    produced: dict[int, tuple[nn.Conv2d, weakref.ref[Tensor]]] = {}
    pairs: list[tuple[nn.Conv2d, _BatchNorm]] = []
    calls: Counter[nn.Module] = Counter()

    def after(layer: nn.Module, _: Any, output: Tensor) -> None:
        calls[layer] += 1
        if isinstance(layer, nn.Conv2d):
            produced[id(output)] = layer, weakref.ref(output)
        else:
            produced.pop(id(output), None)

    def before(layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        convolution, output = produced.get(id(arguments[0]), (None, None))
        if convolution is not None and output is not None and output() is arguments[0]:
            assert isinstance(layer, _BatchNorm)
            pairs.append((convolution, layer))

    hooks = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | _BatchNorm):
            hooks.append(layer.register_forward_hook(after))
        if isinstance(layer, _BatchNorm) and layer.track_running_stats:
            hooks.append(layer.register_forward_pre_hook(before))
    try:
        outputs = model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [pair for pair in pairs if all(calls[layer] == 1 for layer in pair)], outputs
