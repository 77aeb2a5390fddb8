from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.shuffles.merged_labels import merge_labels
from dlcx.poses import Labels, Layout

FILES = Path(__file__).parents[2] / "golden" / "files"
MERGED = {path.parts[-5]: path.with_suffix("") for path in FILES.glob("*/training-datasets/*/*/CollectedData_me.h5")}
SINGLE = Layout(bodyparts=("snout", "back", "tail"))


@pytest.fixture
def told(caplog, monkeypatch):
    """What dlcx warns of, also after a test of the command line took its log over."""
    monkeypatch.setattr(logging.getLogger("dlcx"), "propagate", True)
    return caplog


@pytest.mark.parametrize("name", ["sa", "ma", "mui"])
@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_round_trip_equals_deeplabcuts_files(name, suffix, tmp_path):
    labels = read_labels(f"{MERGED[name]}{suffix}")
    h5, csv = write_labels(labels, tmp_path / "CollectedData_me", "me")
    assert csv.read_bytes() == Path(f"{MERGED[name]}.csv").read_bytes()
    with pd.HDFStore(h5, "r") as store:
        assert store.keys() == ["/df_with_missing"]
        assert not store.get_storer("df_with_missing").is_table
    pd.testing.assert_frame_equal(pd.read_hdf(h5), pd.read_hdf(f"{MERGED[name]}.h5"))


def test_the_h5_holds_nothing_that_pandas_2_cannot_read(tmp_path):
    import tables

    labels = read_labels(MERGED["mui"])
    h5, _ = write_labels(labels, tmp_path / "x", "me")

    def kinds(path):
        with tables.open_file(path) as file:
            return {node._v_pathname: getattr(node._v_attrs, "kind", None) for node in file.walk_nodes("/", "Array")}

    assert kinds(h5) == kinds(f"{MERGED['mui']}.h5")


def test_values_and_order():
    labels = read_labels(MERGED["mui"])
    assert labels.layout == Layout(("snout", "back", "tail"), ("ann", "bob"), ("lamp", "door"), multi=True)
    assert labels.images[0] == ("labeled-data", "vid", "img00.png")
    np.testing.assert_array_equal(labels.xy[0, 0], [[np.nan, np.nan], [35.593, 42.063], [16.731, 29.95]])
    np.testing.assert_array_equal(labels.unique_xy[0], [[np.nan, np.nan], [30.5, 107.25]])


@pytest.mark.parametrize("folder", ["labeled-data/vid/", "labeled-data\\vid\\"])
def test_both_forms_of_rows(folder, tmp_path):
    new = pd.read_hdf(f"{MERGED['sa']}.h5")
    old = new.set_axis([folder + image for _, _, image in new.index])
    old.to_hdf(tmp_path / "old.h5", key="df_with_missing", mode="w")
    old.to_csv(tmp_path / "text.csv")
    expected = read_labels(MERGED["sa"])
    for path in (tmp_path / "old.h5", tmp_path / "text.csv"):
        labels = read_labels(path)
        assert labels.images == expected.images
        np.testing.assert_array_equal(labels.xy, expected.xy)


def test_csv_alone_is_enough_and_names_stay_text(tmp_path):
    text = Path(f"{MERGED['sa']}.csv").read_text().replace(",vid,", ",007,")
    (tmp_path / "CollectedData_me.csv").write_text(text)
    labels = read_labels(tmp_path / "CollectedData_me", SINGLE, "me")
    assert labels.images[1] == ("labeled-data", "007", "img01.png")
    np.testing.assert_array_equal(labels.xy, read_labels(MERGED["sa"]).xy)


def test_names_come_in_the_projects_order_and_unknown_ones_are_told(tmp_path, told):
    layout = Layout(bodyparts=("tail", "paw", "snout"))
    labels = read_labels(MERGED["sa"], layout, "me")
    expected = read_labels(MERGED["sa"]).xy
    np.testing.assert_array_equal(labels.xy[:, :, 0], expected[:, :, 2])
    np.testing.assert_array_equal(labels.xy[:, :, 2], expected[:, :, 0])
    assert np.isnan(labels.xy[:, :, 1]).all()
    assert "bodyparts not in config.yaml, left out: back" in told.text
    assert "bodyparts without labels: paw" in told.text


def test_likelihoods_are_dropped(tmp_path, told):
    table = pd.read_hdf(f"{MERGED['sa']}.h5")
    table[("me", "snout", "likelihood")] = 1.0
    table.to_hdf(tmp_path / "x.h5", key="df_with_missing", mode="w")
    np.testing.assert_array_equal(read_labels(tmp_path / "x.h5").xy, read_labels(MERGED["sa"]).xy)
    assert "likelihood" in told.text


def test_spreadsheets_drop_empty_cells_at_the_end(tmp_path):
    (tmp_path / "x.csv").write_text("scorer,me,me\nbodyparts,a,a,b,b\ncoords,x,y,x,y\nlabeled-data/v/i.png,1,2\n")
    labels = read_labels(tmp_path / "x.csv")
    np.testing.assert_array_equal(labels.xy[0, 0], [[1, 2], [np.nan, np.nan]])


