"""Checks of weights from a file before a network uses them: dense tensors of the right type with finite values.

Files of torch can hold tensors that layers cannot compute with (sparse, quantized, complex, without values), and layers
compute with nan and infinity without an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from dlcx.errors import DlcxError

NOT_FINITE = "holds values that are not finite (nan or infinite)"
HINT = "The file is damaged, or the training that wrote it failed. Use another snapshot, or train again."


def check_plain(tensors: Mapping[Any, Any], what: str) -> None:
    """Check that a state dict consists of dense tensors with values.

    Parameters
    ----------
    tensors
        Tensors by name.
    what
        The file, for messages.

    Raises
    ------
    DlcxError
        If an entry is anything else.
    """
    for name, value in tensors.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise DlcxError(f"{what}: expected tensors by name, {name!r:.60} is {_article(type(value).__name__)}")
        if problem := _strange(value):
            raise DlcxError(f"{what}: {name} is {problem}, which networks cannot compute with", hint=HINT)


def check_values(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], what: str) -> None:
    """Check that tensors can replace those of a network.

    Floating-point numbers of any width are accepted.

    Parameters
    ----------
    tensors
        Tensors by name, dense and with values.
    own
        The network's tensors of the same names.
    what
        The file, for messages.

    Raises
    ------
    DlcxError
        If a tensor has another kind of numbers, or values that are not finite.
    """
    for name, value in tensors.items():
        if problem := _unfit(value, own[name]):
            raise DlcxError(f"{what}: {name} {problem}", hint=HINT)


def _unfit(value: Tensor, own: Tensor) -> str | None:
    """Return why a tensor cannot replace that of the network, or None."""
    kind, wanted = (str(tensor.dtype).removeprefix("torch.") for tensor in (value, own))
    if value.is_floating_point() != own.is_floating_point() or (value.dtype == torch.bool) != (own.dtype == torch.bool):
        return f"holds {kind}, the network {wanted}"
    if not own.is_floating_point() or own.device.type == "meta":
        return None
    bad = int((~value.to(own.dtype).isfinite()).sum())
    if not bad or not own.isfinite().all():  # masks may hold infinity
        return None
    return f"holds {bad} of {value.numel()} values that are not finite (nan or infinite)"


#: Entries of torch's optimizers that have the shape of their parameter.
ELEMENTWISE = frozenset(
    {
        *("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "momentum_buffer", "square_avg", "acc_delta"),
        *("grad_avg", "ax", "sum", "prev", "step_size"),
    }
)


def check_moments(state: Mapping[str, Any], parameters: Iterable[tuple[str, Tensor]], what: str) -> None:
    """Check that the state dict of an optimizer fits the parameters of a network and is finite.

    Parameters
    ----------
    state
        State dict of the optimizer.
    parameters
        Names and parameters of the network, in the order of the optimizer.
    what
        The file, for messages.

    Raises
    ------
    DlcxError
        If an entry has another shape or values that are not finite, or belongs to no parameter.
    """
    named = dict(enumerate(parameters))
    for number, moments in state["state"].items():
        if number not in named:
            raise DlcxError(
                f"{what}: the optimizer has a parameter {number!r:.20}, the network has {len(named)}", hint=HINT
            )
        name, parameter = named[number]
        for key, value in moments.items():
            if isinstance(value, Tensor) and (
                problem := _unusable(value, parameter.shape if key in ELEMENTWISE else None)
            ):
                raise DlcxError(f"{what}: the optimizer's {key} of {name} {problem}", hint=HINT)


def _unusable(value: Tensor, shape: torch.Size | None) -> str | None:
    """Return why an entry of an optimizer cannot be used, or None; ``shape`` is the expected one."""
    if problem := _strange(value):
        return f"is {problem}"
    if shape is not None and value.shape != shape:
        return f"has shape {tuple(value.shape)}, expected {tuple(shape)}"
    return None if value.isfinite().all() else NOT_FINITE


def _strange(value: Tensor) -> str | None:
    """Return the kind of a tensor that layers cannot compute with, or None."""
    if value.is_nested:
        return "a nested tensor"
    if value.layout != torch.strided:
        return f"a sparse tensor ({str(value.layout).removeprefix('torch.')})"
    if value.is_quantized:
        return f"a quantized tensor ({str(value.dtype).removeprefix('torch.')})"
    if value.is_complex():
        return f"a complex tensor ({str(value.dtype).removeprefix('torch.')})"
    return "a tensor without values (meta)" if value.is_meta else None


def _article(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"
