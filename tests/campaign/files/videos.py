"""Test videos with unusual sizes, frame rates, lengths and containers, whose frames show their own numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from campaign.case import EITHER, REFUSED, RIGHT, SOME_FAILED, Case, CommandResult
from campaign.forked import shell

FRAMES = 12
ANALYZE = ("analyze-video", "{name}", "-p", "P", "--out", "out")
ADD_AND_EXTRACT = (
    ("add-videos", "{name}", "-p", "P", "--copy-videos"),
    ("extract-frames", "{name}", "-p", "P", "--method", "uniform", "--frames", "5"),
)


def encoded(
    *options: str, size: tuple[int, int] = (96, 64), fps: float = 25, count: int = FRAMES
) -> Callable[..., None]:
    """Encode a video with ffmpeg and these options."""

    def draw(path: Path) -> None:
        from bad_videos import encode
        from small_videos import frame

        encode(path, [frame(number, size) for number in range(count)], *options, fps=fps)

    return draw


H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "6", "-threads", "1")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "2")
#: Name, function that creates it, and number of frames.
SAME: dict[str, tuple[str, Callable[..., None], int]] = {
    "odd width and height": ("odd.avi", encoded("-c:v", "ffv1", size=(97, 65)), FRAMES),
    "H.264 with 4:4:4 colors of odd size": (
        "odd.mp4",
        encoded("-c:v", "libx264", "-pix_fmt", "yuv444p", size=(97, 65)),
        FRAMES,
    ),
    "16 pixels high": ("odd.avi", encoded("-c:v", "ffv1", size=(96, 34)), FRAMES),
    "taller than wide": ("odd.mp4", encoded(*H264, size=(90, 200)), FRAMES),
    "1 frame per second": ("odd.mp4", encoded(*H264, fps=1), FRAMES),
    "0.1 frames per second": ("odd.mp4", encoded(*H264, fps=0.1), FRAMES),
    "1000 frames per second": ("odd.mp4", encoded(*H264, fps=1000), FRAMES),
    "29.97 frames per second": ("odd.mp4", encoded(*H264, fps=29.97), FRAMES),
    "one frame": ("odd.mp4", encoded(*H264, count=1), 1),
    "two frames": ("odd.avi", encoded(*MPEG4, count=2), 2),
    "Matroska": ("odd.mkv", encoded(*H264), FRAMES),
    "WebM": ("odd.webm", encoded("-c:v", "libvpx-vp9", "-b:v", "1M", "-deadline", "realtime"), FRAMES),
    "QuickTime": ("odd.mov", encoded(*H264), FRAMES),
    "MPEG-4 in AVI with B-frames": ("odd.avi", encoded(*MPEG4, "-bf", "2", "-g", "6"), FRAMES),
    "uncompressed": ("odd.avi", encoded("-c:v", "rawvideo", "-pix_fmt", "bgr24"), FRAMES),
    "lossless H.264": ("odd.mp4", encoded("-c:v", "libx264rgb", "-crf", "0"), FRAMES),
    "10 bits a channel": ("odd.mkv", encoded("-c:v", "ffv1", "-pix_fmt", "yuv420p10le"), FRAMES),
    "gray": ("odd.avi", encoded("-c:v", "ffv1", "-pix_fmt", "gray"), FRAMES),
    "an alpha channel": ("odd.mov", encoded("-c:v", "qtrle", "-pix_fmt", "argb"), FRAMES),
    "HEVC": ("odd.mp4", encoded("-c:v", "libx265", "-x265-params", "log-level=none:pools=1"), FRAMES),
    "H.264 in fragments": ("odd.mp4", encoded(*H264, "-movflags", "frag_keyframe+empty_moov"), FRAMES),
    "an index in front": ("odd.mp4", encoded(*H264, "-movflags", "faststart"), FRAMES),
    "time stamps from 100 s": ("odd.mkv", encoded(*H264, "-output_ts_offset", "100"), FRAMES),
    "MP4 called .avi": ("odd.avi", lambda path: _called(path, ".mp4", encoded(*H264)), FRAMES),
    "AVI called .mp4": ("odd.mp4", lambda path: _called(path, ".avi", encoded(*MPEG4)), FRAMES),
    "a sound track": ("odd.mp4", lambda path: _with_sound(path), FRAMES),
    "a name of spaces and quotes": ('o d\'d "v".avi', encoded(*MPEG4), FRAMES),
    "a Unicode name": ("žába 🐸.avi", encoded(*MPEG4), FRAMES),
    "a name of 200 letters": (f"{'v' * 120}.avi", encoded(*MPEG4), FRAMES),
    "a name with two dots": ("a.b.c.avi", encoded(*MPEG4), FRAMES),
    "a name with braces": ("a[1]{b}.avi", encoded(*MPEG4), FRAMES),
    "a name with a percent": ("%03d.avi", encoded(*MPEG4), FRAMES),
    "a name like a URL": ("http:x.avi", encoded(*MPEG4), FRAMES),
    "an ending in capitals": ("ODD.AVI", encoded(*MPEG4), FRAMES),
    "a key frame only at the beginning": (
        "odd.mp4",
        encoded("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "999"),
        FRAMES,
    ),
}


def _called(path: Path, suffix: str, draw: Callable[[Path], object]) -> None:
    other = path.with_name(f"other{suffix}")
    draw(other)
    other.rename(path)


def _ffmpeg(*words: str) -> None:
    from imageio_ffmpeg import get_ffmpeg_exe

    shell([get_ffmpeg_exe(), "-y", "-loglevel", "error", *words])


def _with_sound(path: Path) -> None:
    other = path.with_name("silent.mp4")
    encoded(*H264)(other)
    _ffmpeg(
        "-f", "lavfi", "-i", "sine=d=0.48", "-i", str(other), "-map", "0:a", "-map", "1:v", "-c:v", "copy", str(path)
    )
    other.unlink()


def _sound_only(path: Path) -> None:
    _ffmpeg("-f", "lavfi", "-i", "sine=d=1", str(path))


def _cut(fraction: float, *options: str) -> Callable[[Path], None]:
    def draw(path: Path) -> None:
        encoded(*options)(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * fraction)])

    return draw


def _changing(path: Path) -> None:
    """Write a stream whose size changes: two concatenated transport streams."""
    parts = [path.with_name(f"{number}.ts") for number in range(2)]
    for part, size in zip(parts, ((96, 64), (64, 96)), strict=True):
        encoded(*H264, size=size, count=6)(part)
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()


def _rotated(path: Path) -> None:
    other = path.with_name("flat.mp4")
    encoded(*H264)(other)
    _ffmpeg("-display_rotation", "90", "-i", str(other), "-c", "copy", str(path))
    other.unlink()


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).integers(0, 256, 20000, dtype=np.uint8).tobytes())


def _zeros_inside(path: Path) -> None:
    encoded(*MPEG4)(path)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 600] = bytes(600)
    path.write_bytes(bytes(data))


ODD: dict[str, tuple[str, Callable[[Path], object]]] = {
    "no bytes": ("odd.mp4", lambda path: path.write_bytes(b"")),
    "a text": ("odd.avi", lambda path: path.write_text("no video")),
    "noise": ("odd.mp4", _noise),
    "sound alone": ("odd.mp4", lambda path: _called(path, ".m4a", _sound_only)),
    "sound alone, in WAV called .avi": ("odd.avi", lambda path: _called(path, ".wav", _sound_only)),
    "half of an MP4": ("odd.mp4", _cut(0.5, *H264)),
    "half of an AVI": ("odd.avi", _cut(0.5, *MPEG4)),
    "half of a Matroska file": ("odd.mkv", _cut(0.5, *H264)),
    "the header of an AVI": ("odd.avi", _cut(0.2, *MPEG4)),
    "10 bytes": ("odd.mp4", _cut(0.005, *H264)),
    "a size that changes": ("odd.mpg", _changing),
    "zeros in its middle": ("odd.avi", _zeros_inside),
    "an image called .mp4": (
        "odd.mp4",
        lambda path: (
            cv2.imwrite(str(path.with_name("p.png")), np.zeros((64, 96, 3), np.uint8))
            and path.with_name("p.png").rename(path)
        ),
    ),
    "a folder called .mp4": ("odd.mp4", lambda path: path.mkdir()),
    "a link to nothing": ("odd.mp4", lambda path: path.symlink_to("nowhere.mp4")),
    "a link to itself": ("odd.mp4", lambda path: path.symlink_to("odd.mp4")),
    "a playlist": ("odd.mp4", lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\nP/videos/arena.avi\n")),
    "a list to concatenate": (
        "odd.mp4",
        lambda path: path.write_text("ffconcat version 1.0\nfile P/videos/arena.avi\n"),
    ),
    "an animated GIF called .mp4": ("odd.mp4", lambda path: _called(path, ".gif", encoded())),
    "subtitles": ("odd.mkv", lambda path: path.write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")),
}


def written(name: str, draw: Callable[[Path], object]) -> Callable[..., None]:
    """Write the video to the folder of the case."""
    return lambda folder, rng: draw(folder / name)


def rows(count: int) -> Callable[[Path, CommandResult], str | None]:
    """Check the number of rows, which are numbered from 0 and all have poses."""

    def check(folder: Path, ended: CommandResult) -> str | None:
        import pandas as pd

        found = list((folder / "out").rglob("*.h5"))
        if len(found) != 1:
            return f"{len(found)} tables"
        table = pd.read_hdf(found[0])
        if list(table.index) != list(range(count)):
            return f"{len(table)} rows instead of {count}"
        return "frames without poses" if table.isna().any(axis=None) else None

    return check


def numbered(size: tuple[int, int]) -> Callable[[Path, CommandResult], str | None]:
    """Check that each extracted image shows the number in its file name."""

    def check(folder: Path, ended: CommandResult) -> str | None:
        from small_videos import told_number

        images = [path for path in (folder / "P" / "labeled-data").rglob("img*.png") if path.parent.name != "arena"]
        if not images:
            return "no images"
        for path in images:
            image = cv2.imread(str(path)) if path.name.isascii() and str(path).isascii() else _read(path)
            if image.shape[1::-1] != size:
                return f"{path.name} is {image.shape[1]} x {image.shape[0]}"
            if told_number(image) != int(path.stem.removeprefix("img")):
                return f"{path.name} shows frame {told_number(image)}"
        return None

    return check


def _read(path: Path) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)


def named(calls: tuple[tuple[str, ...], ...], name: str) -> list[list[str]]:
    """Return the commands with the name of the video."""
    return [[word.replace("{name}", name) for word in call] for call in calls]


def cases() -> Iterator[Case]:
    """Return all cases of this module."""
    for title, (name, draw, count) in SAME.items():
        yield Case(title, "video", named((ANALYZE,), name), written(name, draw), 1, codes=RIGHT, check=rows(count))
        if count >= 5:
            size = {
                "odd width and height": (97, 65),
                "H.264 with 4:4:4 colors of odd size": (97, 65),
                "16 pixels high": (96, 34),
                "taller than wide": (90, 200),
            }.get(title, (96, 64))
            yield Case(
                f"{title}, extracted",
                "video",
                named(ADD_AND_EXTRACT, name),
                written(name, draw),
                1,
                codes=RIGHT,
                check=numbered(size),
            )
    for title, (name, draw) in ODD.items():
        codes = EITHER | {SOME_FAILED}
        yield Case(title, "video", named((ANALYZE,), name), written(name, draw), 1, codes=codes, names="odd")
        yield Case(f"{title}, added", "video", named(ADD_AND_EXTRACT[:1], name), written(name, draw), 1, names="odd")
    yield Case(
        "turned by its metadata",
        "video",
        named((ANALYZE,), "odd.mp4"),
        written("odd.mp4", _rotated),
        1,
        codes=RIGHT,
        check=rows(FRAMES),
    )

    def one_bad(folder: Path, rng: np.random.Generator) -> None:
        encoded(*MPEG4)(folder / "good.avi")
        (folder / "odd.avi").write_text("no video")

    def check(folder: Path, ended: CommandResult) -> str | None:
        result = json.loads(ended.out)
        return None if "odd.avi" in json.dumps(result) else "the failed video is not named"

    calls = (("analyze-video", "good.avi", "odd.avi", "-p", "P", "--out", "out", "--json"),)
    yield Case("a good one and a bad one", "video", calls, one_bad, 2, codes=frozenset({SOME_FAILED}), check=check)
    assert REFUSED
