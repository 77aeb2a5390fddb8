"""Options for the device and engine that run a network."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from dlcx.options.base import Options, option
from dlcx.options.formats import BATCH_SIZE
from dlcx.options.limits import whole

Engine = Literal["torch", "compile", "onnx", "auto"]
Precision = Literal["fp32", "bf16", "fp16"]
BATCH = whole(1, 10**5)


@dataclass(frozen=True, kw_only=True)
class DeviceOptions(Options):
    """The device."""

    panel: ClassVar[str] = "Computation"

    device: str = option("auto", "Device that runs the network.", metavar="auto|cpu|cuda|cuda:N|mps")


@dataclass(frozen=True, kw_only=True)
class EngineOptions(DeviceOptions):
    """Device and engine."""

    panel: ClassVar[str] = "Computation"

    engine: Engine | None = option(
        None,
        "How the network runs: PyTorch, torch.compile, ONNX Runtime, or the fastest of them that finds the same "
        "keypoints (auto).",
        show_default="torch, or compile if the shuffle's inference.compile is enabled",
    )


@dataclass(frozen=True, kw_only=True)
class ComputeOptions(EngineOptions):
    """Everything besides the network that predictions may depend on."""

    panel: ClassVar[str] = "Computation"

    precision: Precision | None = option(
        None,
        "Floating-point precision.",
        show_default="fp32, or half precision if the shuffle's inference.autocast is enabled",
    )
    batch_size: int | Literal["auto"] | None = option(
        None,
        "Frames per forward pass; auto tries several sizes on the first frames.",
        limits=BATCH,
        format=BATCH_SIZE,
        show_default="config.yaml's batch_size",
    )
