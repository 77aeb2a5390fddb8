"""A project received by mail cannot run code, write outside of its folder, or fill the memory.

Each exploit would leave a file behind; none of them may.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tables
import torch

from dlcx.data.images import read_image
from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.predictions.analysis_pickles import read_full_pickle, read_meta_pickle
from dlcx.formats.predictions.assemblies import read_assemblies
from dlcx.formats.predictions.condition_poses import read_condition_poses
from dlcx.formats.predictions.evaluation import read_evaluation
from dlcx.formats.predictions.pose_tables import read_origin
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.project_config import open_project
from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.formats.serialization.yaml_files import read_yaml
from dlcx.formats.shuffles.dlcx_config import read_dlcx_config
from dlcx.formats.shuffles.training_set import read_sizes, read_split
from dlcx.formats.weights.snapshot import load_tensors, read_snapshot
from dlcx.poses import Labels, Layout

MARK = "code-of-a-stranger-ran"


class Leaves:
    """Unpickled by an ordinary unpickler, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder / MARK)

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.folder,)


@pytest.fixture(autouse=True)
def _nothing_ran(tmp_path: Path):
    yield
    assert not (tmp_path / MARK).exists()


def test_the_exploit_would_work(tmp_path: Path) -> None:
    (folder := tmp_path / "elsewhere").mkdir()
    pickle.loads(pickle.dumps(Leaves(folder)))
    assert (folder / MARK).is_dir()


READERS: dict[str, Callable[[Path], object]] = {
    "Documentation_data-x.pickle": read_split,
    "x_full.pickle": read_full_pickle,
    "x_meta.pickle": read_meta_pickle,
    "x_assemblies.pickle": read_assemblies,
    "x_el.pickle": load_plain_pickle,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_pickles(tmp_path: Path, name: str, protocol: int) -> None:
    hidden = np.array([Leaves(tmp_path), None], object)  # numpy unpickles the objects of an array by itself
    for content in (Leaves(tmp_path), [1, {"metadata": Leaves(tmp_path)}], {"single": {}, "metadata": {}, 0: hidden}):
        path = tmp_path / name
        path.write_bytes(pickle.dumps(content, protocol))
        with pytest.raises(DlcxError, match=name.split(".")[0]):
            READERS[name](path)


def reduced(*call: str, argument: bytes) -> bytes:
    """A pickle that calls what stands under a name."""
    return b"c" + "\n".join(call).encode() + b"\n" + argument + b"tR."


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (("builtins", "eval"), b'(S\'__import__("os").mkdir("x")\'\n'),
        (("builtins", "getattr"), b"(cposix\nsystem\nS'__call__'\n"),
        (("numpy", "load"), b"(S'x.npy'\n"),
        (("numpy.testing._private.utils", "runstring"), b"(S'import os'\n}"),
        (("numpy.f2py.crackfortran", "myeval"), b"(S'1'\n"),
        (("builtins", "bytes"), b"(L99999999999L\n"),
        (("builtins", "bytearray"), b"(L99999999999L\n"),
        (("builtins", "list"), b"(cbuiltins\nrange\n(L99999999999L\ntR"),
        (("builtins", "set"), b"(cbuiltins\nrange\n(L99999999999L\ntR"),
        (("numpy", "dtype"), b"(S'V99999999999'\n"),
        (("numpy", "ndarray"), b"((L99999999999L\nt"),
        (("numpy.core.multiarray", "_reconstruct"), b"(cnumpy\nmemmap\n(I0\ntS'b'\n"),
        (("copyreg", "_reconstructor"), b"(csubprocess\nPopen\ncbuiltins\nobject\nN"),
        (("copyreg", "__newobj__"), b"(csubprocess\nPopen\nS'true'\n"),
    ],
)
def test_tricks_with_names_that_look_plain(tmp_path: Path, call: tuple[str, str], argument: bytes) -> None:
    path = tmp_path / "x.pickle"
    path.write_bytes(reduced(*call, argument=argument))
    with pytest.raises(DlcxError, match=r"x\.pickle"):
        load_plain_pickle(path)


class MadeBy:
    """Pickled as the call of a function and the state that its result is given."""

    def __init__(self, function: Callable[..., object], arguments: tuple[object, ...], state: object) -> None:
        self.made = function, arguments, state

    def __reduce__(self) -> tuple[object, ...]:
        return self.made


@pytest.mark.parametrize(
    "state",
    [
        (3, "<", None, ("a",), {"a": (np.dtype("f8"), 4096)}, 8, 1, 0),  # a field far behind the array's end
        (3, "<", (np.dtype("f8"), (9,)), None, None, 4096, 1, 0),
        (3, "<", None, None, None, 1 << 40, 1, 0),
    ],
)
def test_a_file_does_not_say_where_an_array_ends(tmp_path: Path, state: tuple[object, ...]) -> None:
    make, arguments, _ = np.zeros(1).__reduce__()  # type: ignore[misc]
    dtype = MadeBy(np.dtype, ("f8", False, True), state)
    path = tmp_path / "x.pickle"
    path.write_bytes(pickle.dumps(MadeBy(make, arguments, (1, (1 << 20,), dtype, False, bytes(32)))))
    with pytest.raises(DlcxError, match=r"not plain|do not fill|too small"):
        load_plain_pickle(path)


