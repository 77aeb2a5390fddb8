"""Reading, resizing and keeping labeled images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dlcx.data.images import ImageCache, image_size, read_image
from dlcx.data.labeled_images import InputResize, LabeledImages
from dlcx.errors import DlcxError
from dlcx.poses import Instances, Prediction


def write(path: Path, image: np.ndarray) -> Path:
    """Write an RGB or gray image."""
    data = cv2.imencode(path.suffix, image if image.ndim == 2 else image[..., ::-1])[1]
    path.write_bytes(data.tobytes())
    return path


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)


def test_images_are_rgb_whatever_their_name(tmp_path, image):
    np.testing.assert_array_equal(read_image(write(tmp_path / "Mäuse 1.png", image)), image)
    grey = read_image(write(tmp_path / "gray.png", image[..., 0]))
    np.testing.assert_array_equal(grey, np.repeat(image[..., :1], 3, -1))


def test_a_file_that_is_no_image_is_named(tmp_path):
    path = tmp_path / "img01.png"
    with pytest.raises(DlcxError, match=r"img01\.png"):
        read_image(path)
    for content in (b"", b"not a picture"):
        path.write_bytes(content)
        with pytest.raises(DlcxError, match=r"img01\.png: not an image"):
            read_image(path)


def test_the_cache_keeps_what_fits_its_budget(tmp_path, image):
    paths = [write(tmp_path / f"{number}.png", image) for number in range(3)]
    cache = ImageCache(paths, budget=2 * image.nbytes)
    first = [cache.read(index)[0] for index in range(3)]
    again = [cache.read(index)[0] for index in range(3)]
    assert [one is two for one, two in zip(first, again, strict=True)] == [True, True, False]
    np.testing.assert_array_equal(first[2], again[2])
    with pytest.raises(ValueError, match="read-only"):
        first[0][0, 0] = 0


def poses(*points: tuple[float, float]) -> Prediction:
    xy = np.array([points], float)
    return Prediction(Instances(xy, np.isfinite(xy).all(-1).astype(np.float32)))


def test_labels_outside_of_the_image_do_not_count(tmp_path, image):
    path = write(tmp_path / "a.png", image)
    images = LabeledImages([path], [poses((5, 6), (64, 10), (0, 10), (np.nan, np.nan), (63.9, 47.9))])
    np.testing.assert_array_equal(images[0].pose.animals.score, [[1, 0, 0, 0, 1]])
    np.testing.assert_array_equal(images[0].image, image)


def test_missing_images_are_counted_and_the_first_is_named(tmp_path, image):
    paths = [write(tmp_path / "a.png", image), tmp_path / "b.png", tmp_path / "c.png"]
    with pytest.raises(DlcxError, match=r"2 of 3 labeled images are missing, the first is .*b\.png"):
        LabeledImages(paths, [poses((1, 1))] * 3)


@pytest.mark.parametrize(
    ("resize", "shape", "point"),
    [
        (InputResize(32, 32), (32, 32), (10, 8)),
        (InputResize(32, 32, keep_ratio=False), (32, 32), (10, 32 / 3)),
        (InputResize(longest=128), (96, 128), (40, 32)),
        (InputResize(32, 32, longest=16), (16, 16), (5, 4)),
    ],
)
def test_labels_are_resized_with_their_image(tmp_path, image, resize, shape, point):
    images = LabeledImages([write(tmp_path / "a.png", image)], [poses((20, 16))], resize=resize)
    assert images[0].image.shape == (*shape, 3)
    np.testing.assert_allclose(images[0].pose.animals.xy[0, 0], point)


def test_a_kept_ratio_is_padded_at_the_bottom(tmp_path, image):
    resized = InputResize(32, 32).image(image)
    np.testing.assert_array_equal(resized[:24], cv2.resize(image, (32, 24), interpolation=cv2.INTER_LINEAR))
    assert not resized[24:].any()


@pytest.mark.parametrize("orientation", [None, 1, 3, 5, 6, 8, 99])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_the_size_is_that_of_the_pixels_however_exif_turns_them(tmp_path, image, kind, orientation):
    from PIL import Image

    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    path = tmp_path / "turned.png"  # the name tells nothing
    Image.fromarray(image).save(path, kind, exif=exif)
    pixels = read_image(path)
    upright = orientation not in (5, 6, 8)
    assert pixels.shape == ((48, 64, 3) if upright else (64, 48, 3))
    assert image_size(path) == pixels.shape[1::-1]
