"""Pickles of plain types and numpy arrays, read without running what a file names."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError
from dlcx.outputs import whole_file

_NUMPY = {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"}


class _Stub:
    """An object of a class that is not loaded."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in _NUMPY:
            return super().find_class(module, name)
        if module == "builtins" and name in {"int", "float", "str", "list", "dict", "tuple", "set", "slice", "range"}:
            return super().find_class(module, name)
        return _Stub


def load_plain_pickle(path: Path) -> Any:
    """Load a pickle of plain types and numpy arrays; objects of other classes become stubs.

    Raises
    ------
    DlcxError
        When the file is missing or no such pickle.
    """
    try:
        with open(path, "rb") as stream:
            return _PlainUnpickler(stream).load()
    except OSError as error:
        raise DlcxError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:  # a broken pickle raises whatever it meets
        raise DlcxError(f"{path}: not a readable pickle: {error}") from None


def dump_pickle(data: Any, path: Path) -> None:
    """Write a pickle, whole or not at all."""
    with whole_file(path) as beside, open(beside, "wb") as stream:
        pickle.dump(data, stream, protocol=pickle.HIGHEST_PROTOCOL)
