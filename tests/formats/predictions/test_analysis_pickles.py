import enum
import pickle
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.predictions.analysis_pickles import (
    AnalysisMeta,
    read_full_pickle,
    read_meta_pickle,
    write_full_pickle,
    write_meta_pickle,
)
from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.poses import Instances, Layout, Prediction

SA = Layout(("snout", "back", "tail"))
MA = Layout(("snout", "ear", "back", "tail"), ("ann", "bob", "cid"), multi=True)
MUI = Layout(("snout", "back", "tail"), ("ann", "bob"), ("lamp", "door"), multi=True)
GOLDEN = [
    ("vidDLC_Resnet50_goldsaNov22shuffle1_snapshot_10", SA, None),
    ("vidDLC_Resnet50_goldmaNov22shuffle1_snapshot_10", MA, [0, 3, 2]),
    ("vidDLC_Resnet50_goldmaNov22shuffle2_detector_10_snapshot_10", MA, None),
    ("vidDLC_Resnet50_goldmuiNov22shuffle1_snapshot_10", MUI, [0, 2]),
]


def assert_same(ours, theirs, where=""):
    assert type(ours) is type(theirs), where
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), where
        for key in theirs:
            assert_same(ours[key], theirs[key], f"{where}/{key}")
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), where
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_same(*pair, f"{where}/{number}")
    elif isinstance(theirs, np.ndarray):
        assert ours.shape == theirs.shape, where
        assert ours.dtype == theirs.dtype, where
        np.testing.assert_array_equal(ours, theirs, where)
    else:
        assert ours == theirs, where


@pytest.mark.parametrize(("name", "layout", "edges"), GOLDEN)
def test_full_pickles_of_deeplabcut_are_written_back(golden, tmp_path, name, layout, edges):
    original = golden / "predictions" / f"{name}_full.pickle"
    frames = read_full_pickle(original, unique=len(layout.unique))
    assert list(frames) == list(range(12))
    assert frames[0].animals.xy.shape == (len(layout.individuals), len(layout.bodyparts), 2)
    written = tmp_path / original.name
    write_full_pickle(frames.values(), written, layout, frames=12, paf_edges=edges)
    assert_same(pickle.loads(written.read_bytes()), pickle.loads(original.read_bytes()))


def test_animals_that_were_not_found_are_filled_in_and_left_out_again(tmp_path):
    """As DeepLabCut pads its predictions: -1 for pose, score, box and its score, up to the number of individuals."""
    path = tmp_path / "x_full.pickle"
    one = Instances(
        np.array([[[1, 2], [np.nan, np.nan], [5, 6]]], np.float32),
        np.array([[0.5, 0, 0.25]], np.float32),
        box=np.array([[1, 2, 3, 4]], np.float32),
        box_score=np.array([0.75], np.float32),
        identity=np.ones((1, 3, 2), np.float32),
    )
    lamp = Instances(np.ones((1, 2, 2), np.float32), np.ones((1, 2), np.float32))
    write_full_pickle([Prediction(one, lamp), Prediction(Instances.empty(3))], path, MUI, frames=2)
    frame = load_plain_pickle(path)["frame0"]
    coordinates, confidence = frame["coordinates"][0], frame["confidence"]
    np.testing.assert_array_equal(coordinates[0], [[1, 2], [-1, -1]])
    np.testing.assert_array_equal(coordinates[1], [[np.nan, np.nan], [-1, -1]])
    np.testing.assert_array_equal(confidence[1], [[0], [-1]])
    np.testing.assert_array_equal(frame["bboxes"], [[1, 2, 3, 4], [-1, -1, -1, -1]])
    np.testing.assert_array_equal(frame["bbox_scores"], [0.75, -1])
    np.testing.assert_array_equal(frame["identity"][0], [[1, 1], [-1, -1]])
    assert [part.shape for part in coordinates] == [(2, 2)] * 3 + [(1, 2)] * 2
    read = read_full_pickle(path, unique=2)
    for name in ("xy", "score", "box", "box_score", "identity"):
        np.testing.assert_array_equal(getattr(read[0].animals, name), getattr(one, name))
    np.testing.assert_array_equal(read[0].unique.xy, lamp.xy)
    assert len(read[1].animals) == 0
    assert read[1].unique is None


def test_boxes_of_a_conditional_net_have_no_scores(tmp_path):
    path = tmp_path / "x_full.pickle"
    one = Instances(np.ones((1, 3, 2), np.float32), np.ones((1, 3), np.float32), box=np.ones((1, 4), np.float32))
    write_full_pickle([Prediction(one)], path, MUI, frames=1)
    frame = load_plain_pickle(path)["frame0"]
    np.testing.assert_array_equal(frame["bboxes"], [[1, 1, 1, 1], [-1, -1, -1, -1]])
    assert "bbox_scores" not in frame
    assert read_full_pickle(path, unique=2)[0].animals.box_score is None


