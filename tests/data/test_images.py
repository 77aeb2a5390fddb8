from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dlcx.data.images import ImageCache, find_images, image_size, is_same_image, read_image, same_size_batches
from dlcx.errors import DlcxError


def write(path: Path, image: np.ndarray) -> Path:
    """Write an RGB or gray image."""
    data = cv2.imencode(path.suffix, image if image.ndim == 2 else image[..., ::-1])[1]
    path.write_bytes(data.tobytes())
    return path


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)


def test_images_are_rgb(tmp_path, image):
    np.testing.assert_array_equal(read_image(write(tmp_path / "Mäuse 1.png", image)), image)
    gray = read_image(write(tmp_path / "gray.png", image[..., 0]))
    np.testing.assert_array_equal(gray, np.repeat(image[..., :1], 3, -1))


def test_a_file_that_is_no_image_is_named(tmp_path):
    path = tmp_path / "img01.png"
    with pytest.raises(DlcxError, match=r"img01\.png"):
        read_image(path)
    for content in (b"", b"not a picture"):
        path.write_bytes(content)
        with pytest.raises(DlcxError, match=r"img01\.png: not an image"):
            read_image(path)


def test_the_cache_stays_within_its_budget(tmp_path, image):
    paths = [write(tmp_path / f"{number}.png", image) for number in range(3)]
    cache = ImageCache(paths, budget=2 * image.nbytes)
    first = [cache.read(index)[0] for index in range(3)]
    again = [cache.read(index)[0] for index in range(3)]
    assert [one is two for one, two in zip(first, again, strict=True)] == [True, True, False]
    np.testing.assert_array_equal(first[2], again[2])
    with pytest.raises(ValueError, match="read-only"):
        first[0][0, 0] = 0


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


def test_images_with_drawn_labels_are_skipped(tmp_path):
    for name in ("b.png", "a.JPG", "a_labeled.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in find_images([tmp_path])] == ["a.JPG", "b.png"]


def test_batches_contain_consecutive_items_of_one_size():
    batches = same_size_batches([1, 2, 3, 10, 20, 4], 2, lambda number: (len(str(number)),))
    assert list(batches) == [[1, 2], [3], [10, 20], [4]]


def test_compression_does_not_change_an_image_but_content_does(image):
    smooth = cv2.GaussianBlur(image, (0, 0), 4)
    compressed = cv2.imdecode(cv2.imencode(".jpg", smooth)[1], cv2.IMREAD_COLOR)
    changed = smooth.copy()
    changed[20:28, 20:28] += 40
    assert is_same_image(smooth, compressed)
    assert not is_same_image(smooth, changed)
    assert not is_same_image(smooth, smooth[:, :-1])


def test_the_cache_prepares_an_image_once_and_keeps_its_own_size(tmp_path, image):
    prepared = []

    def halve(pixels: np.ndarray) -> np.ndarray:
        prepared.append(pixels.shape)
        return pixels[::2, ::2].copy()

    cache = ImageCache([write(tmp_path / "a.png", image)], prepare=halve, budget=image.nbytes)
    for _ in range(2):
        pixels, size = cache.read(0)
        assert (pixels.shape, size) == ((24, 32, 3), (64, 48))
    assert len(prepared) == 1