def test_what_a_file_finds_cannot_be_changed(tmp_path: Path) -> None:
    (tmp_path / "x.pickle").write_bytes(b"ccollections\nOrderedDict\n(S'__call__'\nI1\ndb.")
    with pytest.raises(DlcxError, match="no state"):
        load_plain_pickle(tmp_path / "x.pickle")


def test_lists_that_hold_themselves_many_times(tmp_path: Path) -> None:
    bomb: list[object] = ["x"]
    for _ in range(60):
        bomb = [bomb] * 9
    loop: list[object] = []
    loop.append(loop)
    (tmp_path / "x_meta.pickle").write_bytes(pickle.dumps({"data": {"bomb": bomb, "loop": loop}}))
    with pytest.raises(DlcxError, match="x_meta"):
        read_meta_pickle(tmp_path / "x_meta.pickle")
    with pytest.raises(DlcxError, match="x_meta"):
        read_split(tmp_path / "x_meta.pickle")


def test_plain_pickles_are_read_as_they_are(tmp_path: Path) -> None:
    content = {
        "array": np.arange(6, dtype=">i4").reshape(2, 3, order="F"),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "text": np.array(["a", "bcd"]),
        "empty": np.zeros((0, 3), np.float32),
        "objects": np.array([None, "x", [1, np.float32(2)]], object),
        "scalar": np.float64(1.5),
        "dtype": np.dtype("<f4"),
        "plain": [1, 2.5, "ä", b"x", b"", {3, 4}, slice(1, 2), 1j, (None, True)],
    }
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        pickled = pickle.dumps(content, protocol)
        (tmp_path / "x.pickle").write_bytes(pickled)
        read, numpys = load_plain_pickle(tmp_path / "x.pickle"), pickle.loads(pickled)
        assert read.keys() == content.keys()
        for name in ("array", "columns", "text", "empty"):
            assert type(read[name]) is np.ndarray
            np.testing.assert_array_equal(read[name], content[name])
            assert read[name].dtype == numpys[name].dtype  # in this machine's byte order
        assert list(read["objects"]) == list(content["objects"])
        assert read["plain"] == content["plain"]
        assert (read["scalar"], type(read["scalar"]), read["dtype"]) == (1.5, np.float64, np.dtype("<f4"))
        read["array"][0, 0] = 7  # not read-only


@pytest.fixture
def table() -> pd.DataFrame:
    columns = pd.MultiIndex.from_tuples(
        [("me", "nose", "x"), ("me", "nose", "y")], names=["scorer", "bodyparts", "coords"]
    )
    rows = pd.MultiIndex.from_tuples([("labeled-data", "v", "a.png")])
    return pd.DataFrame([[1.0, 2.0]], index=rows, columns=columns)


TABLE_READERS = [read_labels, read_predictions, read_evaluation, lambda path: read_condition_poses(path, ["nose"])]


@pytest.mark.parametrize("read", TABLE_READERS)
@pytest.mark.parametrize("kind", ["attribute", "pandas", "rows", "column"])
@pytest.mark.filterwarnings("ignore::tables.exceptions.PerformanceWarning", "ignore::pandas.errors.PerformanceWarning")
def test_pickled_objects_in_hdf5(
    tmp_path: Path, table: pd.DataFrame, read: Callable[[Path], object], kind: str
) -> None:
    path = tmp_path / "x.h5"
    if kind == "column":
        table = table.astype(object)
        table.iloc[0, 0] = Leaves(tmp_path)
    table.to_hdf(path, key="df_with_missing", format="fixed", mode="w")
    with tables.open_file(path, "a") as file:
        node = file.get_node("/df_with_missing")
        if kind == "attribute":
            node._v_attrs.errors = node._v_attrs.dlcx_origin = Leaves(tmp_path)
        elif kind == "pandas":
            node._v_attrs.pandas_type = Leaves(tmp_path)
        elif kind == "rows":
            shape = node.block0_values.shape
            file.remove_node(node.block0_values)
            rows = file.create_vlarray(node, "block0_values", tables.ObjectAtom())
            rows.append([Leaves(tmp_path)] * 2)
            rows._v_attrs.value_type, rows._v_attrs.shape = "object", shape
    if kind == "attribute":
        assert read_origin(path) == ""
    with pytest.raises(DlcxError, match=r"is refused: it names (posix|nt)\.mkdir"):
        read(path)
    assert tables.attributeset.pickle is pickle  # only while dlcx reads


