"""Reading and writing of ONNX files; those of others are checked before they are used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.outputs import atomic_file
from dlcx.untrusted_files import read_bytes

#: Maximum size of a protobuf message, which an ONNX file is.
MAX_BYTES = 2**31


def add_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return the content of an ONNX file with additional metadata, texts by name."""
    import onnx

    model = onnx.load_model_from_string(content)
    onnx.helper.set_model_props(model, {**read_metadata(content), **metadata})
    return bytes(model.SerializeToString())


def read_metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of an ONNX file, texts by name.

    Raises
    ------
    DlcxError
        If the content is not that of an ONNX file.
    """
    import onnx

    try:
        return {item.key: item.value for item in onnx.load_model_from_string(content).metadata_props}
    except Exception as error:  # exceptions of protobuf
        raise DlcxError(f"not an ONNX file: {first_line(error)}") from error


def read_model(path: Path) -> bytes:
    """Return the content of an ONNX file that contains its weights, as those written by dlcx do.

    Raises
    ------
    DlcxError
        If it is not an ONNX file, refers to other files, or declares more weights than it can contain.
    """
    import onnx

    content = read_bytes(path, MAX_BYTES)
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # exceptions of protobuf
        raise DlcxError(f"{path}: not an ONNX file: {first_line(error)}") from error
    graphs, tensors = [model.graph, *model.functions], []
    for graph in graphs:
        tensors += list(getattr(graph, "initializer", ()))
        tensors += [one.values for one in getattr(graph, "sparse_initializer", ())]
        for attribute in (attribute for node in graph.node for attribute in node.attribute):
            graphs += [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
            tensors += [*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])]
    if any(tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors):
        raise DlcxError(f"{path} is refused: its weights are in another file")
    if any(min(tensor.dims, default=0) < 0 or math.prod(tensor.dims) > 2 * len(content) + 2**16 for tensor in tensors):
        raise DlcxError(f"{path} is refused: it declares more weights than its {len(content)} bytes can contain")
    return content


def write_onnx(path: Path, content: bytes) -> None:
    """Write an ONNX file completely or not at all."""
    with atomic_file(path) as beside:
        beside.write_bytes(content)


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message, or the exception's name if it has none."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
