"""Small files that claim, or unpack to, far more than they are; and HDF5 files whose numbers lie in other files."""

from __future__ import annotations

import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from readers import GOLDEN, READERS

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.labels.interchange.sleap import read_slp
from dlcx.formats.predictions.pose_tables import read_csv
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.formats.weights.snapshot import load_tensors
from dlcx.training.resume_state import random_states, read_state

pytestmark = pytest.mark.filterwarnings("ignore")

#: Tuples that hold each other twice, 60 deep: (t, t) where t = (u, u), ...
TWICE = b"(I1\ntp0\n" + b"".join(b"0(g%d\ng%d\ntp%d\n" % (n, n, n + 1) for n in range(60))
DEEP = b"N" + b"\x85" * 200_000
#: The fixtures of a call that copies one text of a file again and again.
COPIES = b"X\x40\x42\x0f\x00" + b"a" * 1_000_000 + b"q\x000" + b"(" + b"c_codecs\nencode\n(h\x00tR" * 2000 + b"t."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"(lr\xff\xff\xff\x1f.", None),  # an index of 4 bytes: a list, and the memory is not touched
        (b"(lp2147483647\n.", None),
        (b"\x96\xff\xff\xff\xff\xff\x00\x00\x00.", "few bytes"),  # a bytearray of a TiB
        (b"}" + TWICE + b"I1\ns.", "as a key"),
        (b"\x8f(" + TWICE + b"\x90.", "as a key"),
        (b"(" + TWICE + b"\x91.", "as a key"),
        (b"(" + TWICE + b"I1\nd.", "as a key"),
        (b"c__builtin__\nset\n((l" + TWICE + b"atR.", "as a key"),
        (b"}" + DEEP + b"I1\ns.", "as a key"),
        (COPIES, "few bytes"),
        (b"cnumpy\nndarray\n)b.", "not a readable pickle"),
        (b"cnumpy.core.multiarray\n_frombuffer\n(C\x00cnumpy\ndtype\n(S'S0'\ntR(L99999999999L\ntS'C'\ntR.", "no bytes"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_pickles(tmp_path: Path, content: bytes, said: str | None) -> None:
    path = tmp_path / "x.pickle"
    path.write_bytes(content)
    if said is None:
        assert load_plain_pickle(path) == []
        return
    with pytest.raises(DlcxError, match=said):
        load_plain_pickle(path)


def test_pickles_with_many_words_as_keys(tmp_path: Path) -> None:
    content = {("a", 1): {2, 3}, "b": frozenset({("c", 4)}), 5.0: {None: bytearray(b"x")}, np.int64(6): []}
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "x.pickle").write_bytes(pickle.dumps(content, protocol))
        try:
            assert load_plain_pickle(tmp_path / "x.pickle") == content
        except DlcxError as error:  # older protocols make a bytearray by its name, which is no plain type
            assert protocol < 5, error  # noqa: PT017


def stored_apart(group: h5py.Group, name: str, folder: Path) -> None:
    """Put the values of a dataset into a file of plain bytes."""
    values, notes = group[name][:], dict(group[name].attrs)
    del group[name]
    values.tofile(folder / "numbers.bin")
    made = group.create_dataset(
        name, values.shape, values.dtype, external=[(str(folder / "numbers.bin"), 0, values.nbytes)]
    )
    made.attrs.update(notes)


def virtual(group: h5py.Group, name: str, folder: Path) -> None:
    """Put the values of a dataset into another HDF5 file that it is composed of."""
    values, notes = group[name][:], dict(group[name].attrs)
    del group[name]
    with h5py.File(folder / "other.h5", "w") as other:
        other["x"] = values
    layout = h5py.VirtualLayout(values.shape, values.dtype)
    layout[...] = h5py.VirtualSource(folder / "other.h5", "x", shape=values.shape)
    group.create_virtual_dataset(name, layout).attrs.update(notes)


def linked(group: h5py.Group, name: str, folder: Path) -> None:
    """Put a link to another HDF5 file in place of a dataset."""
    with h5py.File(folder / "other.h5", "w") as other:
        group.copy(name, other, "x")
    del group[name]
    group[name] = h5py.ExternalLink(folder / "other.h5", "/x")


SCORER = "vidDLC_Resnet50_goldmuiNov22shuffle1_snapshot_10"


