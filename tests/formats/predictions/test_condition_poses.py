"""Whatever file of predictions is named, the same poses are read from it."""

from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.predictions.analysis_pickles import write_full_pickle
from dlcx.formats.predictions.assemblies import write_assemblies
from dlcx.formats.predictions.condition_poses import read_condition_poses
from dlcx.formats.predictions.evaluation import write_evaluation
from dlcx.formats.predictions.image_predictions import write_image_predictions
from dlcx.formats.predictions.video_predictions import write_predictions
from dlcx.poses import Instances, Layout, Prediction
from dlcx.trackers.keep_order import KeepOrder

LAYOUT = Layout(("nose", "tail"), ("ann", "bob"), multi=True)
POSES = [
    Prediction(Instances(np.arange(8, dtype=np.float32).reshape(2, 2, 2), np.full((2, 2), 0.5, np.float32))),
    Prediction(Instances.empty(2)),
    Prediction(Instances(np.array([[[5, 6], [np.nan, np.nan]]], np.float32), np.array([[0.9, 0]], np.float32))),
]


def assert_same(found: list[Instances]) -> None:
    for one, expected in zip(found, POSES, strict=True):
        np.testing.assert_array_equal(one.xy, expected.animals.xy)
        np.testing.assert_array_equal(one.score, expected.animals.score)


def test_files_of_a_video(tmp_path):
    write_full_pickle(POSES, tmp_path / "v_full.pickle", LAYOUT, frames=20, first=7)
    write_assemblies(POSES, tmp_path / "v_assemblies.pickle", first=7)
    tracks = KeepOrder().link(POSES, LAYOUT, 7)
    write_predictions(tracks, tmp_path / "v.h5", "DLC", readable=np.ones(3, bool))
    for name in ("v_full.pickle", "v_assemblies.pickle", "v.h5", "v.csv"):
        given = read_condition_poses(tmp_path / name, LAYOUT.bodyparts)
        assert not given.images
        assert_same(given.of_frames(7, 3))
        with pytest.raises(DlcxError, match=f"{name} has no poses of frame 10"):
            given.of_frames(8, 3)
        with pytest.raises(DlcxError, match=r"has no poses of .*: its poses are of a video"):
            given.of_image(Path("labeled-data/v/img1.png"))


def test_files_of_images(tmp_path):
    names = [("labeled-data", "v", f"img{number}.png") for number in range(4)]
    write_evaluation(names, [*POSES, None], LAYOUT, tmp_path / "e.h5", "DLC")
    elsewhere = [Path("/elsewhere").joinpath(*name) for name in names[:3]]
    write_image_predictions(elsewhere, POSES, LAYOUT, tmp_path / "i.h5", "DLC")
    for name in ("e.h5", "i.h5", "i.csv"):
        given = read_condition_poses(tmp_path / name, LAYOUT.bodyparts)
        assert not given.frames
        assert_same([given.of_image(tmp_path.joinpath(*image)) for image in names[:3]])
        with pytest.raises(DlcxError, match="has no poses of"):
            given.of_image(tmp_path.joinpath(*names[3]))
        with pytest.raises(DlcxError, match="has no poses of frame 0: its poses are of images"):
            given.of_frames(0, 1)


def test_bodyparts_are_put_in_order(tmp_path):
    write_evaluation([("labeled-data", "v", "a.png")], POSES[:1], LAYOUT, tmp_path / "e.h5", "DLC")
    found = read_condition_poses(tmp_path / "e.h5", ("tail", "nose")).of_image(Path("v/a.png"))
    np.testing.assert_array_equal(found.xy, POSES[0].animals.xy[:, ::-1])
    with pytest.raises(DlcxError, match="bodypart 'ear' is missing; the file has nose, tail"):
        read_condition_poses(tmp_path / "e.h5", ("nose", "ear"))


def test_files_that_do_not_fit(tmp_path):
    write_assemblies(POSES, tmp_path / "v_assemblies.pickle")
    with pytest.raises(DlcxError, match="expected 3 bodyparts, got 2"):
        read_condition_poses(tmp_path / "v_assemblies.pickle", ("a", "b", "c"))
    with pytest.raises(DlcxError, match="not a file of predictions"):
        read_condition_poses(tmp_path / "v.mp4", ("a",))
