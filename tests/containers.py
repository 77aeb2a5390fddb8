"""Videos in every container and codec that PyAV's FFmpeg writes, with frames that show their own number.

A number is eight blocks of 16 pixels, black or white, in the top rows; each video has the frames 0, 1, 2, ... in order.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

os.environ.setdefault("SVT_LOG", "1")  # errors only
SIZE = (128, 96)  # width, height
#: Sizes that encoders and containers insist on.
SIZES = {"dvvideo": (720, 576), "gxf": (720, 576), "mxf_d10": (720, 608), "h261": (176, 144), "dnxhd": (256, 128)}
#: Pixel formats, the first that an encoder takes; then those that an encoder or a container takes alone.
PIXELS = ("yuv420p", "yuvj420p", "bgr24", "rgb24", "bgr0", "rgba", "yuv422p", "gray")
OWN_PIXELS = {"mjpeg": "yuvj420p", "ljpeg": "yuvj420p", "filmstrip": "rgba", "mxf_d10": "yuv422p"}
#: Containers that want sound beside the pictures: encoder and samples a second.
SOUND = {"psp": ("aac", 48000), "amv": ("adpcm_ima_amv", 22050)}


def _words(text: str) -> list[str]:
    return text.split()


#: Writers to other places than a file, or of other things than one file with a video: checksums, lists, still
#: images, pictures without a word about their size.
NO_FILES = _words(
    """
    alsa caca chromaprint crc dash decklink fbdev ffmetadata fifo fifo_test framecrc framehash framemd5 hash
    hds hls md5 mkvtimestamp_v2 null opengl oss pulse rtp rtp_mpegts rtsp sap sdl,sdl2 segment smoothstreaming
    stream_segment,ssegment streamhash tee uncodedframecrc video4linux2,v4l2 webm_chunk webm_dash_manifest
    whip xv data image2 image2pipe rawvideo
    """
)
#: Encoders of no pictures of their own (for the C64, none, unencoded), or of too small ones to show a number.
NO_NUMBERS = _words(
    """
    a64multi a64multi5 vnull wrapped_avframe xface alias_pix
    """
)
#: Codecs that FFmpeg writes into some container and plays from it again.
CODECS = _words(
    """
    amv apng asv1 asv2 av1 avrp cfhd cinepak cljr dirac dnxhd dpx dvvideo dxv exr ffv1 ffvhuff fits flashsv
    flashsv2 flv gif h261 h263 h263p huffyuv jpeg2000 jpegls libsvtav1 libvpx libvpx-vp9 libx264 libx264rgb
    libx265 ljpeg magicyuv mjpeg mpeg1video mpeg2video mpeg4 msmpeg4 msmpeg4v2 msrle msvideo1 png prores
    prores_aw prores_ks qtrle r10k r210 rawvideo roqvideo rpza rv10 rv20 sgi smc snow speedhq svq1 targa tiff
    utvideo v210 v308 v408 v410 vc2 wmv1 wmv2 y41p yuv4 zlib zmbv
    """
)
#: Those that it writes, but only as images, or into containers from which it does not play them.
NOT_PLAYED = _words(
    """
    bitpacked bmp hdr libwebp libwebp_anim pam pbm pcx pfm pgm pgmyuv phm ppm qoi sunrast vbn wbmp webp xbm
    xwd
    """
)
#: Containers from which FFmpeg plays what it has written.
CONTAINERS = _words(
    """
    3g2 3gp apng asf avi avm2 dirac dnxhd dv dvd f4v film_cpk fits flv gif gxf h261 h263 h264 hevc ipod ismv
    ivf m4v matroska mjpeg mov mp4 mpeg mpeg1video mpeg2video mpegts mxf mxf_opatom nut obu ogg ogv psp rm roq
    smjpeg svcd swf vcd vob webm wtv yuv4mpegpipe
    """
)
#: Those of which it plays one picture, or not all; and those for which PyAV has no encoder or no sound that fits.
UNFINISHED = _words(
    """
    a64 aiff amv apv asf_stream avif avs2 avs3 cavsvideo evc filmstrip flac ico mp3 mpjpeg mxf_d10 vc1 vc1test
    vvc webp
    """
)
#: Options that make small videos have several groups of pictures.
OPTIONS = {
    "libx264": {"g": "5", "preset": "ultrafast", "bf": "2", "x264-params": "threads=1:b-adapt=0:scenecut=0"},
    "libx264rgb": {"g": "5", "preset": "ultrafast", "x264-params": "threads=1"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1:keyint=5:bframes=2:b-adapt=0"},
    "libsvtav1": {"g": "5", "preset": "12", "svtav1-params": "lp=1"},
    "libvpx": {"g": "5", "deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "4"},
    "libvpx-vp9": {"g": "5", "deadline": "realtime", "cpu-used": "8"},
    "mpeg1video": {"g": "5", "bf": "2"},
    "mpeg2video": {"g": "5", "bf": "2"},
    "mpeg4": {"g": "5", "bf": "2"},
    "dnxhd": {"profile": "dnxhr_lb"},
}


def picture(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Image (h, w, 3) uint8 RGB that shows a number, and something that moves."""
    width, height = size
    image = np.full((height, width, 3), 100, np.uint8)
    for digit in range(8):
        image[:32, 16 * digit : 16 * digit + 16] = 235 if number >> digit & 1 else 16
    image[40:60, 3 * number % (width - 20) : 3 * number % (width - 20) + 20] = (200, 60, 30)
    return image


