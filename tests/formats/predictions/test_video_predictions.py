from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tables

from dlcx.errors import DlcxError
from dlcx.formats.predictions.pose_tables import _shortest, write_csv
from dlcx.formats.predictions.video_predictions import read_predictions, read_scorer, write_predictions
from dlcx.poses import Layout, Tracks

SA = "vidDLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
MUI = "vidDLC_Resnet50_goldmuiNov22shuffle1_snapshot_10_el"


def attributes(path: Path) -> dict[str, dict[str, str]]:
    """What every node of an HDF5 file says about itself."""
    with tables.open_file(path) as file:
        return {
            node._v_pathname: {name: str(node._v_attrs[name]) for name in node._v_attrs._f_list()}
            for node in file.walk_nodes()
        }


@pytest.mark.parametrize(("name", "key"), [(SA, "df_with_missing"), (MUI, "tracks")])
def test_files_of_deeplabcut_are_written_back(golden, tmp_path, name, key):
    original = golden / "predictions" / f"{name}.h5"
    tracks, scorer = read_predictions(original), read_scorer(original)
    written = tmp_path / original.name
    write_predictions(tracks, written, scorer, key=key)

    assert written.with_suffix(".csv").read_bytes() == original.with_suffix(".csv").read_bytes()
    pd.testing.assert_frame_equal(pd.read_hdf(written), pd.read_hdf(original))
    assert pd.read_hdf(written, key).index.dtype == np.int64
    for node, expected in attributes(original).items():  # pandas 2 needs all of them, pandas_version above all
        ours = attributes(written)[node]
        assert {name: ours.get(name) for name in expected} == expected


def test_the_csv_alone_gives_the_same_poses(golden):
    h5 = read_predictions(golden / "predictions" / f"{SA}.h5")
    csv = read_predictions(golden / "predictions" / f"{SA}.csv")
    assert csv.layout == h5.layout
    np.testing.assert_array_equal(csv.xy.astype(np.float32), h5.xy)
    np.testing.assert_array_equal(csv.score.astype(np.float32), h5.score)


def test_layout_of_several_animals_with_unique_bodyparts(golden):
    tracks = read_predictions(golden / "predictions" / f"{MUI}.h5")
    assert tracks.layout == Layout(("snout", "back", "tail"), ("ann", "bob"), ("lamp", "door"), multi=True)
    assert tracks.xy.shape == (12, 2, 3, 2)
    assert tracks.unique_xy.shape == (12, 2, 2)
    np.testing.assert_allclose(tracks.xy[0, 1, 0], [101.61456298828125, 60.05490493774414])
    np.testing.assert_allclose(tracks.unique_xy[0, 0], [83.31119537353516, 52.715057373046875])


def test_frame_numbers_gaps_and_missing_animals(tmp_path):
    layout = Layout(("a", "b"), ("ann", "bob"), multi=True)
    xy, score = np.random.default_rng(0).random((4, 2, 2, 2), np.float32), np.ones((4, 2, 2), np.float32)
    xy[1], score[1] = np.nan, np.nan
    xy[2, 1], score[2, 1] = -1, -1
    path = tmp_path / "x.h5"
    write_predictions(Tracks(layout, xy, score, first=100), path, "DLC_me")
    for read in (read_predictions(path), read_predictions(path.with_suffix(".csv"))):
        assert read.first == 100
        assert np.isnan(read.xy[1]).all()
        assert np.isnan(read.xy[2, 1]).all()
        np.testing.assert_array_equal(read.xy[[0, 3]].astype(np.float32), xy[[0, 3]])
    assert path.with_suffix(".csv").read_text().splitlines()[5] == "101" + "," * 12

    frame = pd.read_hdf(path)
    frame.drop(index=102).to_hdf(path, key="df_with_missing", format="table")
    assert len(read_predictions(path)) == 4


@pytest.mark.parametrize("animals", [10, 20, 30, 60])
def test_many_columns(tmp_path, animals):
    layout = Layout(tuple(f"bodypart_{i}" for i in range(40)), tuple(f"mouse_{i}" for i in range(animals)), multi=True)
    tracks = Tracks(layout, np.ones((2, animals, 40, 2)), np.ones((2, animals, 40)))
    write_predictions(tracks, tmp_path / "x.h5", "DLC_Resnet50_openfieldOct30shuffle1_snapshot_best-25", csv=False)
    assert read_predictions(tmp_path / "x.h5").layout == layout


def test_no_csv(tmp_path):
    write_predictions(
        Tracks(Layout(("a",)), np.zeros((2, 1, 1, 2)), np.zeros((2, 1, 1))), tmp_path / "x.h5", "s", csv=False
    )
    assert [path.name for path in tmp_path.iterdir()] == ["x.h5"]


