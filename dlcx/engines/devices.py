"""Which device the numbers are crunched on."""

from __future__ import annotations

import re

import torch

from dlcx.errors import DlcxError


def choose_device(name: str = "auto", net_type: str = "") -> torch.device:
    """The device that ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps`` means on this machine.

    ``auto`` takes a CUDA device, else Apple's mps for ResNets (others lack operations there), else the CPU.

    Raises
    ------
    DlcxError
        When the name is none of these, or the machine has no such device.
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
        raise DlcxError("--device mps: this machine or build of torch has none", hint="Use --device cpu.")
    return device


def is_here(name: str) -> bool:
    """Whether this machine has the device."""
    try:
        choose_device(name)
    except DlcxError:
        return False
    return True