def shown_number(image: np.ndarray) -> int:
    """The number that an image shows."""
    return sum((1 << digit) * int(image[8:24, 16 * digit + 4 : 16 * digit + 12].mean() > 125) for digit in range(8))


@cache
def encoders() -> tuple[str, ...]:
    """Names of the encoders of video that run on a processor."""
    names = []
    for name in sorted(av.codecs_available):
        try:
            codec = av.Codec(name, "w")
        except ValueError:
            continue
        hardware = name.endswith(("_nvenc", "_amf", "_qsv", "_v4l2m2m", "_vaapi", "_videotoolbox", "_mf", "_vulkan"))
        if codec.type == "video" and not hardware and name not in NO_NUMBERS:
            names.append(name)
    return tuple(names)


@cache
def muxers() -> dict[str, str]:
    """Names of the containers that hold video, and of the codec that FFmpeg prefers for each."""
    names = {}
    for name in sorted(av.formats_available):
        if name in NO_FILES:
            continue
        try:
            codec = av.open(io.BytesIO(), "w", format=name).default_video_codec
        except (av.FFmpegError, ValueError):
            continue
        if codec != "none":
            names[name] = codec
    return names


def write(
    path: Path,
    muxer: str,
    encoder: str,
    count: int,
    *,
    options: dict[str, str] | None = None,
    times: Callable[[int], int] = lambda number: number,
    rate: int = 25,
    size: tuple[int, int] | None = None,
    container_options: dict[str, str] | None = None,
    change: Callable[[Any], None] = lambda frame: None,
    setup: Callable[[Any], None] = lambda stream: None,
) -> Path:
    """Write the frames 0 to ``count``; ``times`` gives their time stamps in frames.

    Raises
    ------
    Exception
        When the encoder or the container cannot.
    """
    formats = [one.name for one in av.Codec(encoder, "w").video_formats or ()]
    pixels = [OWN_PIXELS.get(muxer), OWN_PIXELS.get(encoder), *(name for name in PIXELS if name in formats), *formats]
    with av.open(str(path), "w", format=muxer, container_options=container_options or {}) as container:
        stream: Any = container.add_stream(
            encoder, rate=rate, options={"threads": "1", **(OPTIONS.get(encoder, {}) if options is None else options)}
        )
        width, height = size or SIZES.get(encoder) or SIZES.get(muxer) or SIZE
        stream.width, stream.height = width, height
        stream.pix_fmt = next(filter(None, pixels), "yuv420p")
        stream.bit_rate = 30_000_000 if muxer == "mxf_d10" else 2_000_000
        setup(stream)
        sound: Any = None
        if sound_of := SOUND.get(muxer):
            sound = container.add_stream(sound_of[0], rate=sound_of[1], layout="mono")
        for number in range(count):
            frame = _frame(number, (width, height), stream.pix_fmt)
            frame.pts, frame.time_base = times(number), Fraction(1, rate)
            change(frame)
            container.mux(stream.encode(frame))
            if sound is not None:
                container.mux(sound.encode(_silence(sound, number, rate)))
        container.mux(stream.encode(None))
        if sound is not None:
            container.mux(sound.encode(None))
    return path


def _frame(number: int, size: tuple[int, int], pixels: str) -> Any:
    image = picture(number, size)
    if pixels != "pal8":
        return av.VideoFrame.from_ndarray(image, format="rgb24")
    gray = np.arange(256, dtype=np.uint8)[:, None]
    palette = np.concatenate([np.full_like(gray, 255), gray, gray, gray], axis=1)
    return av.VideoFrame.from_ndarray((cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), palette), format="pal8")


def _silence(stream: Any, number: int, rate: int) -> Any:
    samples = stream.rate // rate
    frame = av.AudioFrame.from_ndarray(np.zeros((1, samples), np.int16), format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = stream.rate, number * samples, Fraction(1, stream.rate)
    return frame


def ffmpeg_numbers(path: Path) -> list[int]:
    """The numbers of the pictures that FFmpeg decodes of the first video stream, in its order."""
    numbers = []
    try:
        with av.open(str(path)) as container:
            numbers.extend(shown_number(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0))
    except (av.FFmpegError, IndexError):
        pass
    return numbers


def opencv_numbers(path: Path) -> list[int] | None:
    """The numbers of the frames that OpenCV shows, in its order; None where it opens no video."""
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        return None
    numbers = []
    while (read := capture.read())[0]:
        numbers.append(shown_number(read[1]))
    capture.release()
    return numbers
