"""Initial weights of heads."""

from __future__ import annotations

from torch import nn

from dlcx.errors import DlcxError


def initialize_weights(head: nn.Module, method: str | None, where: str, *, name: str = "normal") -> None:
    """Initialize a head as ``weight_init`` of its block says.

    Parameters
    ----------
    head
        The module whose parameters are initialized in place, those of batch norms included.
    method
        ``name`` draws weights from N(0, 0.001) and sets biases to 0. None keeps PyTorch's initial weights.
    where
        Place of the key in pytorch_config.yaml, for the error message.
    name
        What the block of this kind of head calls the method.

    Raises
    ------
    DlcxError
        If ``method`` is neither ``name`` nor None.
    """
    if method is None:
        return
    if method != name:
        raise DlcxError(f"{where}: expected '{name}' or nothing, got '{method}'")
    for parameter_name, parameter in head.named_parameters():
        if parameter_name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, std=0.001)
