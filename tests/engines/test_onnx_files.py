"""ONNX files that others made: none reaches another file, and few bytes never claim many."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlcx.engines.onnx_files import read_model
from dlcx.errors import DlcxError

onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")


def external(tensor: Any) -> None:
    """Put the numbers of a tensor into a file beside the model, or anywhere else."""
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def huge(tensor: Any) -> None:
    """Claim 2 ** 40 numbers in a tensor of 16 bytes."""
    tensor.dims[:] = [2**20, 2**20]


def negative(tensor: Any) -> None:
    """Claim a negative number of numbers."""
    tensor.dims[:] = [-4]


def model(change: Callable[[Any], None] | None, *, inside: bool = False) -> bytes:
    """A net that adds four numbers; ``inside``: they are in the branch of an If, else of the net itself."""
    weights = onnx.numpy_helper.from_array(np.arange(4, dtype=np.float32), "w")
    if change:
        change(weights)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    output = helper.make_tensor_value_info("y", kind, [4])
    if inside:
        branch = helper.make_graph([helper.make_node("Constant", [], ["y"], value=weights)], "b", [], [output])
        flag = helper.make_tensor_value_info("x", onnx.TensorProto.BOOL, [])
        node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
        graph = helper.make_graph([node], "g", [flag], [output])
    else:
        node = helper.make_node("Add", ["x", "w"], ["y"])
        given = helper.make_tensor_value_info("x", kind, [4])
        graph = helper.make_graph([node], "g", [given], [output], initializer=[weights])
    return bytes(helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize("inside", [False, True])
def test_a_net_with_its_own_weights_is_read(tmp_path: Path, inside: bool) -> None:
    (tmp_path / "x.onnx").write_bytes(model(None, inside=inside))
    assert read_model(tmp_path / "x.onnx") == model(None, inside=inside)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("change", "said"),
    [(external, "are in another file"), (huge, "declares more"), (negative, "declares more")],
)
def test_weights_elsewhere_and_weights_that_are_not_there(
    tmp_path: Path, change: Callable[[Any], None], said: str, inside: bool
) -> None:
    (tmp_path / "x.onnx").write_bytes(model(change, inside=inside))
    with pytest.raises(DlcxError, match=said):
        read_model(tmp_path / "x.onnx")


@pytest.mark.posix
def test_other_files(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("<html>")
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(DlcxError, match="not an ONNX file"):
        read_model(tmp_path / "text.onnx")
    with pytest.raises(DlcxError, match="a named pipe"):
        read_model(tmp_path / "pipe.onnx")
