"""Forward passes by torch, eager or compiled, in full or mixed precision; by ONNX Runtime where asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from dlcx.engines.batchnorm_folding import fold_batch_norms, has_batch_norms
from dlcx.engines.cpu_memory import keep_memory, memory_layout
from dlcx.engines.onnx import Exported, OnnxEngine, check_onnx
from dlcx.errors import DlcxError, did_you_mean
from dlcx.progress import NETWORK_TIME

logger = logging.getLogger(__name__)

#: Normalised images (B, 3, H, W) on the engine's device, for conditional nets also conditions (B, K, 3) -> maps; of a
#: detector, boxes.
Engine = Callable[..., Any]

ENGINES = ("torch", "compile", "onnx", "auto")
#: How torch and ONNX Runtime say on a CPU that memory is short.
NO_MEMORY = ("can't allocate memory", "Failed to allocate memory", "bad_alloc")
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
    """Move ``model`` to ``device``, in eval mode, and return how to call it.

    The engine runs the model as it is at each call: training may go on between calls, and whoever trains switches
    between train() and eval().  Where it is ``frozen``, the weights of the first call are run, with batch norms folded
    into convolutions (in full precision; mixed would round otherwise).  ``onnx`` does so in any case, and keeps them as
    ``exported`` says.

    Raises
    ------
    DlcxError
        For an unknown kind or precision, or one that cannot be had; ``auto`` is chosen by who has images to try.
    """
    check_engine(kind, precision, device)
    if kind == "auto":
        raise DlcxError(
            "--engine auto: there are no images to try engines with", hint="Choose from: torch, compile, onnx"
        )
    device, dtype = torch.device(device), PRECISIONS[precision]
    keep_memory(device)
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
    """Counts the time as the net's; on a GPU up to when the results are there, which decoding would wait for anyway."""

    def __init__(self, run: Engine) -> None:
        self._run = run

    def __call__(self, inputs: Tensor, *conditions: Tensor) -> Any:
        """As the engine."""
        started = perf_counter()
        found = self._run(inputs, *conditions)
        if inputs.device.type == "cuda":
            torch.cuda.synchronize(inputs.device)
        NETWORK_TIME.net += perf_counter() - started
        return found


class FoldedEngine:
    """Runs a folded copy of ``model``, made at the first call; ``start`` says how a model is run."""

    def __init__(self, model: nn.Module, start: Callable[[nn.Module], Callable[..., Any]]) -> None:
        self._model, self._start = model, start
        self._run: Callable[..., Any] | None = None

    def __call__(self, inputs: Tensor, *conditions: Tensor) -> Any:
        """Maps as of the model."""
        if self._run is None:
            first = [each[:1] for each in (inputs, *conditions)]
            self._run = self._start(fold_batch_norms(self._model, first))
        return self._run(inputs, *conditions)


class _Halving:
    """Runs a batch in parts where the device has too little memory for the whole; what fitted is remembered."""

    def __init__(self, run: Engine) -> None:
        self._run = run
        self._most: int | None = None

    def __call__(self, inputs: Tensor, *conditions: Tensor) -> Any:
        """The same as of the whole batch, but for the last digits."""
        count = len(inputs)
        if self._most is None or count <= self._most:
            reason = ""
            try:
                return self._run(inputs, *conditions)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error).strip().splitlines()[0]  # the error itself holds on to tensors
            if count <= 1:
                height, width = inputs.shape[-2:]
                raise DlcxError(
                    f"the device is out of memory for a single image of {width}x{height} pixels: {reason}",
                    hint="Use smaller images (data.inference.resize), --crop, --precision bf16, or another --device.",
                )
            self._most = count // 2
            if inputs.device.type == "cuda":
                torch.cuda.empty_cache()
            logger.warning(
                "out of memory with %d images at a time: goes on with %d; --batch-size %d avoids this",
                count,
                self._most,
                self._most,
            )
        size = self._most  # may become smaller on the way
        parts = [slice(start, start + size) for start in range(0, count, size)]
        return _joined([self(inputs[part], *(each[part] for each in conditions)) for part in parts])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch could not get the memory that it asked for, on any device."""
    said = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(words in said for words in NO_MEMORY)


def _joined(parts: Sequence[Any]) -> Any:
    """Outputs of the parts of a batch as one: tensors (B, ...), lists of B, and mappings of those."""
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(list(parts))
    if isinstance(first, Mapping):
        return {name: _joined([part[name] for part in parts]) for name in first}
    if isinstance(first, list):
        return [item for part in parts for item in part]
    if isinstance(first, tuple):
        return tuple(_joined(items) for items in zip(*parts, strict=True))
    raise TypeError(f"cannot join {type(first).__name__}")


def check_engine(kind: str, precision: str, device: torch.device | str = "cpu") -> None:
    """Whether there is such an engine, installed, for this precision and device.

    Raises
    ------
    DlcxError
        Names the flag and the nearest right word.
    """
    for flag, value, allowed in (("--engine", kind, ENGINES), ("--precision", precision, tuple(PRECISIONS))):
        if value not in allowed:
            raise DlcxError(f"{flag} {value}: unknown", hint=did_you_mean(value, allowed))
    if kind == "onnx":
        check_onnx(precision, torch.device(device))
