import numpy as np
import pytest
import tables

from dlcx.errors import DlcxError
from dlcx.formats.predictions.sleap_analysis import is_sleap_analysis, read_sleap_analysis


def _write(path, **arrays: np.ndarray) -> None:
    with tables.open_file(path, "w") as file:
        for name, values in arrays.items():
            file.create_array("/", name, values)


def _arrays() -> dict[str, np.ndarray]:
    tracks = np.arange(2 * 2 * 3 * 4, dtype=float).reshape(2, 2, 3, 4)  # animal, coordinate, bodypart, frame
    tracks[1, :, 2, 3] = np.nan
    return {
        "tracks": tracks,
        "track_names": np.array([b"male", b"female"]),
        "node_names": np.array([b"head", b"thorax", b"abdomen"]),
        "point_scores": np.where(np.isfinite(tracks[:, 0]), 0.5, np.nan),
    }


def test_axes_names_and_scores(tmp_path):
    path, arrays = tmp_path / "x.analysis.h5", _arrays()
    _write(path, **arrays)
    assert is_sleap_analysis(path)
    tracks = read_sleap_analysis(path)
    assert tracks.layout.individuals == ("male", "female")
    assert tracks.layout.bodyparts == ("head", "thorax", "abdomen")
    assert tracks.xy.shape == (4, 2, 3, 2)
    np.testing.assert_array_equal(tracks.xy[1, 0, 2], arrays["tracks"][0, :, 2, 1])
    assert np.isnan(tracks.xy[3, 1, 2]).all()
    assert tracks.score[3, 1, 2] == 0
    assert tracks.score[0, 0, 0] == 0.5


def test_a_point_without_score_is_there(tmp_path):
    arrays = _arrays()
    del arrays["point_scores"]
    _write(tmp_path / "x.h5", **arrays)
    tracks = read_sleap_analysis(tmp_path / "x.h5")
    np.testing.assert_array_equal(tracks.score, np.isfinite(tracks.xy).all(-1))


def test_arrays_that_do_not_fit(tmp_path, golden):
    arrays = _arrays()
    arrays["node_names"] = arrays["node_names"][:2]
    _write(tmp_path / "x.h5", **arrays)
    with pytest.raises(DlcxError, match="not the tracks that SLEAP exports"):
        read_sleap_analysis(tmp_path / "x.h5")
    assert not is_sleap_analysis(next((golden / "predictions").glob("*.h5")))
    assert not is_sleap_analysis(tmp_path / "none.h5")
