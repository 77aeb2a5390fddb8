"""Forward passes by ONNX Runtime: exported once, and trusted only while they equal torch's.

The file holds the weights, takes batches of any size and, for nets that see whole images, images of any size.  Its
outputs are called ``HEAD.MAP``, as in the model's own.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlcx.engines.max_abs_difference import SHARE, largest_gap
from dlcx.errors import DlcxError
from dlcx.heads.protocol import Outputs
from dlcx.outputs import atomic_file
from dlcx.poses import Instances, Prediction
from dlcx.untrusted_files import read_bytes

logger = logging.getLogger(__name__)

#: An ONNX file of weights is a message of protobuf, which holds at most 2 GiB.
MOST_BYTES = 2**31
#: What has to be installed, by the module's name.
NEEDED = ("onnxruntime", "onnx", "onnxscript")
#: What computes on which device, the best first.
PROVIDERS = {
    "cpu": ("OpenVINOExecutionProvider", "CPUExecutionProvider"),
    "cuda": ("TensorrtExecutionProvider", "CUDAExecutionProvider"),
    "mps": ("CoreMLExecutionProvider",),
}
#: Pixels of the network input by which keypoints may differ from torch's.
PIXELS = 0.01


@dataclass(frozen=True)
class Exported:
    """Where the exported net is kept, None: nowhere; and whether it sees images of any size, or crops of one."""

    path: Path | None = None
    any_size: bool = False


class OnnxEngine:
    """Runs ``model`` in ONNX Runtime; ``eager`` is how torch runs it.

    The first input of each size goes through both.  Where the file cannot be kept, the net is exported anew in every
    process.

    Raises
    ------
    DlcxError
        When the net cannot be exported, or the results differ from torch's.
    """

    def __init__(self, model: nn.Module, eager: Any, device: torch.device, exported: Exported) -> None:
        self.model, self.eager, self.device, self.exported = model, eager, device, exported
        self._session: Any = None
        self._compared: set[tuple[int, ...]] = set()

    def __call__(self, inputs: Tensor, *conditions: Tensor) -> Outputs:
        """Maps as of the model, on its device."""
        if self._session is None:
            self._session = self._open((inputs, *conditions))
        _check_size(self._session, inputs)
        found = run_session(self._session, (inputs, *conditions), self.device)
        if (size := tuple(inputs.shape[2:])) not in self._compared:
            difference = compare(self.model, self.eager(inputs, *conditions), found)
            if not difference.small:
                raise DlcxError(
                    f"--engine onnx: this net's results are not those of torch: {difference.text()}",
                    hint="Use --engine torch.",
                )
            self._compared.add(size)
        return found

    def _open(self, inputs: Sequence[Tensor]) -> Any:
        path = self.exported.path
        if path is not None and path.is_file():
            try:
                return open_session(read_model(path), self.device)
            except Exception as error:  # ONNX Runtime has an exception of its own for each way to be damaged
                logger.warning("%s cannot be used and is made anew: %s", path, _first_line(error))
        logger.info("exports the net to ONNX")
        try:
            content = export(self.model, inputs, any_size=self.exported.any_size)
        except DlcxError as error:
            raise DlcxError(f"--engine onnx: {error}", hint="Use --engine torch.") from error
        session = open_session(content, self.device)
        if path is not None:
            try:
                write_onnx(path, content)
            except DlcxError as error:
                logger.warning("the exported net is not kept: %s", error)
        return session


class Difference:
    """How far ONNX Runtime's maps are from torch's, as a share of the highest value, and keypoints in pixels."""

    def __init__(self, maps: float, pixels: float) -> None:
        self.maps, self.pixels = maps, pixels

    @property
    def small(self) -> bool:
        """Whether nobody would see it; nan is not."""
        return self.maps <= SHARE and self.pixels <= PIXELS

    def text(self) -> str:
        """Both, and what would be allowed."""
        return (
            f"maps differ by up to {self.maps:.2g} of their highest value (allowed: {SHARE:g}), "
            f"keypoints by up to {self.pixels:.2g} px (allowed: {PIXELS:g})"
        )

    def or_larger(self, other: Difference) -> Difference:
        """The larger of each."""
        return Difference(max(self.maps, other.maps), max(self.pixels, other.pixels))


def compare(model: nn.Module, expected: Outputs, found: Outputs) -> Difference:
    """Maps of the same input, and the keypoints that ``model`` decodes from them."""
    share = largest_gap(expected, found)
    if not np.isfinite(share):
        return Difference(np.inf, np.inf)
    decode: Any = model.decode
    return Difference(share, farthest(decode(expected), decode(found)))


def farthest(one: Sequence[Prediction], other: Sequence[Prediction]) -> float:
    """The largest distance in pixels between keypoints of two predictions of the same images; inf: other animals."""
    pairs: list[tuple[Instances | None, Instances | None]] = []
    for a, b in zip(one, other, strict=True):
        pairs += [(a.animals, b.animals), (a.unique, b.unique)]
    most = 0.0
    for first, second in pairs:
        if first is None or second is None:
            continue
        if first.xy.shape != second.xy.shape or (np.isnan(first.xy) != np.isnan(second.xy)).any():
            return np.inf
        gaps = np.linalg.norm(first.xy - second.xy, axis=-1)
        most = max(most, float(gaps[np.isfinite(gaps)].max(initial=0.0)))
    return most


def export(model: nn.Module, inputs: Sequence[Tensor], *, any_size: bool = False) -> bytes:
    """The file for inputs like these, (B, 3, H, W) and, for conditional nets, conditions (B, K, 3).

    Raises
    ------
    DlcxError
        When torch's exporter cannot.
    """
    auto = torch.export.Dim.AUTO
    batch = tuple({0: auto} for _ in inputs)
    tries = [({0: auto, 2: auto, 3: auto}, *batch[1:]), batch] if any_size else [batch]
    with torch.inference_mode(False), torch.no_grad(), _quiet():
        example = tuple(tensor[:1].detach().clone().expand(2, *tensor.shape[1:]).contiguous() for tensor in inputs)
        flat = _Flat(model).eval()
        flat(*example)  # names its outputs
        names = ["images", *(["conditions"] if len(inputs) > 1 else [])]
        for dimensions in tries:  # some nets fit one size of image only
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
            except Exception as error:  # the exporter wraps whatever went wrong in its own kinds
                reason = error
        else:
            said = _first_line(reason)
            raise DlcxError(f"torch {torch.__version__} cannot export this net to ONNX: {said}") from reason
    assert program is not None
    return bytes(program.model_proto.SerializeToString())


def with_notes(content: bytes, notes: Mapping[str, str]) -> bytes:
    """The file with texts by name, which ONNX calls its metadata."""
    import onnx

    model = onnx.load_model_from_string(content)
    onnx.helper.set_model_props(model, {**notes_of(content), **notes})
    return bytes(model.SerializeToString())


def notes_of(content: bytes) -> dict[str, str]:
    """The texts by name that a file holds.

    Raises
    ------
    DlcxError
        When it is no ONNX file.
    """
    import onnx

    try:
        return {note.key: note.value for note in onnx.load_model_from_string(content).metadata_props}
    except Exception as error:  # of protobuf, in a module of its own
        raise DlcxError(f"no ONNX file: {_first_line(error)}") from error


def read_model(path: Path) -> bytes:
    """A file whose weights lie in it, as those that dlcx writes.

    Raises
    ------
    DlcxError
        When it is no ONNX file, refers to other files, or claims to hold far more than it does.
    """
    import onnx

    content = read_bytes(path, MOST_BYTES)
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # of protobuf, in a module of its own
        raise DlcxError(f"{path}: no ONNX file: {_first_line(error)}") from error
    graphs, tensors = [model.graph, *model.functions], []
    for graph in graphs:
        tensors += list(getattr(graph, "initializer", ()))
        tensors += [one.values for one in getattr(graph, "sparse_initializer", ())]
        for attribute in (attribute for node in graph.node for attribute in node.attribute):
            graphs += [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
            tensors += [*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])]
    if any(tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors):
        raise DlcxError(f"{path} is refused: its weights lie in another file")
    if any(min(tensor.dims, default=0) < 0 or math.prod(tensor.dims) > 2 * len(content) + 2**16 for tensor in tensors):
        raise DlcxError(f"{path} is refused: {len(content)} bytes claim to hold more weights than that")
    return content


def write_onnx(path: Path, content: bytes) -> None:
    """Write the file, whole or not at all."""
    with atomic_file(path) as beside:
        beside.write_bytes(content)


def open_session(content: bytes, device: torch.device) -> Any:
    """A session with torch's number of threads, on the best that is installed for the device."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    wanted: list[Any] = [
        (name, {"device_id": device.index or 0}) if device.type == "cuda" else name for name in providers(device)
    ]
    if "CPUExecutionProvider" not in wanted:
        wanted.append("CPUExecutionProvider")
    return onnxruntime.InferenceSession(content, options, providers=wanted)


