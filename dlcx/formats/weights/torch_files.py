"""Files written by ``torch.save``, read without running code and only after their sizes are checked.

A file is a zip archive: ``NAME/data.pkl`` describes the tensors, and ``NAME/data/KEY`` holds their numbers
uncompressed. torch trusts the sizes in the pickle and decompresses archives of any size. Files of torch 1.5 and older
are not archives; torch checks their sizes itself.
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

#: Maximum ratio of unpacked size to file size, beyond an allowance for small files: torch does not compress archives.
MAX_RATIO = 4
#: Bytes per number, by the prefix of the name of torch's storage type.
_BYTES = {
    "Untyped": 1, "Byte": 1, "Char": 1, "Bool": 1, "QInt8": 1, "QUInt8": 1, "QUInt4x2": 1, "QUInt2x4": 1,
    "Half": 2, "BFloat16": 2, "Short": 2, "Float": 4, "Int": 4, "QInt32": 4, "Double": 8, "Long": 8,
    "ComplexFloat": 8, "ComplexDouble": 16,
}  # fmt: skip


def load_torch(path: Path, harmless: Sequence[Any] = ()) -> Any:
    """Load tensors, numbers, and plain types to the CPU; ``harmless`` lists further types that the file may hold.

    Raises
    ------
    DlcxError
        If it is not a regular file, is damaged, or claims to hold far more than its size allows.
    Exception
        Any other error that a damaged file causes.
    """
    import torch

    file_size(path)
    if zipfile.is_zipfile(path):
        _check_archive(path)
    with torch.serialization.safe_globals(list(harmless)), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on the pickle protocol of files that are refused anyway
        return torch.load(path, map_location="cpu", weights_only=True)


def _check_archive(path: Path) -> None:
    """Compare the sizes claimed by the archive and its pickle with the actual ones."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        check_claim(path, sum(entry.file_size for entry in entries), "entries", ratio=MAX_RATIO)
        if sum(entry.compress_size for entry in entries) > file_size(path):
            raise DlcxError(f"{path} is refused: entries of the archive share bytes")
        sizes = {entry.filename: entry.file_size for entry in entries}
        pickled = next((name for name in sizes if name.endswith("/data.pkl")), None)
        content = archive.read(pickled) if pickled else b""
        if damaged := archive.testzip():  # torch does not verify checksums
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
