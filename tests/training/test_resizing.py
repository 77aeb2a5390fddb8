"""Batches of one size: labels follow the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlcx.data.augment import generator
from dlcx.errors import DlcxError
from dlcx.nets.configure import DETECTOR
from dlcx.training.resizing import ListedSize, Resizing, ScaledSize, build_resizing
from dlcx.training.samples import Sample

DATA_SIZE = DETECTOR["data"]["train"]["collate"]


def sample(width: int, height: int, xy: tuple[float, float]) -> Sample:
    """A dark image with a bright square around one keypoint, and a keypoint that is not labeled."""
    image = np.zeros((height, width, 3), np.uint8)
    x, y = map(int, xy)
    image[max(y - 6, 0) : y + 6, max(x - 6, 0) : x + 6] = 255
    return Sample(
        image,
        Path("a.png"),
        keypoints=np.array([[[*xy, 2], [0, 0, 0]]], np.float32),
        unique=np.array([[*xy, 2]], np.float32),
        area=np.array([144], np.float32),
        boxes=np.array([[x - 6, y - 6, 12, 12]], np.float32),
        ids=np.array([0]),
    )


def resized(resizing: Resizing, samples: list[Sample], trial: int) -> list[Sample]:
    """The samples in the size of the first one."""
    size = resizing.size(samples[0], generator(1, trial))
    return [resizing.cut(one, size, generator(1, trial, number)) for number, one in enumerate(samples)]


def test_labels_lie_where_the_pixels_are():
    resizing = Resizing(ScaledSize(0.4, 1.0, 64, 400, multiple=32), shift=5)
    for trial in range(30):
        one, other = resized(resizing, [sample(320, 200, (160, 100)), sample(150, 180, (75, 90))], trial)
        assert one.image.shape == other.image.shape
        for changed in (one, other):
            x, y, width, height = changed.boxes[0]
            bright = np.argwhere(changed.image[..., 0] > 127)
            if width * height > 0:
                low, high = bright.min(0)[::-1], bright.max(0)[::-1] + 1
                np.testing.assert_allclose([*low, *high], [x, y, x + width, y + height], atol=1.01)
            assert changed.keypoints[0, 1, 2] == 0
            if changed.keypoints[0, 0, 2]:
                assert x <= changed.keypoints[0, 0, 0] <= x + width
                np.testing.assert_array_equal(changed.unique, changed.keypoints[0, :1])


def test_sizes_keep_to_their_bounds():
    sizes = ScaledSize(0.4, 1.0, 128, 1152, multiple=32)
    drawn = np.array([sizes.sample((640, 480), np.random.default_rng(seed)) for seed in range(50)])
    assert (drawn % 32 == 0).all()
    assert len(np.unique(drawn, axis=0)) > 10
    assert drawn[:, 1].min() >= 192
    assert drawn.max(0).tolist() == [640, 480]
    assert all(0.85 < width / height / (4 / 3) < 1.2 for width, height in drawn)
    rng = np.random.default_rng(0)
    assert sizes.sample((100, 100), rng) == (128, 128)
    assert sizes.sample((4000, 4000), rng) == (1152, 1152)
    assert sizes.sample((100, 1000), rng) == (128, 256)
    assert ScaledSize(1, 1, multiple=32, square=True).sample((640, 480), rng) == (480, 480)


def test_an_image_covers_the_new_size_but_for_the_shift():
    bright = sample(200, 100, (100, 50))
    bright.image[:] = 255
    for trial in range(20):
        (cut,) = resized(Resizing(ListedSize(((96, 96),)), shift=8), [bright], trial)
        dark = cut.image.max(-1) == 0
        assert cut.image.shape == (96, 96, 3)
        assert (~dark.all(0)).sum() >= 88
        assert (~dark.all(1)).sum() >= 88


def test_what_is_cut_off_is_not_labeled():
    right = sample(400, 100, (390, 50))
    cuts = [resized(Resizing(ListedSize(((100, 100),)), shift=0), [right], trial)[0] for trial in range(20)]
    gone = [cut for cut in cuts if cut.boxes[0, 2] == 0]
    assert gone
    assert all(cut.keypoints[0, 0].tolist() == [0, 0, 0] for cut in gone)


def test_blocks_of_the_file():
    found = build_resizing(DATA_SIZE, "detector.data.train.collate")
    assert found == Resizing(ScaledSize(0.4, 1.0, 128, 1152, 2.0, 32, False))
    listed = build_resizing({"type": "ResizeFromListCollate", "scales": [64, [48, 96]], "max_shift": 3}, "collate")
    assert listed == Resizing(ListedSize(((64, 64), (96, 48))), shift=3)
    assert build_resizing(None, "collate") is None


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"type": "ResizeFromDataCollate"}, r"data\.train\.collate\.type"),
        ({**DATA_SIZE, "min_size": 3}, r"data\.train\.collate\.min_size"),
        ({**DATA_SIZE, "min_scale": 2.0}, "min_scale <= max_scale"),
        ({"type": "ResizeFromListCollate", "scales": []}, "collate.scales"),
        ({"type": "ResizeFromListCollate", "scales": ["a"]}, "collate.scales"),
    ],
)
def test_wrong_blocks_are_named(block, message):
    with pytest.raises(DlcxError, match=message):
        build_resizing(block, "data.train.collate")
