"""Files of other forms go to the HDF5 library in a process of its own; damaged ones end in one error."""

from __future__ import annotations

import os
import shutil
import struct
import threading
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import KEY
from dlcx.formats.serialization.hdf5 import isolated, tables
from dlcx.formats.serialization.hdf5.nodes import opened
from dlcx.formats.serialization.hdf5.structure import NotCovered
from dlcx.formats.serialization.hdf5.tables import read_arrays, read_table, write_table

COLUMNS = pd.MultiIndex.from_product([["me"], ["a", "b"], ["x", "y"]], names=["scorer", "bodyparts", "coords"])
TABLE = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 4)), columns=COLUMNS)


def written(path: Path, *, table: bool = False) -> Path:
    write_table(TABLE, path, KEY, table=table)
    return path


def in_newer_form(path: Path, target: Path) -> Path:
    """A copy with superblock 3 and object headers of version 2."""
    with h5py.File(path) as old, h5py.File(target, "w", libver="latest") as new:
        for name in old:
            old.copy(name, new)
        new.attrs.update(old.attrs)
    return target


def not_read_here(path: Path) -> bool:
    try:
        with opened(path):
            return False
    except NotCovered:
        return True


@pytest.mark.parametrize("table", [False, True])
def test_newer_forms_hold_the_same(tmp_path: Path, table: bool) -> None:
    old = written(tmp_path / "old.h5", table=table)
    new = in_newer_form(old, tmp_path / "new.h5")
    assert not not_read_here(old)
    assert not_read_here(new)
    pd.testing.assert_frame_equal(read_table(new, [KEY]), read_table(old, [KEY]), check_exact=True)


@pytest.mark.parametrize("complib", ["zlib", "bzip2", "blosc"])
@pytest.mark.parametrize("form", ["fixed", "table"])
def test_packed_tables(tmp_path: Path, complib: str, form: str) -> None:
    TABLE.to_hdf(tmp_path / "x.h5", key=KEY, format=form, complib=complib, complevel=5, mode="w")
    pd.testing.assert_frame_equal(read_table(tmp_path / "x.h5", [KEY]), TABLE, check_exact=True)


def test_nothing_is_read_by_a_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise AssertionError("a fork")

    monkeypatch.setattr(os, "fork", refuse)
    old = written(tmp_path / "old.h5")
    for path in (old, in_newer_form(old, tmp_path / "new.h5")):
        pd.testing.assert_frame_equal(read_table(path, [KEY]), TABLE, check_exact=True)


def test_sound_files_start_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise AssertionError(path)

    monkeypatch.setattr(tables, "read_isolated", refuse)
    for table in (False, True):
        read_table(written(tmp_path / f"{table}.h5", table=table), [KEY])


def test_threads_read_at_once(tmp_path: Path) -> None:
    new = in_newer_form(written(tmp_path / "old.h5"), tmp_path / "new.h5")
    found: list[pd.DataFrame] = []
    threads = [threading.Thread(target=lambda: found.append(read_table(new, [KEY]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for one in found:
        pd.testing.assert_frame_equal(one, TABLE)


def test_a_crash_of_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = in_newer_form(written(tmp_path / "old.h5"), tmp_path / "new.h5")
    with monkeypatch.context() as patch:
        patch.setattr(isolated, "_START", "import os; input(); os.abort()  # {path}")
        isolated.end_worker()
        with pytest.raises(DlcxError, match=r"new\.h5 is damaged: the HDF5 library crashes on it"):
            read_table(new, [KEY])
    pd.testing.assert_frame_equal(read_table(new, [KEY]), TABLE)  # by the next process


def test_a_library_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowness is not called damage."""
    new = in_newer_form(written(tmp_path / "old.h5"), tmp_path / "new.h5")
    with monkeypatch.context() as patch:
        patch.setattr(isolated, "_START", "import time; time.sleep(600)  # {path}")
        patch.setattr(isolated, "MAX_SECONDS", 0.2)
        isolated.end_worker()
        with pytest.raises(DlcxError, match=r"new\.h5: the HDF5 library did not read it within 0\.2 seconds"):
            read_table(new, [KEY])
    pd.testing.assert_frame_equal(read_table(new, [KEY]), TABLE)


def changed(path: Path, at: int, content: bytes) -> None:
    whole = bytearray(path.read_bytes())
    whole[at : at + len(content)] = content
    path.write_bytes(whole)


def test_files_that_are_cut_off(tmp_path: Path) -> None:
    path = written(tmp_path / "x.h5")
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DlcxError, match=rf"x\.h5 is damaged: the file is cut off: it has {size - 100} bytes of {size}"):
        read_table(path, [KEY])


def test_trees_that_lead_back_to_themselves(tmp_path: Path) -> None:
    """The HDF5 library goes round in such a tree without end."""
    path = written(tmp_path / "x.h5")
    at = path.read_bytes().index(b"TREE")
    changed(path, at + 5, b"\x01")  # a level more, so that its first child is a tree too
    changed(path, at + 32, struct.pack("<Q", at))
    with pytest.raises(DlcxError, match=r"x\.h5 is damaged: a tree of addresses is broken"):
        read_table(path, [KEY])


def test_addresses_behind_the_end(tmp_path: Path) -> None:
    path = written(tmp_path / "x.h5", table=True)
    content = path.read_bytes()
    with h5py.File(path) as file:
        part = file[f"{KEY}/table"].id.get_chunk_info(0).byte_offset
    at = content.index(struct.pack("<Q", part))
    changed(path, at, struct.pack("<Q", 10**9))
    with pytest.raises(DlcxError, match=r"x\.h5 is damaged: \d+ bytes at 1000000000 lie behind the end"):
        read_table(path, [KEY])


def test_files_behind_a_block_of_another_program(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w", userblock_size=512) as file:
        file["tracks"] = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(read_arrays(tmp_path / "x.h5", ["tracks"])["tracks"], np.arange(6.0).reshape(2, 3))


def test_references_to_other_files_in_newer_forms(tmp_path: Path) -> None:
    new = in_newer_form(written(tmp_path / "old.h5"), tmp_path / "new.h5")
    shutil.copy(new, tmp_path / "other.h5")
    with h5py.File(new, "a") as file:
        del file[f"{KEY}/block0_values"]
        file[f"{KEY}/block0_values"] = h5py.ExternalLink(tmp_path / "other.h5", f"/{KEY}/block0_values")
    with pytest.raises(DlcxError, match="block0_values refers to another file"):
        read_table(new, [KEY])
