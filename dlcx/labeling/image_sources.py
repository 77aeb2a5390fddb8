"""The pixels of the images that a label file names, wherever they lie."""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.labels.imported_labels import ImportedImage
from dlcx.outputs import atomic_file

if TYPE_CHECKING:
    from dlcx.data.video_file import VideoFile

logger = logging.getLogger(__name__)


def path_parts(path: str) -> list[str]:
    """The folders and the file of a path, whose separators may be of another system."""
    return [part for part in re.split(r"[\\/]+", path) if part not in ("", ".")]


@dataclass(frozen=True)
class Recording:
    """What images come from: a video, or a folder of images.

    ``path`` identifies it: where it lies, or what the label file says where the label file holds the images.
    ``called`` is the path that gives its folder of labeled-data a name.
    """

    path: str
    called: str
    is_video: bool

    @property
    def names(self) -> Iterable[str]:
        """Names for its folder of labeled-data: its own, then with those of the folders that it is in."""
        parts = [part.replace(":", "") for part in path_parts(self.called)]
        own = name = parts.pop().rsplit(".", 1)[0] if self.is_video else parts.pop()
        yield name
        for folder in reversed([part for part in parts if part not in ("", "..", "labeled-data")]):
            name = f"{folder}_{name}"
            yield name
        yield from (f"{own}_{number}" for number in range(2, 100))


@dataclass(frozen=True)
class Source:
    """One image: how the label file names it, the image or video file it is in (None: the label file holds it)."""

    given: ImportedImage
    recording: Recording
    path: Path | None
    videos: Videos

    @property
    def frame(self) -> int | None:
        """Its number in a video."""
        return self.given.frame

    @property
    def name(self) -> str:
        """What its file in labeled-data is called; that of a frame is known once its video is open."""
        from dlcx.project import frame_name

        if self.frame is None:
            return path_parts(self.given.file)[-1]
        if self.path is None:
            return f"img{self.frame:06d}.png"
        return frame_name(self.frame, self.videos.open(self.path).frames)

    def read(self) -> np.ndarray:
        """The image (H, W, 3) uint8 RGB.

        Raises
        ------
        DlcxError
            When it cannot be decoded.
        """
        from dlcx.data.images import read_image
        from dlcx.data.video import read_frame

        if self.path is None:
            assert self.given.pixels is not None
            return self.given.pixels()
        if self.frame is None:
            return read_image(self.path)
        image = read_frame(self.videos.open(self.path), self.frame)
        if image is None:
            raise DlcxError(f"{self.path}: frame {self.frame} cannot be decoded")
        return image

    def check(self) -> None:
        """Make sure that the image can be used, without keeping it.

        Raises
        ------
        DlcxError
            When it is no image, or the video does not have the frame.
        """
        if self.frame is None:
            self.read()
        elif self.path is not None:
            video = self.videos.open(self.path)
            if not 0 <= self.frame < video.frames:
                raise DlcxError(f"{self.path}: has {video.frames} frames, and labels of frame {self.frame}")

    def write(self, target: Path) -> None:
        """Bring the image to its place: image files as they are, frames as PNG."""
        from dlcx.visuals.labeled_images import write_picture

        if self.frame is None and self.path is not None:
            with atomic_file(target) as beside:
                shutil.copyfile(self.path, beside)
        else:
            write_picture(self.read(), target)


@dataclass(eq=False)
class Videos:
    """The videos that are open, each listed once."""

    _open: dict[Path, VideoFile] = field(default_factory=dict)

    def open(self, path: Path) -> VideoFile:
        """The video."""
        from dlcx.data.video import open_video

        if path not in self._open:
            self._open[path] = open_video(path)
        return self._open[path]