def run_session(session: Any, inputs: Sequence[Tensor], device: torch.device) -> Outputs:
    """Maps of every head; tensors go by way of the host's memory."""
    feeds = {
        slot.name: tensor.detach().cpu().contiguous().numpy()
        for slot, tensor in zip(session.get_inputs(), inputs, strict=True)
    }
    names = [slot.name for slot in session.get_outputs()]
    try:
        results = session.run(names, feeds)
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime"):  # its exceptions are no RuntimeErrors
            raise RuntimeError(_first_line(error)) from error
        raise
    outputs: Outputs = {}
    for name, array in zip(names, results, strict=True):
        head, part = name.split(".", 1)
        outputs.setdefault(head, {})[part] = torch.from_numpy(array).to(device)
    return outputs


def _check_size(session: Any, inputs: Tensor) -> None:
    """Whether the exported net takes images of this size; it names the dimensions of any size."""
    for taken, size in zip(session.get_inputs()[0].shape[2:], inputs.shape[2:], strict=True):
        if isinstance(taken, int) and taken != size:
            raise DlcxError(
                f"--engine onnx: this net was exported for one size of image, {session.get_inputs()[0].shape[2:]} "
                f"(height, width), and this is another: {list(inputs.shape[2:])}",
                hint="Use --engine torch for images of several sizes.",
            )