@pytest.mark.parametrize("refer", [stored_apart, virtual, linked])
def test_hdf5_files_hold_their_numbers(tmp_path: Path, refer: Callable[[h5py.Group, str, Path], None]) -> None:
    path = tmp_path / "CollectedData_me.h5"
    shutil.copy(GOLDEN / "evaluation/mui/CollectedData_me.h5", path)
    assert len(read_labels(path)) == 8
    with h5py.File(path, "a") as file:
        refer(file["df_with_missing"], "block0_values", tmp_path)
    with pytest.raises(DlcxError, match="block0_values refers to another file"):
        read_labels(path)
    with pytest.raises(DlcxError, match="block0_values refers to another file"):
        read_predictions(path)


@pytest.mark.parametrize("refer", [stored_apart, virtual, linked])
def test_slp_files_hold_their_numbers(tmp_path: Path, refer: Callable[[h5py.Group, str, Path], None]) -> None:
    next(reader for reader in READERS if reader.file == "labels.slp").make(tmp_path)
    assert len(read_slp(tmp_path / "labels.slp").images) == 5
    with h5py.File(tmp_path / "labels.slp", "a") as file:
        refer(file, "points", tmp_path)
    with pytest.raises(DlcxError, match="points refers to another file"):
        read_slp(tmp_path / "labels.slp")


def test_an_slp_that_claims_terabytes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.slp", "w") as file:
        file.create_dataset("points", (10**9, 100), "f8", chunks=(1000, 100), compression="gzip")
    with pytest.raises(DlcxError, match="claim to hold tables of 8000"):
        read_slp(tmp_path / "x.slp")


@pytest.mark.parametrize("read", [read_labels, read_csv])
def test_a_csv_of_few_cells_and_many_columns(tmp_path: Path, read: Callable[[Path], object]) -> None:
    """Programs fill rows to the width of the header: 200 kB would become 80 GB."""
    path = tmp_path / "x.csv"
    names = ["scorer", "bodyparts", "coords"]
    path.write_text("".join(f"{name}{',a' * 100_000}\n" for name in names) + "1\n" * 100_000)
    with pytest.raises(DlcxError, match="claim to hold a table of"):
        read(path)


def repacked(path: Path, change: Callable[[str, bytes], bytes], method: int = zipfile.ZIP_STORED) -> None:
    """Write an archive again with other contents."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, change(name, content))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.save({"model": {"a": torch.arange(1000.0)}, "version": 1, "recipe": {}}, tmp_path / "x.pt")
    return tmp_path / "x.pt"


def test_states_of_networks_and_optimizers_are_read(tmp_path: Path) -> None:
    """A network's state is a dictionary with attributes of its own."""
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.ones(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    state = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "recipe": {}, "version": 1, "epoch": 3}
    state["random"] = random_states()
    state["parameter"] = net[0].weight
    torch.save(state, tmp_path / "x.pt")
    for read in (load_tensors, read_state):
        found = read(tmp_path / "x.pt")
        torch.testing.assert_close(dict(found["model"]), dict(net.state_dict()))
        torch.testing.assert_close(found["optimizer"]["state"][0], optimizer.state_dict()["state"][0])
        torch.testing.assert_close(found["parameter"], net[0].weight)


@pytest.mark.parametrize("read", [load_tensors, read_state])
def test_archives_of_tensors(weights: Path, read: Callable[[Path], object]) -> None:
    torch.testing.assert_close(load_tensors(weights)["model"]["a"], torch.arange(1000.0))
    repacked(weights, lambda name, content: content, zipfile.ZIP_DEFLATED)  # packed, but no bomb
    torch.testing.assert_close(load_tensors(weights)["model"]["a"], torch.arange(1000.0))
    repacked(weights, lambda name, content: content + (bytes(80_000_000) if "/data/" in name else b""), 8)
    with pytest.raises(DlcxError, match="claim to hold entries of"):
        read(weights)


@pytest.mark.parametrize("read", [load_tensors, read_state])
def test_tensors_have_as_many_numbers_as_they_claim(weights: Path, read: Callable[[Path], object]) -> None:
    """torch believes the claim, and reads what lies behind the numbers in the memory."""
    repacked(weights, lambda name, content: content[:2000] if "/data/0" in name else content)
    with pytest.raises(DlcxError, match="the tensor 0 claims 1000 numbers, and has 2000 bytes"):
        read(weights)