def test_a_few_bytes_that_claim_to_be_a_large_table(tmp_path: Path, table: pd.DataFrame) -> None:
    path = tmp_path / "x.h5"
    table.to_hdf(path, key="df_with_missing", format="fixed", mode="w")
    with tables.open_file(path, "a") as file:
        node = file.get_node("/df_with_missing")
        file.remove_node(node.block0_values)
        file.create_carray(node, "block0_values", tables.Float64Atom(), (10**9, 100), chunkshape=(1000, 100))
    with pytest.raises(DlcxError, match="claim to hold tables of 80000"):
        read_labels(path)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.mkdir [%s]\n",
        "a: !!python/object/new:os.mkdir [%s]\n",
        "a: !!python/name:os.mkdir\n",
        "a: !!python/module:os\n",
        "!!python/object/apply:subprocess.check_output [[mkdir, %s]]\n",
    ],
)
@pytest.mark.parametrize("read", [read_yaml, read_dlcx_config])
def test_yaml_makes_no_objects(tmp_path: Path, text: str, read: Callable[[Path], object]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text.replace("%s", str(tmp_path / MARK)))
    with pytest.raises(DlcxError, match=r"config\.yaml, line 1"):
        read(path)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(["a0: &a0 [x]", *(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]" for n in range(40))]),
        "a: &a [1, *a]\n",
        "a: " + "[" * 5000 + "]" * 5000,
        "a: " + "9" * 10_000,
        "".join("  " * depth + "k:\n" for depth in range(3000)),
    ],
)
def test_yaml_bombs(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(DlcxError, match=r"config\.yaml"):
        open_project(tmp_path)


@pytest.mark.parametrize("zipped", [True, False])
def test_snapshots(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "snapshot-001.pt"
    torch.save(
        {"model": {"a": torch.zeros(1)}, "metadata": Leaves(tmp_path)}, path, _use_new_zipfile_serialization=zipped
    )
    for read in (read_snapshot, load_tensors):
        with pytest.raises(DlcxError, match="cannot be read as weights"):
            read(path)


CONFIG = """Task: {task}
scorer: {scorer}
date: {date}
multianimalproject: false
video_sets:
  {video}:
    crop: 0, 10, 0, 10
bodyparts: [{bodypart}]
individuals: [a]
"""
NAMES = {"task": "reach", "scorer": "me", "date": "Oct30", "video": "/data/v.avi", "bodypart": "nose"}


def test_the_names_alone_are_fine(tmp_path: Path) -> None:
    for bodypart in ("nose", "left paw", "paw/left", "Ohr (links)", "1st"):
        (tmp_path / "config.yaml").write_text(CONFIG.format(**{**NAMES, "bodypart": bodypart}))
        assert open_project(tmp_path).layout.bodyparts == (bodypart,)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *(
            (key, name)
            for key in ("task", "scorer", "date")
            for name in ("../../x", "/tmp/x", "..", r"..\x", "a/b", '""')
        ),
        *(("bodypart", name) for name in ("../../x", "/tmp/x", "..", r"..\x", "a/../../b", r"C:\x", '"a\\0b"', '""')),
        *(("video", name) for name in ("/data/..", "...mp4", "videos/", "..", '"a\\nb.avi"')),
    ],
)
def test_names_stay_in_the_project(tmp_path: Path, key: str, name: str) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.format(**{**NAMES, key: name}))
    with pytest.raises(DlcxError, match=r"config\.yaml: (Task|scorer|date|bodyparts|video_sets): .*got '"):
        open_project(tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        ("labeled-data", "v", "../../../x.png"),
        ("labeled-data", "..", "x.png"),
        ("labeled-data", "v", "/etc/passwd"),
        ("..", "v", "x.png"),
        ("labeled-data", "v", ".."),
        ("labeled-data", "v", r"..\x.png"),
        "labeled-data/../../x.png",
    ],
)
def test_images_of_labels_lie_in_the_project(tmp_path: Path, table: pd.DataFrame, row: object) -> None:
    rows = pd.MultiIndex.from_tuples([row]) if isinstance(row, tuple) else pd.Index([row])
    table.set_axis(rows, axis=0).to_hdf(tmp_path / "x.h5", key="df_with_missing", format="fixed", mode="w")
    with pytest.raises(DlcxError, match="leads out of the project"):
        read_labels(tmp_path / "x.h5")


def png_of_size(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes whose header tells this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 2**31 - 1), (15_000, 14_000)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_image_bombs(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "labeled-data" / "v" / "a.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(png_of_size(*size))
    with pytest.raises(DlcxError, match="is too large: its header gives more than"):
        read_image(path)
    labels = Labels(Layout(("nose",)), (("labeled-data", "v", "a.png"),), np.zeros((1, 1, 1, 2)), np.zeros((1, 0, 2)))
    write_labels(labels, tmp_path / "x", "me")
    (tmp_path / "config.yaml").write_text(CONFIG.format(**NAMES))
    with pytest.raises(DlcxError, match="is too large: its header gives more than"):
        read_sizes(open_project(tmp_path), read_labels(tmp_path / "x"))


def test_arrays_of_a_store_hold_no_objects(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.savez(content, a=np.array([Leaves(tmp_path)], object))
    content.seek(0)
    with pytest.raises(ValueError, match="allow_pickle=False"), np.load(content, allow_pickle=False) as arrays:
        arrays["a"]
