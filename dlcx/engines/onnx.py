"""Forward passes with ONNX Runtime. The network is exported once, and its results are checked against torch's.

The file contains the weights. It accepts batches of any size and, for bottom-up networks, images of any size. Its
outputs are named ``HEAD.MAP``.
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlcx.engines.max_abs_difference import MAX_RELATIVE_DIFFERENCE, max_relative_difference
from dlcx.engines.onnx_files import first_line, read_model, write_onnx
from dlcx.errors import DlcxError
from dlcx.heads.protocol import Outputs
from dlcx.poses import Instances, Prediction

logger = logging.getLogger(__name__)

#: Modules that must be installed.
REQUIRED_MODULES = ("onnxruntime", "onnx", "onnxscript")
#: Execution providers of ONNX Runtime by device, best first.
PROVIDERS = {
    "cpu": ("OpenVINOExecutionProvider", "CPUExecutionProvider"),
    "cuda": ("TensorrtExecutionProvider", "CUDAExecutionProvider"),
    "mps": ("CoreMLExecutionProvider",),
}
#: Tolerated difference of keypoints from torch's, in pixels of the network input.
MAX_PIXELS = 0.01


@dataclass(frozen=True)
class Exported:
    """How a network is exported.

    Parameters
    ----------
    path
        File that keeps the network; None for none.
    any_size
        The network accepts images of any size, rather than crops of one size.
    """

    path: Path | None = None
    any_size: bool = False


class OnnxEngine:
    """Runs a network in ONNX Runtime.

    The first input of each size is also run with torch, to compare the results. If the file cannot be written, every
    process exports the network again.

    Parameters
    ----------
    model
        The network.
    eager
        Runs it with torch.
    device
        Device of inputs and outputs.
    exported
        How it is exported.

    Raises
    ------
    DlcxError
        On the first call, if the network cannot be exported or the results differ from torch's.
    """

    def __init__(self, model: nn.Module, eager: Any, device: torch.device, exported: Exported) -> None:
        self.model, self.eager, self.device, self.exported = model, eager, device, exported
        self._session: Any = None
        self._compared: set[tuple[int, ...]] = set()

    def __call__(self, inputs: Tensor, *conditions: Tensor) -> Outputs:
        """Return the maps of the network on its device."""
        if self._session is None:
            self._session = self._open((inputs, *conditions))
        _check_size(self._session, inputs)
        found = run_session(self._session, (inputs, *conditions), self.device)
        if (size := tuple(inputs.shape[2:])) not in self._compared:
            difference = compare(self.model, self.eager(inputs, *conditions), found)
            if not difference.is_small:
                raise DlcxError(
                    f"--engine onnx: the results of this network differ from those of torch: {difference.text()}",
                    hint="Use --engine torch.",
                )
            self._compared.add(size)
        return found

    def _open(self, inputs: Sequence[Tensor]) -> Any:
        path = self.exported.path
        if path is not None and path.is_file():
            try:
                return open_session(read_model(path), self.device)
            except Exception as error:  # ONNX Runtime has many exceptions for damaged files
                logger.warning("%s cannot be used and is exported again: %s", path, first_line(error))
        logger.info("exporting the network to ONNX")
        try:
            content = export(self.model, inputs, any_size=self.exported.any_size)
        except DlcxError as error:
            raise DlcxError(f"--engine onnx: {error}", hint="Use --engine torch.") from error
        session = open_session(content, self.device)
        if path is not None:
            try:
                write_onnx(path, content)
            except DlcxError as error:
                logger.warning("the exported network cannot be kept: %s", error)
        return session


class EngineDifference:
    """Difference between the results of ONNX Runtime and torch.

    Parameters
    ----------
    maps
        Maximum difference of maps, relative to their maximum.
    pixels
        Maximum distance of keypoints in pixels of the network input.
    """

    def __init__(self, maps: float, pixels: float) -> None:
        self.maps, self.pixels = maps, pixels

    @property
    def is_small(self) -> bool:
        """Whether both are tolerated; nan is not."""
        return self.maps <= MAX_RELATIVE_DIFFERENCE and self.pixels <= MAX_PIXELS

    def text(self) -> str:
        """Return both differences and the tolerated ones as text."""
        return (
            f"maps differ by up to {self.maps:.2g} of their maximum (allowed: {MAX_RELATIVE_DIFFERENCE:g}), "
            f"keypoints by up to {self.pixels:.2g} px (allowed: {MAX_PIXELS:g})"
        )

    def maximum(self, other: EngineDifference) -> EngineDifference:
        """Return the larger of both differences."""
        return EngineDifference(max(self.maps, other.maps), max(self.pixels, other.pixels))


def compare(model: nn.Module, expected: Outputs, found: Outputs) -> EngineDifference:
    """Compare maps of the same input, and the keypoints that ``model`` decodes from them."""
    maps = max_relative_difference(expected, found)
    if not np.isfinite(maps):
        return EngineDifference(np.inf, np.inf)
    decode: Any = model.decode
    return EngineDifference(maps, max_keypoint_distance(decode(expected), decode(found)))


def max_keypoint_distance(one: Sequence[Prediction], other: Sequence[Prediction]) -> float:
    """Return the maximum distance between keypoints of two predictions of the same images.

    Returns
    -------
    float
        In pixels of the predictions; inf if they contain different animals or keypoints.
    """
    pairs: list[tuple[Instances | None, Instances | None]] = []
    for a, b in zip(one, other, strict=True):
        pairs += [(a.animals, b.animals), (a.unique, b.unique)]
    maximum = 0.0
    for first, second in pairs:
        if first is None or second is None:
            continue
        if first.xy.shape != second.xy.shape or (np.isnan(first.xy) != np.isnan(second.xy)).any():
            return np.inf
        distance = np.linalg.norm(first.xy - second.xy, axis=-1)
        maximum = max(maximum, float(distance[np.isfinite(distance)].max(initial=0.0)))
    return maximum


def export(model: nn.Module, inputs: Sequence[Tensor], *, any_size: bool = False) -> bytes:
    """Export a network to ONNX.

    Parameters
    ----------
    model
        The network.
    inputs
        Example input: images (B, 3, H, W) and, for conditional networks, conditions (B, K, 3).
    any_size
        Accept images of any size, if the network supports it.

    Returns
    -------
    bytes
        The content of the file.

    Raises
    ------
    DlcxError
        If torch's exporter does not support the network.
    """
    auto = torch.export.Dim.AUTO
    batch = tuple({0: auto} for _ in inputs)
    attempts = [({0: auto, 2: auto, 3: auto}, *batch[1:]), batch] if any_size else [batch]
    with torch.inference_mode(False), torch.no_grad(), _quiet():
        example = tuple(tensor[:1].detach().clone().expand(2, *tensor.shape[1:]).contiguous() for tensor in inputs)
        flat = _Flat(model).eval()
        flat(*example)  # sets the names of its outputs
        names = ["images", *(["conditions"] if len(inputs) > 1 else [])]
        for dimensions in attempts:  # some networks accept only one image size
            try:
                program = torch.onnx.export(
                    flat,
                    example,
                    dynamo=True,
                    dynamic_shapes=(dimensions,),
                    input_names=names,
                    output_names=list(flat.names),
                    verbose=False,
                )
                break
            except Exception as error:  # the exporter has many exceptions
                reason = error
        else:
            message = first_line(reason)
            raise DlcxError(f"torch {torch.__version__} cannot export this network to ONNX: {message}") from reason
    assert program is not None
    return bytes(program.model_proto.SerializeToString())


def open_session(content: bytes, device: torch.device) -> Any:
    """Open a session with torch's number of threads and the best installed provider for a device."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    chosen: list[Any] = [
        (name, {"device_id": device.index or 0}) if device.type == "cuda" else name for name in providers(device)
    ]
    if "CPUExecutionProvider" not in chosen:
        chosen.append("CPUExecutionProvider")
    return onnxruntime.InferenceSession(content, options, providers=chosen)


