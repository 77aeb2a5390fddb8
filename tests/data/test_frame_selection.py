"""The frames that DeepLabCut 3.0.2 draws from the same video with the same seed, as far as rounding decides nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dlcx.data.frame_selection import candidate_frames, downsampled_frames, sample_from_clusters, sample_uniform
from dlcx.data.video import open_video
from dlcx.data.video_file import VideoFile

CASES = json.loads((Path(__file__).parents[1] / "golden" / "post" / "frame_selection.json").read_text())["rows"]


@pytest.fixture(scope="module")
def video(golden: Path) -> VideoFile:
    return open_video(golden / "post" / "frames.avi")


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case['mode']}-{case['start']}-{bool(case['index'])}-{case['numpy_seed']}"
)
def test_frames_are_deeplabcuts(case, video):
    numbers = candidate_frames(video.frames, case["start"], case["stop"], case["index"])
    count = case["numframes2pick"]
    if case["mode"] == "uniform":
        assert sample_uniform(numbers, count, np.random.RandomState(case["numpy_seed"])) == case["frames"]
        return
    looked_at = numbers
    if case["start"] and case["index"] is None:
        # DeepLabCut does not seek: it clusters the first frames of the video, and numbers them as those asked for
        looked_at = np.arange(len(numbers))
    images, readable = downsampled_frames(video, looked_at, color="color" in case["mode"])
    assert readable.all()
    drawn = (
        sample_from_clusters(one, numbers, count, np.random.RandomState(case["numpy_seed"]))
        for one in roundings(images)
    )
    assert case["frames"] in itertools.islice(drawn, ROUNDINGS)


#: Roundings that are tried; DeepLabCut's is one of the first 20 with the BLAS kernels of eight kinds of processor.
ROUNDINGS = 100


def roundings(images: np.ndarray) -> Iterator[np.ndarray]:
    """The images as they are, then with noise as small as rounding.

    scikit-learn may start two clusters from the same image.  Which of the two takes it, and with it the order of the
    clusters, is decided by the last bit of a sum, and so by the processor.
    """
    yield images
    noise = np.random.RandomState(0)
    while True:
        yield images + noise.uniform(-1e-9, 1e-9, images.shape)


def test_other_images_give_other_frames(video):
    """What the test above allows for rounding does not hide a mistake: frames that are a tenth larger are others."""
    (case,) = (case for case in CASES if (case["mode"], case["start"], case["numpy_seed"]) == ("kmeans", 0.25, 5))
    numbers = candidate_frames(video.frames, case["start"], case["stop"], case["index"])
    images, _ = downsampled_frames(video, np.arange(len(numbers)), width=33)
    for one in itertools.islice(roundings(images), 20):
        drawn = sample_from_clusters(one, numbers, case["numframes2pick"], np.random.RandomState(case["numpy_seed"]))
        assert drawn != case["frames"]


def test_all_frames_are_selected_if_there_are_too_few(video):
    draw = np.random.RandomState(0)
    assert sorted(sample_uniform(np.array([3, 5, 8]), 20, draw)) == [3, 5, 8]
    assert sample_uniform(np.array([], int), 20, draw) == []
    assert sample_from_clusters(np.zeros((3, 4)), np.array([3, 5, 8]), 3, draw) == [3, 5, 8]


def test_candidates():
    assert candidate_frames(10, 0.25, 0.9).tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert candidate_frames(10, 0, 1, [7, 0, 3]).tolist() == [3, 7]
    assert candidate_frames(10, 0.5, 1, [7, 4, 9]).tolist() == [7, 9]


def test_small_images_of_a_part_of_the_frame(video):
    numbers = np.array([4, 9])
    gray, _ = downsampled_frames(video, numbers, width=16, crop=(32, 96, 0, 64))
    assert gray.shape == (2, 16 * 16)
    color, _ = downsampled_frames(video, numbers, width=16, crop=(32, 96, 0, 64), color=True)
    assert color.shape == (2, 16 * 16 * 3)
    thirds = color.reshape(2, 16, 3, 16)
    np.testing.assert_allclose(thirds.mean(2).reshape(2, -1), gray)
