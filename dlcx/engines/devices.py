"""Selection of the device that networks run on."""

from __future__ import annotations

import re

import torch

from dlcx.errors import DlcxError


def choose_device(name: str = "auto", net_type: str = "") -> torch.device:
    """Select a device of this machine.

    Parameters
    ----------
    name
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``. ``auto`` selects a CUDA device if there is one, otherwise
        Apple's mps for ResNets (it lacks operations of other networks), otherwise the CPU.
    net_type
        The network, for ``auto``.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    DlcxError
        If the name is unknown, or the machine does not have the device.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if "resnet" in net_type and torch.backends.mps.is_available() else "cpu")
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise DlcxError(f"--device {name}: no such device", hint="Choose from: auto, cpu, cuda, cuda:N, mps")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DlcxError(
            f"--device {name}: torch {torch.__version__} sees {torch.cuda.device_count()} CUDA device(s)",
            hint="Use --device cpu, or install a CUDA build of torch.",
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DlcxError("--device mps: not available on this machine or in this torch build", hint="Use --device cpu.")
    return device


def is_here(name: str) -> bool:
    """Whether this machine has a device."""
    try:
        choose_device(name)
    except DlcxError:
        return False
    return True
