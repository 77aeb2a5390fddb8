import json
import logging

import numpy as np
import pandas as pd
import pytest

from dlcx.cli.app import run
from dlcx.data import synthetic
from dlcx.errors import DlcxError
from dlcx.formats.predictions.video_predictions import read_predictions, write_predictions
from dlcx.poses import Layout, Tracks
from dlcx.workflow.evaluate_tracks import evaluate_tracks


@pytest.fixture
def files(tmp_path):
    """A tracker's file, whose two animals change places in frame 30, and the truth under other names."""
    scene = synthetic.scene(2, 40, seed=1)
    truth = Tracks(scene.layout, scene.xy.astype(np.float32), np.ones(scene.xy.shape[:3], np.float32))
    write_predictions(truth, tmp_path / "truth.h5", "truth")
    xy = scene.xy.copy()
    xy[30:] = xy[30:, ::-1]
    layout = Layout(scene.layout.bodyparts, ("ind1", "ind2"), multi=True)
    write_predictions(Tracks(layout, xy, np.ones(xy.shape[:3])), tmp_path / "found_el.h5", "net", key="tracks")
    return tmp_path / "found_el.h5", tmp_path / "truth.h5"


@pytest.mark.parametrize("suffix", [".h5", ".csv"])
def test_any_file_of_tracks(files, suffix):
    found, truth = (path.with_suffix(suffix) for path in files)
    result = evaluate_tracks(found, truth)
    assert result.metrics.DetA == pytest.approx(1)
    assert pytest.approx(0.75) == result.metrics.IDF1
    assert [one.track for one in result.metrics.animals] == ["ind1", "ind2"]
    assert {(one.frame, one.animal) for one in result.metrics.switched} == {(30, "mouse1"), (30, "mouse2")}
    lines = result.lines()
    assert "IDF1: 0.7500 (IDP 0.7500, IDR 0.7500)" in lines
    assert "switch: frame 30, mouse1, ind1 -> ind2" in lines


def test_a_table_under_any_key(files):
    found, truth = files
    pd.read_hdf(found, "tracks").to_hdf(found, key="df", mode="w", format="fixed")
    assert pytest.approx(0.75) == evaluate_tracks(found, truth).metrics.IDF1


def test_sleaps_analysis_file(golden):
    """Written by SLEAP; from the tests of deepof."""
    path = golden / "tracks" / "sleap.analysis.h5"
    result = evaluate_tracks(path, path)
    assert (result.metrics.HOTA, result.metrics.frames, len(result.bodyparts)) == (1, 101, 14)
    assert result.bodyparts[0] == "Nose"
    assert result.metrics.animals[0].name == "track_0"


def test_frames_that_were_not_analyzed_are_told(files, caplog, monkeypatch):
    """They count as missed."""
    monkeypatch.setattr(logging.getLogger("dlcx"), "propagate", True)
    found, truth = files
    evaluate_tracks(found, truth)
    assert not caplog.messages
    part = read_predictions(found)
    part = Tracks(part.layout, part.xy[5:25], part.score[5:25], first=5)
    write_predictions(part, found, "net", key="tracks")
    evaluate_tracks(found, truth)
    (told,) = caplog.messages
    assert "has frames 5:25, the truth frames 0:40: animals of the 20 frames that it lacks count as missed" in told
    assert "--frames 5:25" in told
    evaluate_tracks(found, truth, frames=(5, 25))
    assert len(caplog.messages) == 1


def test_frames_are_known_by_number(files, tmp_path):
    found, truth = files
    assert pytest.approx(1) == evaluate_tracks(found, truth, frames=(None, 30)).metrics.HOTA
    assert pytest.approx(0.5) == evaluate_tracks(found, truth, frames=(20, 40)).metrics.IDF1
    tracks = read_predictions(truth)
    late = Tracks(tracks.layout, tracks.xy[10:], tracks.score[10:])  # a clip that counts from 0
    write_predictions(late, tmp_path / "clip.h5", "net", key="tracks")
    assert pytest.approx(1) == evaluate_tracks(tmp_path / "clip.h5", truth, offset=10, frames=(10, 40)).metrics.HOTA
    assert evaluate_tracks(tmp_path / "clip.h5", truth).metrics.HOTA < 0.9
    with pytest.raises(DlcxError, match="share no frame: frames 50:80 and frames 0:40") as caught:
        evaluate_tracks(tmp_path / "clip.h5", truth, offset=50)
    assert "--offset" in caught.value.hint
    with pytest.raises(DlcxError, match="--frames 90:: the truth has frames 0:40"):
        evaluate_tracks(found, truth, frames=(90, None))


@pytest.mark.parametrize(
    ("options", "text"),
    [({"sigma": 0}, "--sigma 0"), ({"threshold": 1}, "--threshold 1"), ({"scale": -2}, "--scale -2")],
)
def test_values_out_of_range(files, options, text):
    with pytest.raises(DlcxError, match=text):
        evaluate_tracks(*files, **options)


def test_files_that_do_not_fit(files, tmp_path):
    found, truth = files
    point = Tracks(Layout(("dot",), ("a", "b"), multi=True), np.ones((9, 2, 1, 2)), np.ones((9, 2, 1)))
    write_predictions(point, tmp_path / "dot.h5", "net")
    with pytest.raises(DlcxError, match="share no bodypart"):
        evaluate_tracks(tmp_path / "dot.h5", truth)
    with pytest.raises(DlcxError, match="single keypoint") as caught:
        evaluate_tracks(tmp_path / "dot.h5", tmp_path / "dot.h5")
    assert "--scale" in caught.value.hint
    nobody = Tracks(point.layout, np.full((9, 2, 1, 2), np.nan), np.zeros((9, 2, 1)))
    write_predictions(nobody, tmp_path / "nobody.h5", "net")
    with pytest.raises(DlcxError, match="no animal"):
        evaluate_tracks(tmp_path / "dot.h5", tmp_path / "nobody.h5")
    with pytest.raises(DlcxError, match="no such file"):
        evaluate_tracks(tmp_path / "none.h5", truth)
    with pytest.raises(DlcxError, match="not a file of tracks"):
        evaluate_tracks(found, tmp_path / "truth.pickle")


def test_the_command(files, capsys):
    assert run(["evaluate-tracks", *map(str, files), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["metrics"]["switches"] == 2
    assert printed["metrics"]["animals"][0]["name"] == "mouse1"
    assert run(["evaluate-tracks", *map(str, files), "--frames", "0:30"]) == 0
    assert "HOTA: 1.0000" in capsys.readouterr().out
