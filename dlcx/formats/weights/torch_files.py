"""What ``torch.save`` wrote, read without running code, and only after its sizes were checked.

A file is a zip archive: ``NAME/data.pkl`` says which tensors there are, ``NAME/data/KEY`` holds their numbers, as they
are.  torch believes how many numbers the pickle claims, and unpacks whatever an archive has packed.  Files of torch 1.5
and older are no archives; torch checks these by itself.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError
from dlcx.formats.serialization.pickles import StorageCollector
from dlcx.untrusted_files import check_claim, file_size

#: An archive unpacks to at most so many times its size, and the limit of every small file: torch packs nothing.
MAX_RATIO = 4
#: Bytes of a number, by how the names of torch's storages begin.
_BYTES = {
    "Untyped": 1, "Byte": 1, "Char": 1, "Bool": 1, "QInt8": 1, "QUInt8": 1, "QUInt4x2": 1, "QUInt2x4": 1,
    "Half": 2, "BFloat16": 2, "Short": 2, "Float": 4, "Int": 4, "QInt32": 4, "Double": 8, "Long": 8,
    "ComplexFloat": 8, "ComplexDouble": 16,
}  # fmt: skip


def load_torch(path: Path, harmless: Sequence[Any] = ()) -> Any:
    """Tensors, numbers and plain types, on the CPU; ``harmless`` are further types that the file may hold.

    Raises
    ------
    DlcxError
        When the file is no regular file, is damaged, or claims to hold far more than it does.
    Exception
        Whatever else a broken file leads to.
    """
    import torch

    file_size(path)
    if zipfile.is_zipfile(path):
        _check_archive(path)
    with torch.serialization.safe_globals(list(harmless)), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the pickle protocol of files that are refused anyway
        return torch.load(path, map_location="cpu", weights_only=True)


def _check_archive(path: Path) -> None:
    """Compare what the archive and its pickle claim with what is there."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        check_claim(path, sum(entry.file_size for entry in entries), "entries", ratio=MAX_RATIO)
        if sum(entry.compress_size for entry in entries) > file_size(path):
            raise DlcxError(f"{path} is refused: entries of the archive share bytes")
        sizes = {entry.filename: entry.file_size for entry in entries}
        pickled = next((name for name in sizes if name.endswith("/data.pkl")), None)
        content = archive.read(pickled) if pickled else b""
        if damaged := archive.testzip():  # torch does not look at checksums
            raise DlcxError(
                f"{path} is damaged: the checksum of {damaged} does not match its bytes",
                hint="Take the file from a copy, or use another snapshot.",
            )
    if not pickled:
        raise DlcxError(f"{path}: no file of torch: it has no data.pkl")
    folder = pickled.removesuffix("data.pkl")
    for kind, key, count in StorageCollector(io.BytesIO(content), len(content)).storages():
        width = _BYTES.get(kind.removesuffix("Storage"))
        there = sizes.get(f"{folder}data/{key}", 0)
        if width is None or count < 0 or count * width > there:
            raise DlcxError(f"{path} is refused: the tensor {key} claims {count} numbers, and has {there} bytes")