def providers(device: torch.device) -> list[str]:
    """What ONNX Runtime has for a device, the best first."""
    import onnxruntime

    there = onnxruntime.get_available_providers()
    return [name for name in PROVIDERS.get(device.type, ()) if name in there]


def check_onnx(precision: str, device: torch.device) -> None:
    """Whether the engine can be had.

    Raises
    ------
    DlcxError
        Says what is missing.
    """
    if precision != "fp32":
        raise DlcxError(f"--precision {precision}: the engine onnx computes in fp32", hint="Use --engine torch.")
    check_installed("--engine onnx")
    if not providers(device):
        raise DlcxError(
            f"--engine onnx: the installed ONNX Runtime has nothing for {device}",
            hint="Install onnxruntime-gpu for CUDA, or use --device cpu or --engine torch.",
        )


def check_installed(what: str) -> None:
    """Whether the extra is there.

    Raises
    ------
    DlcxError
        Says what ``what`` needs.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise DlcxError(f"{what} needs {', '.join(missing)}", hint="Install them: pip install 'dlcx[onnx]'.")


class _Flat(nn.Module):
    """The maps as a tuple; ``names`` are ``HEAD.MAP``."""

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
    """Without what the exporter says about its own work."""
    chatty = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [each.level for each in chatty]
    for each in chatty:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(chatty, levels, strict=True):
            each.setLevel(level)


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