@dataclass(frozen=True)
class Finder:
    """Finds the files that a label file names, which may come from another machine.

    ``beside`` is the folder of the label file; ``images`` is where the user says that they are, ``video`` the name
    that the user gives the folder of labeled-data.
    """

    beside: Path
    project: Path
    images: Path | None
    video: str | None
    videos: Videos = field(default_factory=Videos)

    def __call__(self, image: ImportedImage) -> Source:
        """Where an image is.

        Raises
        ------
        DlcxError
            When it is nowhere, its name cannot be one of labeled-data, or the file found is another one for sure.
        """
        parts = path_parts(image.file)
        if not parts:
            raise DlcxError(f"an image has no name: {image.file!r}")
        _check_name(image, parts)
        if image.pixels is not None:
            return Source(image, Recording(image.file, image.file, is_video=True), None, self.videos)
        if image.frame is None and len(parts) == 1 and self.images is None and self.video is None:
            raise DlcxError(
                f"{parts[0]}: nothing tells its video", hint="Name the folder of labeled-data with --video."
            )
        path = self._find(image.file, parts)
        source = Source(image, _recording(image, path, parts), path, self.videos)
        self._check_size(source)
        return source

    @cached_property
    def _roots(self) -> list[Path]:
        if self.images is not None:
            return [self.images]
        roots = [self.beside, self.project, self.project / "videos"]
        if self.beside.resolve().parent.name == "labeled-data":  # a label file in its place in another project
            roots.insert(1, self.beside.resolve().parents[1])
        return roots

    def _find(self, stored: str, parts: Sequence[str]) -> Path:
        """The file of this path, else the one whose path ends alike, the longest such end first."""
        if Path(stored).is_file():
            return Path(stored)
        tails = [Path(*parts[start:]) for start in range(len(parts))]
        for tail in tails:
            for root in self._roots:
                if (root / tail).is_file():
                    return root / tail
        raise DlcxError(f"no such file: {stored}", hint="Name the folder of the images or videos with --images DIR.")

    def _check_size(self, source: Source) -> None:
        """Refuse a file of another size than the label file says, when it was found elsewhere than it says."""
        from dlcx.data.images import image_size

        given, path = source.given, source.path
        if given.size is None or path is None or Path(given.file) == path:
            return
        video = self.videos.open(path) if given.frame is not None else None
        size = (video.width, video.height) if video else image_size(path)
        same_length = video is None or given.frames is None or _is_near(given.frames, video.frames)
        if size != given.size or not same_length:
            raise DlcxError(
                f"{given.file} has {_extent(given.size, given.frames)}, and {path}, which was found in its place, "
                f"{_extent(size, video.frames if video and given.frames else None)}: they differ",
                hint="Name the folder of the images or videos with --images DIR.",
            )


def _recording(image: ImportedImage, path: Path, parts: Sequence[str]) -> Recording:
    if image.frame is not None:
        return Recording(str(path.resolve()), os.path.abspath(path), is_video=True)
    folder = Path(os.path.abspath(path)).parent  # not resolved: an image may be a link into another folder
    renamed = len(parts) > 1 and folder.name != parts[-2]
    return Recording(str(folder), "/".join(parts[:-1]) if renamed else str(folder), is_video=False)


def _is_near(one: int, other: int) -> bool:
    """Programs count the frames of damaged or oddly cut videos a little differently."""
    return abs(one - other) <= max(3, one // 100)


def _extent(size: tuple[int, int], frames: int | None) -> str:
    return f"{size[0]} x {size[1]} pixels" + (f" and {frames} frames" if frames else "")


def _check_name(image: ImportedImage, parts: Sequence[str]) -> None:
    """Refuse names that lead out of labeled-data, and files whose names are none of an image or video."""
    from dlcx.data.images import IMAGE_SUFFIXES
    from dlcx.data.video import VIDEO_SUFFIXES
    from dlcx.settings.base import path_component

    try:
        for part in parts[-2:]:
            path_component(part)
    except ValueError:
        raise DlcxError(f"image {image.file!r} leads out of labeled-data") from None
    suffixes = VIDEO_SUFFIXES if image.frame is not None else IMAGE_SUFFIXES
    if image.pixels is None and Path(parts[-1]).suffix.lower() not in suffixes:
        raise DlcxError(f"{image.file}: expected a name that ends in {', '.join(suffixes)}")


def check_distinct(sources: Sequence[Source]) -> None:
    """Refuse two files of a label file for which the same file was found: one of them is another recording.

    Raises
    ------
    DlcxError
        Names both.
    """
    found: dict[Path, str] = {}
    for source in sources:
        if source.path is None:
            continue
        other = found.setdefault(source.path.resolve(), source.given.file)
        if path_parts(other) != path_parts(source.given.file):
            raise DlcxError(
                f"{other} and {source.given.file} are two files, but only {source.path} was found for both",
                hint="Name the folder with --images DIR, in which they lie in their own folders.",
            )
