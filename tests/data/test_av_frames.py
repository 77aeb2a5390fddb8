"""PyAV's pictures become the very pixels that OpenCV gives."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from bad_videos import encode

from dlcx.data.av_frames import PictureConverter, reveals_color_space
from dlcx.data.video import open_video, read_frames

X264 = ("-c:v", "libx264", "-qp", "10")


def colorful(count: int, width: int, height: int) -> list[np.ndarray]:
    """Images (h, w, 3) uint8 of large and small spots of every color."""
    rng = np.random.default_rng(3)
    spots = [cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (width, height)).astype(int) for _ in range(count)]
    return [np.clip(image + rng.integers(-40, 41, image.shape), 0, 255).astype(np.uint8) for image in spots]


def by_opencv(path: Path) -> list[np.ndarray]:
    capture, images = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        images.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    return images


def assert_as_opencv(path: Path) -> None:
    images = np.concatenate([batch.images for batch in read_frames(open_video(path), 4)])
    expected = by_opencv(path)
    assert len(images) == len(expected) > 0
    for image, other in zip(images, expected, strict=True):
        np.testing.assert_array_equal(image, other)


@pytest.mark.parametrize("size", [(96, 64), (98, 66), (95, 43)])
@pytest.mark.parametrize(
    ("name", "codec", "formats"),
    [
        ("a.mp4", X264, "yuv420p yuv422p yuv444p yuvj420p gray"),
        ("a.avi", ("-c:v", "mjpeg", "-q:v", "2"), "yuvj420p yuvj422p yuvj444p"),
        ("a.avi", ("-c:v", "mpeg4", "-q:v", "2"), "yuv420p"),
        ("a.mpg", ("-c:v", "mpeg2video", "-q:v", "2", "-bf", "2"), "yuv420p"),
        ("a.avi", ("-c:v", "rawvideo"), "bgr24 gray yuv420p yuv422p yuv444p"),
        ("a.webm", ("-c:v", "libvpx-vp9"), "yuv420p yuv444p"),
    ],
)
def test_formats(
    tmp_path: Path, taken_over: list[int], name: str, codec: tuple[str, ...], formats: str, size: tuple[int, int]
) -> None:
    for form in formats.split():
        if size[0] % 2 and "libx264" in codec and form in ("yuv420p", "yuv422p", "yuvj420p"):
            continue  # x264 wants even sizes
        assert_as_opencv(encode(tmp_path / name, colorful(5, *size), *codec, "-pix_fmt", form))
        assert not taken_over, form


@pytest.mark.parametrize("form", ["yuv420p", "yuv444p"])
@pytest.mark.parametrize("space", ["bt709", "bt470bg", "smpte170m", "bt2020nc", "fcc", "smpte240m"])
@pytest.mark.parametrize("levels", ["tv", "pc"])
def test_color_spaces(tmp_path: Path, form: str, space: str, levels: str) -> None:
    colors = ("-colorspace", space, "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", levels)
    assert_as_opencv(encode(tmp_path / "a.mp4", colorful(3, 96, 64), *X264, "-pix_fmt", form, *colors))


def test_gray_images_prove_no_color_space(tmp_path: Path, taken_over: list[int]) -> None:
    gray = [np.repeat(image[..., :1], 3, axis=2) for image in colorful(3, 96, 64)]
    colors = ("-pix_fmt", "yuv420p", "-colorspace", "bt709")
    assert_as_opencv(encode(tmp_path / "plain.mp4", gray, *X264, "-pix_fmt", "yuv420p"))
    assert not taken_over
    assert_as_opencv(encode(tmp_path / "told.mp4", gray, *X264, *colors))
    assert taken_over == [0]
    picture = av.VideoFrame(96, 64, "yuv420p")
    picture.colorspace = 1
    assert reveals_color_space(picture, colorful(1, 96, 64)[0])
    assert not reveals_color_space(picture, gray[0])


@pytest.mark.parametrize(
    "options", [(*X264, "-pix_fmt", "yuv420p10le"), ("-c:v", "ffv1", "-pix_fmt", "yuv410p"), ("-c:v", "png")]
)
def test_opencv_decodes_unknown_formats(tmp_path: Path, taken_over: list[int], options: tuple[str, ...]) -> None:
    path = encode(tmp_path / "a.mkv", colorful(3, 96, 64), *options)
    assert_as_opencv(path)
    assert taken_over == [0]


def test_a_first_frame_that_differs_is_noticed(
    tmp_path: Path, taken_over: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / "a.mp4", colorful(3, 96, 64), *X264, "-pix_fmt", "yuv420p")
    convert = PictureConverter.__call__
    monkeypatch.setattr(PictureConverter, "__call__", lambda self, picture: convert(self, picture) ^ 1)
    assert_as_opencv(path)
    assert taken_over == [0]


def test_pictures_of_another_kind_are_refused() -> None:
    to_image = PictureConverter(96, 64)
    image = to_image(av.VideoFrame(96, 64, "yuv420p"))
    assert image is not None
    assert (image.shape, image.dtype) == ((64, 96, 3), np.uint8)
    assert to_image(av.VideoFrame(98, 64, "yuv420p")) is None
    assert to_image(av.VideoFrame(96, 64, "yuv444p")) is None
    assert PictureConverter(96, 64)(av.VideoFrame(96, 64, "yuv420p10le")) is None
    assert to_image(av.VideoFrame(96, 64, "yuv420p")) is not None
