"""Write video files with OpenCV's encoders or, through PyAV, with those of ffmpeg.

Images are converted and encoded in a separate thread while the next ones are painted.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dlcx.data.labeled_video_mark import mark_labeled_video
from dlcx.data.video import open_video
from dlcx.errors import DlcxError, did_you_mean
from dlcx.outputs import atomic_file
from dlcx.user_paths import decoder_name

#: Codecs of the opencv-python wheel, and their file suffixes.
OPENCV_CODECS = {
    "mp4v": ".mp4",
    "MJPG": ".avi",
    "XVID": ".avi",
    "FFV1": ".avi",
    "HFYU": ".avi",
}
#: Four-letter codes of codecs that only PyAV encodes, and ffmpeg's names of the encoders.
_ENCODERS = {"avc1": "libx264", "h264": "libx264", "hevc": "libx265", "hev1": "libx265", "hvc1": "libx265"}
_ENCODERS |= {"av01": "libsvtav1", "av1": "libsvtav1", "vp8": "libvpx", "vp9": "libvpx-vp9"}
_IN_MP4 = ("h264", "hevc", "av1", "mpeg4")
#: Quality (0 is best) and speed of the common encoders; others use their defaults.
_OPTIONS = {
    "libx264": {"crf": "20", "preset": "veryfast"},
    "libx265": {"crf": "24", "preset": "veryfast"},
    "libsvtav1": {"crf": "30", "preset": "9"},
}
#: Maximum number of images that wait for the encoder.
_QUEUE = 16


def default_codec() -> str:
    """The default codec: H.264, which browsers and slides play, if ffmpeg can encode it; otherwise MPEG-4."""
    import av

    return next((name for name in ("libx264", "libopenh264") if name in av.codecs_available), "mp4v")


def video_suffix(codec: str) -> str:
    """Return the file suffix of a codec.

    Raises
    ------
    DlcxError
        If this machine has no such encoder.
    """
    opencv_codecs = {name.lower(): suffix for name, suffix in OPENCV_CODECS.items()}
    if codec.lower() in opencv_codecs:
        return opencv_codecs[codec.lower()]
    kind = _encoder(codec).canonical_name
    return ".mp4" if kind in _IN_MP4 else ".webm" if kind in ("vp8", "vp9") else ".mkv"


def write_video(
    path: Path, images: Iterable[np.ndarray], *, fps: float, size: tuple[int, int], codec: str = "mp4v"
) -> int:
    """Write images as a video; the file appears only when it is complete.

    Most codecs require even sizes: the last row or column of odd images is dropped.

    Parameters
    ----------
    path
        File to write.
    images
        Images (h, w, 3), uint8 RGB.
    fps
        Frames per second.
    size
        Width and height in pixels.
    codec
        Four-letter code or ffmpeg's name of the encoder.

    Returns
    -------
    int
        Number of frames.

    Raises
    ------
    DlcxError
        If the codec cannot be written, or the file contains fewer frames.
    """
    opencv_codecs = {name.lower(): name for name in OPENCV_CODECS}
    count = 0
    with atomic_file(path) as beside:
        if codec.lower() in opencv_codecs:
            encoder = _opencv_encoder(beside, opencv_codecs[codec.lower()], fps, size)
        else:
            encoder = _av_encoder(beside, codec, fps, size)
        with encoder as encode, _in_a_thread(encode) as submit:
            for image in images:
                submit(image)
                count += 1
        _check_complete(beside, path, count)
        mark_labeled_video(beside)
    return count


def _check_complete(beside: Path, path: Path, count: int) -> None:
    """Check that the file contains all frames: OpenCV does not report failed writes.

    Raises
    ------
    DlcxError
        If frames are missing.
    """
    written, reason = 0, None
    try:
        video = open_video(beside)
        written = video.stored_frames - (video.truncated_frame is not None)
    except DlcxError as error:
        reason = error
    if written < count:
        raise DlcxError(
            f"{path}: {count} frames were encoded, but the file contains {written}",
            hint="Check that the disk is not full.",
        ) from reason


@contextmanager
def _in_a_thread(work: Callable[[np.ndarray], object]) -> Iterator[Callable[[np.ndarray], object]]:
    """Yield a function that passes images to ``work`` in a thread; exceptions are raised in the caller."""
    waiting: queue.Queue[np.ndarray | None] = queue.Queue(_QUEUE)
    raised: list[BaseException] = []

    def run() -> None:
        while (image := waiting.get()) is not None:
            if not raised:
                try:
                    work(image)
                except BaseException as error:
                    raised.append(error)

    def submit(image: np.ndarray) -> None:
        if raised:
            raise raised[0]
        waiting.put(image)

    thread = threading.Thread(target=run, name="encode", daemon=True)
    thread.start()
    try:
        yield submit
    finally:
        waiting.put(None)
        thread.join()
    if raised:
        raise raised[0]


@contextmanager
def _opencv_encoder(
    path: Path, codec: str, fps: float, size: tuple[int, int]
) -> Iterator[Callable[[np.ndarray], object]]:
    writer = cv2.VideoWriter(decoder_name(path), cv2.VideoWriter.fourcc(*codec), fps, size)
    if not writer.isOpened():
        raise DlcxError(
            f"--codec {codec}: OpenCV cannot write {path.suffix} in {path.parent}",
            hint="Check that the folder is writable. The opencv-python wheel from PyPI has this codec.",
        )
    try:
        yield lambda image: writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()


@contextmanager
def _av_encoder(path: Path, codec: str, fps: float, size: tuple[int, int]) -> Iterator[Callable[[np.ndarray], object]]:
    encoder = _encoder(codec)
    import av

    width, height = (side // 2 * 2 for side in size)
    try:
        # the index of an MP4 comes first, so that browsers can play it while loading
        options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
        with av.open(decoder_name(path), "w", options=options) as container:
            rate = Fraction(fps).limit_denominator(10_000)
            stream: Any = container.add_stream(encoder.name, rate=rate, options=dict(_OPTIONS.get(encoder.name, {})))
            stream.width, stream.height = width, height
            formats = [one.name for one in encoder.video_formats or ()]
            stream.pix_fmt = "yuv420p" if "yuv420p" in formats or not formats else formats[0]

            def encode(image: np.ndarray) -> None:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
                container.mux(stream.encode(frame))

            yield encode
            container.mux(stream.encode())
    except av.FFmpegError as error:
        raise DlcxError(f"--codec {codec}: {encoder.name} cannot write {path.suffix}: {error}") from error


def _encoder(codec: str) -> Any:
    """PyAV's encoder of this name."""
    import av

    name = _ENCODERS.get(codec.lower(), codec)
    try:
        encoder = av.Codec(name, "w")
    except ValueError:  # av.codec.codec.UnknownCodecError
        names = [*OPENCV_CODECS, *_ENCODERS, *av.codecs_available]
        raise DlcxError(f"--codec {codec}: no such encoder", hint=did_you_mean(codec, names)) from None
    if encoder.type != "video":
        raise DlcxError(f"--codec {codec}: encodes {encoder.type}, not video")
    return encoder