@pytest.mark.parametrize(
    ("frames", "key"), [(1, "frame0"), (10, "frame0"), (40, "frame00"), (100, "frame00"), (101, "frame000")]
)
def test_width_of_frame_numbers(tmp_path, frames, key):
    path = tmp_path / "x_full.pickle"
    write_full_pickle([Prediction(Instances.empty(3))], path, SA, frames=frames)
    assert list(load_plain_pickle(path)) == ["metadata", key]


def test_frames_of_a_part_keep_their_numbers(tmp_path):
    path = tmp_path / "x_full.pickle"
    write_full_pickle([Prediction(Instances.empty(3))] * 3, path, SA, frames=500, first=99)
    assert list(load_plain_pickle(path))[1:] == ["frame099", "frame100", "frame101"]
    assert [len(prediction.animals) for prediction in read_full_pickle(path).values()] == [0, 0, 0]


def test_many_frames_are_one_plain_dictionary(tmp_path):
    path = tmp_path / "x_full.pickle"
    pose = Prediction(Instances(np.ones((1, 3, 2)), np.ones((1, 3))))
    write_full_pickle((pose for _ in range(2500)), path, SA, frames=2500)
    content = pickle.loads(path.read_bytes())
    assert type(content) is dict
    assert len(content) == 2501


class Kind(enum.Enum):
    ONE = "resnet_50"


class Foreign:
    def __init__(self):
        self.answer = 42


META = AnalysisMeta(
    scorer="DLC_Resnet50_x",
    layout=SA,
    start=100.0,
    stop=101.5,
    fps=30.0,
    size=(160, 128),
    frames=12,
    batch_size=4,
    iteration=0,
    fraction=0.75,
    config={"net_type": "resnet_50", "metadata": {"project_path": "a/b"}, "logger": None, "gpus": [0, 1]},
    duration=1.5,
)


def test_meta_round_trip(tmp_path):
    path = tmp_path / "x_meta.pickle"
    write_meta_pickle(META, path)
    assert read_meta_pickle(path) == replace(META, duration=1.5)
    resumed = replace(META, duration=7.5)
    write_meta_pickle(resumed, path)
    assert read_meta_pickle(path) == resumed
    assert (META.seconds, resumed.seconds) == (1.5, 7.5)
    write_meta_pickle(META, path)
    data = pickle.loads(path.read_bytes())["data"]
    assert list(data) == [
        *("start", "stop", "run_duration", "Scorer", "pytorch-config", "fps", "batch_size", "frame_dimensions"),
        *("nframes", "iteration (active-learning)", "training set fraction", "cropping", "cropping_parameters"),
        *("individuals", "bodyparts", "unique_bodyparts"),
    ]
    assert (data["run_duration"], data["cropping"], data["cropping_parameters"]) == (1.5, False, [0, 160, 0, 128])


def test_enumerations_and_paths_are_written_plainly(tmp_path):
    path = tmp_path / "x_meta.pickle"
    config = {"net_type": Kind.ONE, "path": Path("a") / "b", "more": (Kind.ONE,)}
    write_meta_pickle(AnalysisMeta(**{**vars(META), "config": config}), path)
    assert read_meta_pickle(path).config == {"net_type": "resnet_50", "path": "a/b", "more": ["resnet_50"]}
    assert b"Kind" not in path.read_bytes()


def test_classes_that_are_not_here_do_not_matter(tmp_path):
    path = tmp_path / "x_meta.pickle"
    write_meta_pickle(META, path)
    data = pickle.loads(path.read_bytes())
    data["data"]["pytorch-config"] = {"net_type": Kind.ONE, "path": PurePosixPath("/a/b")}
    path.write_bytes(pickle.dumps(data))
    assert read_meta_pickle(path).config == {"net_type": "resnet_50", "path": "/a/b"}


def test_nothing_is_run(tmp_path, capsys):
    class Evil:
        def __reduce__(self):
            return print, ("code of a stranger",)

    path = tmp_path / "evil.pickle"
    path.write_bytes(pickle.dumps([Evil(), Foreign()]))
    evil, foreign = load_plain_pickle(path, foreign=True)
    assert evil.plain == "code of a stranger"
    assert foreign.state == {"answer": 42}
    assert "stranger" not in capsys.readouterr().out


@pytest.mark.parametrize("read", [read_full_pickle, read_meta_pickle])
def test_other_files_are_named(tmp_path, read):
    path = tmp_path / "x.pickle"
    with pytest.raises(DlcxError, match=r"x\.pickle"):
        read(path)
    for content in (
        b"hello",
        pickle.dumps({"data": {"a": 1}}),
        pickle.dumps({"metadata": {}, "frame0": {}}),
        pickle.dumps([1]),
    ):
        path.write_bytes(content)
        with pytest.raises(DlcxError, match=r"x\.pickle"):
            read(path)
