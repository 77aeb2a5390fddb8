"""The frames that DeepLabCut 3.0.2 draws of the same video with the same seed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from dlcx.data.selection import candidates, draw_of_clusters, draw_uniform, small_images
from dlcx.data.video import VideoFile, open_video
from dlcx.errors import DlcxError

CASES = json.loads((Path(__file__).parents[1] / "golden" / "post" / "frame_selection.json").read_text())["rows"]


@pytest.fixture(scope="module")
def video(golden: Path) -> VideoFile:
    return open_video(golden / "post" / "frames.avi")


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['mode']}-{case['start']}-{bool(case['index'])}-{case['numpy_seed']}"
)
def test_frames_are_deeplabcuts(case, video):
    numbers = candidates(video.frames, case["start"], case["stop"], case["index"])
    draw, count = np.random.RandomState(case["numpy_seed"]), case["numframes2pick"]
    if case["mode"] == "uniform":
        assert draw_uniform(numbers, count, draw) == case["frames"]
        return
    looked_at = numbers
    if case["start"] and case["index"] is None:
        # DeepLabCut does not seek: it clusters the first frames of the video, and numbers them as those asked for
        looked_at = np.arange(len(numbers))
    images, readable = small_images(video, looked_at, color="color" in case["mode"])
    assert readable.all()
    assert draw_of_clusters(images, numbers, count, draw) == case["frames"]


def test_what_there_is_when_more_is_asked_for(video):
    draw = np.random.RandomState(0)
    assert sorted(draw_uniform(np.array([3, 5, 8]), 20, draw)) == [3, 5, 8]
    assert draw_uniform(np.array([], int), 20, draw) == []
    assert draw_of_clusters(np.zeros((3, 4)), np.array([3, 5, 8]), 3, draw) == [3, 5, 8]


def test_candidates():
    assert candidates(10, 0.25, 0.9).tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert candidates(10, 0, 1, [7, 0, 3]).tolist() == [3, 7]
    assert candidates(10, 0.5, 1, [7, 4, 9]).tolist() == [7, 9]


def test_small_images_of_a_part_of_the_frame(video):
    numbers = np.array([4, 9])
    grey, _ = small_images(video, numbers, width=16, crop=(32, 96, 0, 64))
    assert grey.shape == (2, 16 * 16)
    color, _ = small_images(video, numbers, width=16, crop=(32, 96, 0, 64), color=True)
    assert color.shape == (2, 16 * 16 * 3)
    thirds = color.reshape(2, 16, 3, 16)
    np.testing.assert_allclose(thirds.mean(2).reshape(2, -1), grey)


def test_without_scikit_learn_a_way_out_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DlcxError, match="scikit-learn") as caught:
        draw_of_clusters(np.zeros((9, 4)), np.arange(9), 3, np.random.RandomState(0))
    assert "--method uniform" in caught.value.hint
