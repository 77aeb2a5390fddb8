"""Creation of engines: PyTorch, eager or compiled, in full or mixed precision, or ONNX Runtime."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from dlcx.engines.batchnorm_folding import fold_batch_norms, has_batch_norms
from dlcx.engines.cpu_memory import keep_freed_memory, memory_layout
from dlcx.engines.onnx import Exported, OnnxEngine, check_onnx
from dlcx.errors import DlcxError, did_you_mean
from dlcx.progress import NETWORK_TIME

logger = logging.getLogger(__name__)

#: Runs a network: normalized images (B, 3, H, W) on the engine's device and, for conditional networks, conditions
#: (B, K, 3) -> maps, or the boxes of a detector.
Engine = Callable[..., Any]

ENGINES = ("torch", "compile", "onnx", "auto")
#: Messages of torch and ONNX Runtime when a CPU is out of memory.
OUT_OF_MEMORY = ("can't allocate memory", "Failed to allocate memory", "bad_alloc")
PRECISIONS: dict[str, torch.dtype | None] = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def create_engine(
    model: nn.Module,
    *,
    kind: str = "torch",
    device: torch.device | str = "cpu",
    precision: str = "fp32",
    exported: Exported = Exported(),
    frozen: bool = False,
) -> Engine:
    """Move a network to a device, set it to eval mode, and return a function that runs it.

    Parameters
    ----------
    model
        The network, changed in place. The engine uses its current weights and mode at each call, so that it can be
        trained between calls.
    kind
        ``torch``, ``compile`` or ``onnx``.
    device
        Device of the network.
    precision
        ``fp32``, ``bf16`` or ``fp16``.
    exported
        Where ``onnx`` keeps the network.
    frozen
        The weights will not change: use those of the first call, and fold batch norms into convolutions. Only in full
        precision, because mixed precision would round differently. ``onnx`` always does this.

    Returns
    -------
    Engine
        Splits a batch that does not fit into memory.

    Raises
    ------
    DlcxError
        If the kind or the precision is unknown or not available. ``auto`` is resolved by callers, which have images to
        measure engines with.
    """
    check_engine(kind, precision, device)
    if kind == "auto":
        raise DlcxError(
            "--engine auto: there are no images to measure engines with", hint="Choose from: torch, compile, onnx"
        )
    device, dtype = torch.device(device), PRECISIONS[precision]
    keep_freed_memory(device)
    layout = memory_layout(model, device)
    model.to(device).to(memory_format=layout).eval()

    def start(model: nn.Module) -> Engine:
        forward = torch.compile(model) if kind == "compile" else model

        @torch.inference_mode()
        def run(inputs: Tensor, *conditions: Tensor) -> Any:
            with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
                return forward(inputs.contiguous(memory_format=layout), *conditions)

        return run

    if kind == "onnx":
        return _Metered(_Halving(OnnxEngine(model, start(model), device, exported)))
    folds = frozen and dtype is None and has_batch_norms(model)
    return _Metered(_Halving(FoldedEngine(model, start) if folds else start(model)))


class _Metered:
    """Measures the time of the network; on a GPU it waits for the results, as decoding would anyway."""

    def __init__(self, run: Engine) -> None:
        self._run = run

    def __call__(self, inputs: Tensor, *conditions: Tensor) -> Any:
        """Run the engine."""
        started = perf_counter()
        found = self._run(inputs, *conditions)
        if inputs.device.type == "cuda":
            torch.cuda.synchronize(inputs.device)
        NETWORK_TIME.net += perf_counter() - started
        return found


class FoldedEngine:
    """Runs a copy of a network with folded batch norms, made at the first call.

    Parameters
    ----------
    model
        The network, in eval mode.
    start
        Creates the function that runs a network.
    """

    def __init__(self, model: nn.Module, start: Callable[[nn.Module], Callable[..., Any]]) -> None:
        self._model, self._start = model, start
        self._run: Callable[..., Any] | None = None

    def __call__(self, inputs: Tensor, *conditions: Tensor) -> Any:
        """Return the maps of the network."""
        if self._run is None:
            example = [each[:1] for each in (inputs, *conditions)]
            self._run = self._start(fold_batch_norms(self._model, example))
        return self._run(inputs, *conditions)


class _Halving:
    """Splits batches for which the device has too little memory, and remembers the size that fits."""

    def __init__(self, run: Engine) -> None:
        self._run = run
        self._max_batch: int | None = None

    def __call__(self, inputs: Tensor, *conditions: Tensor) -> Any:
        """Return the outputs of the batch, up to rounding."""
        count = len(inputs)
        if self._max_batch is None or count <= self._max_batch:
            reason = ""
            try:
                return self._run(inputs, *conditions)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error).strip().splitlines()[0]  # the exception would keep tensors alive
            if count <= 1:
                height, width = inputs.shape[-2:]
                raise DlcxError(
                    f"the device is out of memory for a single image of {width}x{height} pixels: {reason}",
                    hint="Use smaller images (data.inference.resize), --crop, --precision bf16, or another --device.",
                )
            self._max_batch = count // 2
            if inputs.device.type == "cuda":
                torch.cuda.empty_cache()
            logger.warning(
                "out of memory with a batch of %d images; continuing with %d (--batch-size %d avoids this)",
                count,
                self._max_batch,
                self._max_batch,
            )
        size = self._max_batch
        parts = [slice(start, start + size) for start in range(0, count, size)]
        return _concatenate([self(inputs[part], *(each[part] for each in conditions)) for part in parts])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that a device is out of memory."""
    message = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(words in message for words in OUT_OF_MEMORY)


def _concatenate(parts: Sequence[Any]) -> Any:
    """Concatenate the outputs of the parts of a batch: tensors (B, ...), lists of length B, and mappings of those."""
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(list(parts))
    if isinstance(first, Mapping):
        return {name: _concatenate([part[name] for part in parts]) for name in first}
    if isinstance(first, list):
        return [item for part in parts for item in part]
    if isinstance(first, tuple):
        return tuple(_concatenate(items) for items in zip(*parts, strict=True))
    raise TypeError(f"cannot concatenate {type(first).__name__}")


def check_engine(kind: str, precision: str, device: torch.device | str = "cpu") -> None:
    """Check that an engine is installed and supports a precision and a device.

    Raises
    ------
    DlcxError
        If the engine or the precision is unknown or not available; the message names the flag.
    """
    for flag, value, allowed in (("--engine", kind, ENGINES), ("--precision", precision, tuple(PRECISIONS))):
        if value not in allowed:
            raise DlcxError(f"{flag} {value}: unknown", hint=did_you_mean(value, allowed))
    if kind == "onnx":
        check_onnx(precision, torch.device(device))