def run_session(session: Any, inputs: Sequence[Tensor], device: torch.device) -> Outputs:
    """Return the maps of every head. Tensors are transferred through the memory of the host."""
    feeds = {
        slot.name: tensor.detach().cpu().contiguous().numpy()
        for slot, tensor in zip(session.get_inputs(), inputs, strict=True)
    }
    names = [slot.name for slot in session.get_outputs()]
    try:
        results = session.run(names, feeds)
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime"):  # they are not RuntimeErrors, which callers handle
            raise RuntimeError(first_line(error)) from error
        raise
    outputs: Outputs = {}
    for name, array in zip(names, results, strict=True):
        head, part = name.split(".", 1)
        outputs.setdefault(head, {})[part] = torch.from_numpy(array).to(device)
    return outputs


def _check_size(session: Any, inputs: Tensor) -> None:
    """Check that the exported network accepts images of this size; dimensions of any size are names."""
    for taken, size in zip(session.get_inputs()[0].shape[2:], inputs.shape[2:], strict=True):
        if isinstance(taken, int) and taken != size:
            raise DlcxError(
                "--engine onnx: this network was exported for images of (height, width) "
                f"{session.get_inputs()[0].shape[2:]}, got {list(inputs.shape[2:])}",
                hint="Use --engine torch for images of several sizes.",
            )


def providers(device: torch.device) -> list[str]:
    """Return the installed providers for a device, best first."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    return [name for name in PROVIDERS.get(device.type, ()) if name in available]


def check_onnx(precision: str, device: torch.device) -> None:
    """Check that the engine is installed and supports a precision and a device.

    Raises
    ------
    DlcxError
        If something is missing.
    """
    if precision != "fp32":
        raise DlcxError(f"--precision {precision}: the engine onnx computes in fp32", hint="Use --engine torch.")
    check_installed("--engine onnx")
    if not providers(device):
        raise DlcxError(
            f"--engine onnx: the installed ONNX Runtime does not support {device}",
            hint="Install onnxruntime-gpu for CUDA, or use --device cpu or --engine torch.",
        )


def check_installed(what: str) -> None:
    """Check that the extra ``onnx`` is installed, which ``what`` needs.

    Raises
    ------
    DlcxError
        If a module is missing.
    """
    missing = [name for name in REQUIRED_MODULES if importlib.util.find_spec(name) is None]
    if missing:
        raise DlcxError(f"{what} needs {', '.join(missing)}", hint="Install them: pip install 'dlcx[onnx]'.")


class _Flat(nn.Module):
    """Returns the maps as a tuple; ``names`` are ``HEAD.MAP``."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.names: tuple[str, ...] = ()

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        found = self.model(*inputs)
        self.names = tuple(f"{head}.{part}" for head, maps in found.items() for part in maps)
        return tuple(tensor for maps in found.values() for tensor in maps.values())


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the messages of the exporter."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
