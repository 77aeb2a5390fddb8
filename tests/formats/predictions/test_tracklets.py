from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.predictions.swap_candidates import read_swap_candidates, write_swap_candidates
from dlcx.formats.predictions.tracklets import read_tracklets, write_tracklets
from dlcx.formats.serialization.pickles import dump_pickle
from dlcx.formats.shuffles.inference_cfg import InferenceSettings, read_inference_cfg
from dlcx.poses import Instances, Layout, Prediction, SwapCandidate

LAYOUT = Layout(("nose", "tail"), ("one", "two"), ("lamp",), multi=True)


def test_round_trip(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    tracklets = {2: (np.array([5, 6, 9]), random.random((3, 2, 4))), 0: (np.array([7]), random.random((1, 2, 4)))}
    tracklets[2][1][0, 0, :2] = np.nan
    lamp = Instances(np.ones((1, 1, 2), np.float32), np.full((1, 1), 0.5, np.float32))
    found = [Prediction(Instances.empty(2), lamp), Prediction(Instances.empty(2))]
    path = tmp_path / "v_el.pickle"
    write_tracklets(tracklets, found, path, LAYOUT, "DLC_x", frames=1000, first=5)
    stored = read_tracklets(path)
    assert list(stored.tracklets) == [2, 0]
    for number, (frames, poses) in tracklets.items():
        np.testing.assert_array_equal(stored.tracklets[number][0], frames)
        np.testing.assert_array_equal(stored.tracklets[number][1], poses)
    assert list(stored.unique) == [5]
    np.testing.assert_array_equal(stored.unique[5], [[1, 1, 0.5]])
    content = pd.read_pickle(path)
    columns = [("DLC_x", part, coord) for part in ("nose", "tail", "lamp") for coord in ("x", "y", "likelihood")]
    assert list(content["header"]) == columns
    assert content["header"].names == ["scorer", "bodyparts", "coords"]
    assert list(content[2]) == ["frame005", "frame006", "frame009"]


@pytest.mark.parametrize(
    ("name", "count", "shape"),
    [
        ("dlc-tests/trimouse_tracklets.pickle", 3, (50, 12, 4)),
        ("dlc-tests/montblanc_tracklets.pickle", 4, (20, 4, 4)),
        (
            "dlc-history/m3v1mp4short-maDLC/m3v1mp4shortDLC_dlcrnetms5_multi_mouseApr11shuffle3_5_el.pickle",
            2,
            (6, 3, 4),
        ),
    ],
)
def test_deeplabcuts_files_of_all_times(shared: Path, name: str, count: int, shape: tuple[int, ...]) -> None:
    stored = read_tracklets(shared / "data" / "fixtures" / name)
    assert len(stored.tracklets) == count
    frames, poses = stored.tracklets[0]
    assert len(frames) == len(poses)
    assert poses.shape[1:] == shape[1:]
    assert (np.diff(frames) > 0).all()


def test_what_a_tracker_expected_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "v_sk.pickle"
    entries = {"frame0": np.zeros((2, 4)), "frame1": np.zeros(6), "frame2": np.zeros((2, 3))}
    dump_pickle({"header": None, 0: {"frame0": entries["frame0"], "frame1": entries["frame1"]}}, path)
    assert read_tracklets(path).tracklets[0][0].tolist() == [0]
    dump_pickle({"header": None, 0: {"frame2": entries["frame2"]}, 1: {}}, path)
    assert read_tracklets(path).tracklets[0][1][..., 3].tolist() == [[-1, -1]]


@pytest.mark.parametrize("content", [{"a": 1}, [1, 2], {"header": None, "x": 3}])
def test_other_pickles(tmp_path: Path, content: object) -> None:
    path = tmp_path / "other.pickle"
    dump_pickle(content, path)
    with pytest.raises(DlcxError, match="tracklets"):
        read_tracklets(path)


def test_swap_candidates(tmp_path: Path) -> None:
    path = tmp_path / "v_el_swaps.csv"
    swaps = (SwapCandidate(12, 0.75, "one", "two, the second"), SwapCandidate(90, 0.5, "one", "two, the second"))
    write_swap_candidates(swaps, path)
    assert path.read_text().splitlines()[0] == "frame,score,one,other"
    assert read_swap_candidates(path) == swaps
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DlcxError, match="column 'frame' is missing"):
        read_swap_candidates(path)
    with pytest.raises(DlcxError, match="cannot read"):
        read_swap_candidates(tmp_path / "missing.csv")


def test_inference_settings(tmp_path: Path) -> None:
    path = tmp_path / "inference_cfg.yaml"
    assert read_inference_cfg(path) == InferenceSettings()
    path.write_text("pcutoff: 0.3\nmax_age: 3\nmin_hits:\nwithid: true\n")
    assert read_inference_cfg(path) == InferenceSettings(pcutoff=0.3, max_age=3)
    for wrong in ("max_age: 1.5", "pcutoff: high", "iou_threshold: -1", "min_hits: true"):
        path.write_text(wrong + "\n")
        with pytest.raises(DlcxError, match=f"{wrong.split(':')[0]}: expected a number"):
            read_inference_cfg(path)
