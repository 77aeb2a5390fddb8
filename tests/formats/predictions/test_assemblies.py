import pickle

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.predictions.analysis_pickles import read_full_pickle
from dlcx.formats.predictions.assemblies import read_assemblies, write_assemblies
from dlcx.poses import Instances, Prediction

GOLDEN = [
    ("vidDLC_Resnet50_goldmaNov22shuffle1_snapshot_10", 0, 0),
    ("vidDLC_Resnet50_goldmaNov22shuffle2_detector_10_snapshot_10", 0, 0),
    ("vidDLC_Resnet50_goldmuiNov22shuffle1_snapshot_10", 2, 2),
]


def assert_same(ours, theirs):
    assert type(ours) is dict
    assert list(ours) == list(theirs)
    assert list(ours["single"]) == list(theirs["single"])
    pairs = [(ours["single"][key], theirs["single"][key]) for key in theirs["single"]]
    pairs += [(ours[key], theirs[key]) for key in theirs if key != "single"]
    for mine, original in pairs:
        assert mine.dtype == original.dtype
        np.testing.assert_array_equal(mine, original)


@pytest.mark.parametrize(("name", "unique", "individuals"), GOLDEN)
def test_assemblies_of_deeplabcut_are_written_from_its_full_pickle(golden, tmp_path, name, unique, individuals):
    """The animals, and the identities by their votes, equal DeepLabCut's file of the same analysis."""
    frames = read_full_pickle(golden / "predictions" / f"{name}_full.pickle", unique=unique)
    original = golden / "predictions" / f"{name}_assemblies.pickle"
    write_assemblies(list(frames.values()), tmp_path / original.name)
    assert_same(pickle.loads((tmp_path / original.name).read_bytes()), pickle.loads(original.read_bytes()))


@pytest.mark.parametrize(("name", "unique", "individuals"), GOLDEN)
def test_assemblies_of_deeplabcut_are_read_and_written_back(golden, tmp_path, name, unique, individuals):
    original = golden / "predictions" / f"{name}_assemblies.pickle"
    frames = read_assemblies(original, individuals)
    assert list(frames) == list(range(12))
    assert (frames[0].unique is not None) == bool(unique)
    write_assemblies(list(frames.values()), tmp_path / original.name)
    assert_same(pickle.loads((tmp_path / original.name).read_bytes()), pickle.loads(original.read_bytes()))


def test_frames_without_animals_and_of_a_part_of_a_video(tmp_path):
    path = tmp_path / "x_assemblies.pickle"
    one = Prediction(Instances(np.full((1, 3, 2), np.nan), np.zeros((1, 3))))
    write_assemblies([Prediction(Instances.empty(3)), one], path, first=40)
    content = pickle.loads(path.read_bytes())
    assert list(content) == ["single", 40, 41]
    assert content["single"] == {}
    assert content[40].shape == (0, 3, 4)
    np.testing.assert_array_equal(content[41][0, 0], [np.nan, np.nan, 0, -1])
    assert [len(frame.animals) for frame in read_assemblies(path, 2).values()] == [0, 1]


def test_many_frames_are_one_plain_dictionary(tmp_path):
    path = tmp_path / "x_assemblies.pickle"
    pose = Prediction(Instances(np.ones((1, 3, 2)), np.ones((1, 3))), Instances(np.ones((1, 1, 2)), np.ones((1, 1))))
    write_assemblies([pose] * 2500, path)
    content = pickle.loads(path.read_bytes())
    assert (type(content), len(content), len(content["single"])) == (dict, 2501, 2500)


@pytest.mark.parametrize("content", [[1], {"frame0": 1}, {"single": {}, 0: np.zeros((2, 3))}])
def test_other_pickles_are_refused(tmp_path, content):
    path = tmp_path / "x_assemblies.pickle"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DlcxError, match="animals of a video"):
        read_assemblies(path)