def test_another_scorer_or_kind_is_an_error():
    with pytest.raises(DlcxError, match=r"labeled by 'me', but config\.yaml says scorer 'you'"):
        read_labels(MERGED["sa"], SINGLE, "you")
    with pytest.raises(DlcxError, match="labels of several animals"):
        read_labels(MERGED["ma"], SINGLE, "me")
    with pytest.raises(DlcxError, match="labels of a single animal"):
        read_labels(MERGED["sa"], read_labels(MERGED["ma"]).layout)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.h5", b"no hdf", "no HDF5 file"),
        ("x.csv", b"frame,x,y\n1,2,3\n", "expected lines that begin with scorer"),
        ("x.csv", b"", "expected lines that begin with scorer"),
        ("x.csv", b"scorer,me,me\nbodyparts,a,a\ncoords,x,y\nlabeled-data/v/i.png,1,left\n", "'left'"),
        ("x.csv", b"scorer,me,me\nbodyparts,a,a\ncoords,x,y\nlabeled-data/v/i.png,1,2,3\n", "row 4 has 4 columns"),
        ("x.csv", b"scorer,me,me\nbodyparts,a,a\ncoords,x,y\ni.png,1,2\n", "expected labeled-data/<video>/<image>"),
    ],
)
def test_broken_files_are_named(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DlcxError) as caught:
        read_labels(tmp_path / "x")
    assert message in str(caught.value)
    with pytest.raises(DlcxError, match="no such label file"):
        read_labels(tmp_path / "absent")


def test_merging_sorts_and_refuses_duplicates():
    def part(*names: str) -> Labels:
        images = tuple(("labeled-data", *name.split("/")) for name in names)
        xy = np.arange(len(names) * 6, dtype=float).reshape(-1, 1, 3, 2)
        return Labels(SINGLE, images, xy, np.zeros((len(names), 0, 2)))

    merged = merge_labels([part("b/1", "a/2"), part("a/1")], SINGLE)
    assert [image[1:] for image in merged.images] == [("a", "1"), ("a", "2"), ("b", "1")]
    np.testing.assert_array_equal(merged.xy[:, 0, 0, 0], [0, 6, 0])
    with pytest.raises(DlcxError, match="labeled-data/a/1 is labeled twice"):
        merge_labels([part("a/1"), part("a/1")], SINGLE)


def test_every_real_label_file_is_read(shared):
    paths = [path for path in (shared / "data").rglob("*CollectedData*.*") if path.suffix in (".h5", ".csv")]
    paths += [*(shared / "data").rglob("sleap-dlc-csv/*.csv"), *(shared / "data").rglob("*calib.h5")]
    assert len(paths) >= 30
    for path in paths:
        labels = read_labels(path)
        assert len(labels) > 0
        assert np.isfinite(labels.xy).any(), path
        assert all(image[0] == "labeled-data" for image in labels.images)
        twin = path.with_suffix(".csv")
        if path.suffix == ".h5" and twin.exists():
            np.testing.assert_allclose(read_labels(twin).xy, labels.xy)


def test_a_table_without_rows_has_no_labels(tmp_path):
    columns = pd.MultiIndex.from_product([["me"], ["a", "b"], ["x", "y"]], names=["scorer", "bodyparts", "coords"])
    pd.DataFrame(np.zeros((0, 4)), columns=columns).to_hdf(tmp_path / "empty.h5", key="df_with_missing")
    labels = read_labels(tmp_path / "empty.h5")
    assert labels.images == ()
    assert labels.xy.shape == (0, 1, 2, 2)
    assert labels.unique_xy.shape == (0, 0, 2)
    for file in write_labels(labels, tmp_path / "again", "me"):
        assert read_labels(file).xy.shape == (0, 1, 2, 2)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_positions_without_bounds_are_refused(tmp_path, value, suffix):
    table = pd.read_hdf(f"{MERGED['sa']}.h5")
    table.iloc[2, 3] = value
    table.to_hdf(tmp_path / "labels.h5", key="df_with_missing")
    table.to_csv(tmp_path / "labels.csv")
    with pytest.raises(DlcxError) as caught:
        read_labels(tmp_path / f"labels{suffix}")
    says = f"labels{suffix}, labeled-data/vid/img02.png: expected a position in the image for back y, got {value:g}"
    assert str(caught.value).endswith(says)


@pytest.mark.filterwarnings("ignore::pandas.errors.PerformanceWarning")
@pytest.mark.parametrize("kind", [bool, object, complex, "datetime64[s]"])
def test_tables_of_other_things_than_numbers_are_refused(tmp_path, kind):
    table = (pd.read_hdf(f"{MERGED['sa']}.h5").fillna(0) > 30).astype(kind)
    table.to_hdf(tmp_path / "labels.h5", key="df_with_missing")
    with pytest.raises(DlcxError, match=r"labels\.h5: expected numbers"):
        read_labels(tmp_path / "labels.h5")


@pytest.mark.filterwarnings("ignore::pandas.errors.PerformanceWarning")
def test_numbers_as_names_and_bytes_as_rows(tmp_path):
    table = pd.DataFrame(
        [[1.0, 2.0, 3.0, 4.0]],
        index=pd.Index([b"labeled-data/v/i.png"]),
        columns=pd.MultiIndex.from_product([["me"], [1, 2], ["x", "y"]], names=["scorer", "bodyparts", "coords"]),
    )
    table.to_hdf(tmp_path / "labels.h5", key="df_with_missing")
    labels = read_labels(tmp_path / "labels.h5", Layout(("2", "1")))
    assert labels.images == (("labeled-data", "v", "i.png"),)
    np.testing.assert_array_equal(labels.xy, [[[[3, 4], [1, 2]]]])
