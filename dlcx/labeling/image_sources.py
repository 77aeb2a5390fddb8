"""The images that a label file refers to, wherever they are stored."""

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
    """Split a path of any operating system into folders and file name."""
    return [part for part in re.split(r"[\\/]+", path) if part not in ("", ".")]


@dataclass(frozen=True)
class SourceRecording:
    """The video or folder that images come from.

    Attributes
    ----------
    path
        Identifies the recording: its location, or the name in a label file that contains the images itself.
    called
        Path from which the folder of labeled-data is named.
    is_video
        Whether it is a video.
    """

    path: str
    called: str
    is_video: bool

    @property
    def names(self) -> Iterable[str]:
        """Candidate names for the folder of labeled-data: its own name, then the name prefixed with parent folders."""
        parts = [part.replace(":", "") for part in path_parts(self.called)]
        stem = name = parts.pop().rsplit(".", 1)[0] if self.is_video else parts.pop()
        yield name
        for folder in reversed([part for part in parts if part not in ("", "..", "labeled-data")]):
            name = f"{folder}_{name}"
            yield name
        yield from (f"{stem}_{number}" for number in range(2, 100))


@dataclass(frozen=True)
class ImageSource:
    """One labeled image.

    Attributes
    ----------
    given
        The image as the label file names it.
    recording
        The recording it belongs to.
    path
        The image or video file; None if the label file contains the pixels.
    videos
        Open videos.
    """

    given: ImportedImage
    recording: SourceRecording
    path: Path | None
    videos: OpenVideos

    @property
    def frame(self) -> int | None:
        """Its frame number in the video; None for image files."""
        return self.given.frame

    @property
    def name(self) -> str:
        """Its file name in labeled-data; that of a frame depends on the length of the video."""
        from dlcx.project import frame_name

        if self.frame is None:
            return path_parts(self.given.file)[-1]
        if self.path is None:
            return f"img{self.frame:06d}.png"
        return frame_name(self.frame, self.videos.open(self.path).frames)

    def read(self) -> np.ndarray:
        """Read the image.

        Returns
        -------
        numpy.ndarray
            (H, W, 3), uint8 RGB.

        Raises
        ------
        DlcxError
            If the image cannot be decoded.
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
        """Check that the image can be used.

        Raises
        ------
        DlcxError
            If the file is not an image, or the video lacks the frame.
        """
        if self.frame is None:
            self.read()
        elif self.path is not None:
            video = self.videos.open(self.path)
            if not 0 <= self.frame < video.frames:
                raise DlcxError(f"{self.path}: has {video.frames} frames, but there are labels of frame {self.frame}")

    def write(self, target: Path) -> None:
        """Copy an image file to ``target``, or write a frame as PNG."""
        from dlcx.visuals.image_writer import write_picture

        if self.frame is None and self.path is not None:
            with atomic_file(target) as beside:
                shutil.copyfile(self.path, beside)
        else:
            write_picture(self.read(), target)


@dataclass(eq=False)
class OpenVideos:
    """Open videos, each indexed once."""

    _open: dict[Path, VideoFile] = field(default_factory=dict)

    def open(self, path: Path) -> VideoFile:
        """Return the video."""
        from dlcx.data.video import open_video

        if path not in self._open:
            self._open[path] = open_video(path)
        return self._open[path]


@dataclass(frozen=True)
class ImageFinder:
    """Finds the files that a label file refers to, which may come from another machine.

    Attributes
    ----------
    beside
        Folder of the label file.
    project
        Folder of the project.
    images
        Folder that the user gave for the images.
    video
        Name that the user gave for the folder of labeled-data.
    """

    beside: Path
    project: Path
    images: Path | None
    video: str | None
    videos: OpenVideos = field(default_factory=OpenVideos)

    def __call__(self, image: ImportedImage) -> ImageSource:
        """Find an image.

        Raises
        ------
        DlcxError
            If the image is missing, its name is invalid in labeled-data, or the file found differs from the labeled
            one.
        """
        parts = path_parts(image.file)
        if not parts:
            raise DlcxError(f"an image has no name: {image.file!r}")
        _check_name(image, parts)
        if image.pixels is not None:
            return ImageSource(image, SourceRecording(image.file, image.file, is_video=True), None, self.videos)
        if image.frame is None and len(parts) == 1 and self.images is None and self.video is None:
            raise DlcxError(f"{parts[0]}: the video is unknown", hint="Give the folder of labeled-data with --video.")
        path = self._find(image.file, parts)
        source = ImageSource(image, _recording(image, path, parts), path, self.videos)
        self._check_size(source)
        return source

    @cached_property
    def _roots(self) -> list[Path]:
        if self.images is not None:
            return [self.images]
        roots = [self.beside, self.project, self.project / "videos"]
        if self.beside.resolve().parent.name == "labeled-data":  # a label file of another project
            roots.insert(1, self.beside.resolve().parents[1])
        return roots

    def _find(self, stored: str, parts: Sequence[str]) -> Path:
        """The file at this path, otherwise the file whose path shares the longest end with it."""
        if Path(stored).is_file():
            return Path(stored)
        tails = [Path(*parts[start:]) for start in range(len(parts))]
        for tail in tails:
            for root in self._roots:
                if (root / tail).is_file():
                    return root / tail
        raise DlcxError(f"no such file: {stored}", hint="Give the folder of the images or videos with --images DIR.")

    def _check_size(self, source: ImageSource) -> None:
        """Raise if a file found elsewhere differs in size from the one in the label file."""
        from dlcx.data.images import image_size

        given, path = source.given, source.path
        if given.size is None or path is None or Path(given.file) == path:
            return
        video = self.videos.open(path) if given.frame is not None else None
        size = (video.width, video.height) if video else image_size(path)
        same_length = video is None or given.frames is None or _is_near(given.frames, video.frames)
        if size != given.size or not same_length:
            raise DlcxError(
                f"{given.file} has {_extent(given.size, given.frames)}, but {path}, found instead, has "
                f"{_extent(size, video.frames if video and given.frames else None)}",
                hint="Give the folder of the images or videos with --images DIR.",
            )


def _recording(image: ImportedImage, path: Path, parts: Sequence[str]) -> SourceRecording:
    if image.frame is not None:
        return SourceRecording(str(path.resolve()), os.path.abspath(path), is_video=True)
    folder = Path(os.path.abspath(path)).parent  # not resolved: an image may be a symlink to another folder
    renamed = len(parts) > 1 and folder.name != parts[-2]
    return SourceRecording(str(folder), "/".join(parts[:-1]) if renamed else str(folder), is_video=False)


def _is_near(one: int, other: int) -> bool:
    """Whether two numbers of frames agree; programs count frames of damaged or cut videos slightly differently."""
    return abs(one - other) <= max(3, one // 100)


def _extent(size: tuple[int, int], frames: int | None) -> str:
    return f"{size[0]} x {size[1]} pixels" + (f" and {frames} frames" if frames else "")


def _check_name(image: ImportedImage, parts: Sequence[str]) -> None:
    """Raise for names outside of labeled-data and for suffixes that are neither image nor video."""
    from dlcx.data.images import IMAGE_SUFFIXES
    from dlcx.data.video import VIDEO_SUFFIXES
    from dlcx.settings.base import path_component

    try:
        for part in parts[-2:]:
            path_component(part)
    except ValueError:
        raise DlcxError(f"image {image.file!r} leads outside of labeled-data") from None
    suffixes = VIDEO_SUFFIXES if image.frame is not None else IMAGE_SUFFIXES
    if image.pixels is None and Path(parts[-1]).suffix.lower() not in suffixes:
        raise DlcxError(f"{image.file}: expected a name that ends in {', '.join(suffixes)}")


def check_distinct(sources: Sequence[ImageSource]) -> None:
    """Check that no file was found for two different files of a label file.

    Raises
    ------
    DlcxError
        If one was; names both.
    """
    found: dict[Path, str] = {}
    for source in sources:
        if source.path is None:
            continue
        other = found.setdefault(source.path.resolve(), source.given.file)
        if path_parts(other) != path_parts(source.given.file):
            raise DlcxError(
                f"{other} and {source.given.file} are two files, but {source.path} was found for both",
                hint="Give the folder that contains both in their own subfolders with --images DIR.",
            )