def test_csv_text_is_pandas_text(tmp_path):
    rng = np.random.default_rng(1)
    values = np.concatenate(
        [
            rng.uniform(-5, 3000, 3000),
            10 ** rng.uniform(-20, 5, 3000),
            np.round(rng.uniform(0, 100, 3000), 2),
            [0, 1, np.nan, np.inf, -np.inf, -0.0, 1e20, 3e38, 1e-45],
        ]
    ).astype(np.float32)
    columns = pd.MultiIndex.from_tuples(
        [("s", "a", "x"), ("s", "a", "y"), ("s", "b", "x")], names=["scorer", "bodyparts", "coords"]
    )
    frame = pd.DataFrame(values.reshape(-1, 3), columns=columns)
    write_csv(frame, tmp_path / "ours.csv")
    frame.to_csv(tmp_path / "pandas.csv")
    assert (tmp_path / "ours.csv").read_text() == (tmp_path / "pandas.csv").read_text()
    assert np.array_equal(_shortest(values).astype(np.float32), values, equal_nan=True)


@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_other_files_are_named(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    with pytest.raises(DlcxError, match="no such file"):
        read_predictions(path)
    path.write_text("hello\n")
    with pytest.raises(DlcxError, match=f"x{suffix}"):
        read_predictions(path)


def test_animals_that_are_not_linked_are_filled_in_as_deeplabcut_does(tmp_path):
    """Absent animals -1, -1, -1; an absent part of one that is there nan, nan, 0; frames without a look nan."""
    layout = Layout(("a", "b"), ("ann", "bob"), ("lamp",), multi=True)
    xy, score = np.ones((3, 2, 2, 2), np.float32), np.ones((3, 2, 2), np.float32)
    lamp, sure = np.ones((3, 1, 2), np.float32), np.ones((3, 1), np.float32)
    xy[0, 1], score[0, 1] = np.nan, np.nan
    xy[0, 0, 1], score[0, 0, 1] = np.nan, 0
    for part in (xy[1], score[1], xy[2], score[2], lamp[1], sure[1], lamp[2], sure[2]):
        part[:] = np.nan
    path = tmp_path / "x.h5"
    tracks = Tracks(layout, xy, score, lamp, sure)
    write_predictions(tracks, path, "DLC_me", readable=np.array([True, True, False]))
    rows = pd.read_hdf(path).to_numpy()
    np.testing.assert_array_equal(rows[0], [1, 1, 1, np.nan, np.nan, 0, *[-1] * 6, 1, 1, 1])
    np.testing.assert_array_equal(rows[1], [-1] * 15)
    assert np.isnan(rows[2]).all()
    text = path.with_suffix(".csv").read_text().splitlines()[4:]
    assert text[0] == "0,1.0,1.0,1.0,,,0.0," + "-1.0," * 6 + "1.0,1.0,1.0"
    read = read_predictions(path)
    np.testing.assert_array_equal(read.xy, xy)
    np.testing.assert_array_equal(read.score, score)


@pytest.mark.parametrize(
    "name", ["vidDLC_Resnet50_goldmuiNov22shuffle1_snapshot_10_el", "vidDLC_Resnet50_goldsaNov22shuffle1_snapshot_10"]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_columns_are_read_by_their_names(golden, tmp_path, name, seed):
    """pandas sorts them when programs join or pivot tables."""
    frame = pd.read_hdf(golden / "predictions" / f"{name}.h5")
    wanted = read_predictions(golden / "predictions" / f"{name}.h5")
    order = np.random.default_rng(seed).permutation(frame.shape[1])
    frame.iloc[:, order].to_hdf(tmp_path / "mixed.h5", key="df_with_missing")
    found = read_predictions(tmp_path / "mixed.h5")
    for part in wanted.layout.bodyparts:
        one, two = (tracks.layout.bodyparts.index(part) for tracks in (found, wanted))
        for animal in wanted.layout.individuals:
            here, there = (tracks.layout.individuals.index(animal) for tracks in (found, wanted))
            np.testing.assert_array_equal(found.xy[:, here, one], wanted.xy[:, there, two])
            np.testing.assert_array_equal(found.score[:, here, one], wanted.score[:, there, two])
    for part in wanted.layout.unique:
        one, two = (tracks.layout.unique.index(part) for tracks in (found, wanted))
        np.testing.assert_array_equal(found.unique_xy[:, one], wanted.unique_xy[:, two])


def test_a_column_twice_and_a_table_without_rows_are_refused(golden, tmp_path):
    frame = pd.read_hdf(golden / "predictions" / "vidDLC_Resnet50_goldsaNov22shuffle1_snapshot_10.h5")
    twice = frame.copy()
    twice.columns = [*frame.columns[:-1], frame.columns[0]]
    twice.columns = pd.MultiIndex.from_tuples(twice.columns, names=frame.columns.names)
    twice.to_hdf(tmp_path / "twice.h5", key="df_with_missing", format="table")
    frame.iloc[:0].to_hdf(tmp_path / "empty.h5", key="df_with_missing")
    with pytest.raises(DlcxError, match="that do not fit"):
        read_predictions(tmp_path / "twice.h5")
    with pytest.raises(DlcxError, match=r"empty\.h5: has no frames"):
        read_predictions(tmp_path / "empty.h5")
