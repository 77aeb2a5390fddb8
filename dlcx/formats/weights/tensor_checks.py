"""What weights in a file must be before a net takes them: plain numbers of the net's kind, each of them finite.

torch files can hold tensors that no layer computes with (sparse, quantized, complex, without values), and layers
compute with nan and infinity without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from dlcx.errors import DlcxError

NOT_FINITE = "holds values that are not finite (nan or infinite)"
HINT = "The file is damaged, or the training that wrote it failed; use another snapshot, or train again."


def check_plain(tensors: Mapping[Any, Any], what: str) -> None:
    """Whether these are tensors by name, dense and with values; ``what`` names their file.

    Raises
    ------
    DlcxError
        Names the first that is something else.
    """
    for name, value in tensors.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise DlcxError(f"{what}: expected tensors by name, {name!r:.60} is {_article(type(value).__name__)}")
        if problem := _strange(value):
            raise DlcxError(f"{what}: {name} is {problem}, which no net computes with", hint=HINT)


def check_values(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], what: str) -> None:
    """Whether plain tensors can take the place of the net's ``own`` ones of the same names.

    Floating-point numbers of any width become those of the net.

    Raises
    ------
    DlcxError
        Names the first that holds another kind of number, or values that are not finite.
    """
    for name, value in tensors.items():
        if problem := _unfit(value, own[name]):
            raise DlcxError(f"{what}: {name} {problem}", hint=HINT)


def _unfit(value: Tensor, own: Tensor) -> str | None:
    """Why a tensor cannot take the place of the net's own one; None where it can."""
    kind, wanted = (str(tensor.dtype).removeprefix("torch.") for tensor in (value, own))
    if value.is_floating_point() != own.is_floating_point() or (value.dtype == torch.bool) != (own.dtype == torch.bool):
        return f"holds {kind}, the net {wanted}"
    if not own.is_floating_point() or own.device.type == "meta":
        return None
    bad = int((~value.to(own.dtype).isfinite()).sum())
    if not bad or not own.isfinite().all():  # masks may hold infinity
        return None
    return f"holds {bad} of {value.numel()} values that are not finite (nan or infinite)"


#: Entries of torch's optimizers that hold a number for every one of a parameter.
ELEMENTWISE = frozenset(
    {
        *("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "momentum_buffer", "square_avg", "acc_delta"),
        *("grad_avg", "ax", "sum", "prev", "step_size"),
    }
)


def check_moments(state: Mapping[str, Any], parameters: Iterable[tuple[str, Tensor]], what: str) -> None:
    """Whether an optimizer's state dict holds numbers for these parameters: finite, and as many as are needed.

    Raises
    ------
    DlcxError
        Names the first parameter for which it does not.
    """
    named = dict(enumerate(parameters))
    for number, moments in state["state"].items():
        if number not in named:
            raise DlcxError(
                f"{what}: the optimizer knows a parameter {number!r:.20}, the net has {len(named)}", hint=HINT
            )
        name, parameter = named[number]
        for key, value in moments.items():
            if isinstance(value, Tensor) and (
                problem := _unusable(value, parameter.shape if key in ELEMENTWISE else None)
            ):
                raise DlcxError(f"{what}: the optimizer's {key} of {name} {problem}", hint=HINT)


def _unusable(value: Tensor, shape: torch.Size | None) -> str | None:
    """Why an entry of an optimizer cannot be used; ``shape``: what it must have."""
    if problem := _strange(value):
        return f"is {problem}"
    if shape is not None and value.shape != shape:
        return f"has shape {tuple(value.shape)}, needed is {tuple(shape)}"
    return None if value.isfinite().all() else NOT_FINITE


def _strange(value: Tensor) -> str | None:
    """What kind of tensor this is, where it is none that layers compute with."""
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
