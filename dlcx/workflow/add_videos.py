"""Add videos to a project."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.errors import DlcxError
from dlcx.formats import config_edits
from dlcx.formats.project_config import check_video_name, open_project
from dlcx.formats.stored_paths import resolve_video
from dlcx.options.commands.add_videos import AddVideosOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import atomic_file
from dlcx.progress import SILENT, Progress
from dlcx.project import Project

logger = logging.getLogger(__name__)

Crop = tuple[int, int, int, int]

if TYPE_CHECKING:
    from dlcx.options.keywords import AddVideosKeywords


@dataclass(frozen=True)
class AddVideosResult:
    """The videos added to config.yaml and those it already listed."""

    project: Path
    added: tuple[Path, ...]
    existed: tuple[Path, ...]

    @property
    def next_steps(self) -> tuple[str, ...]:
        """The suggested next command."""
        return ("Next: dlcx extract-frames",) if self.added else ()

    def lines(self) -> list[str]:
        """Lines of the text output."""
        lines = [f"added: {video}" for video in self.added]
        return lines + [f"already there: {video}" for video in self.existed]


@keyword_options(AddVideosOptions)
def add_videos(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[AddVideosKeywords],
) -> AddVideosResult:
    """Link videos into a project and list them in config.yaml.

    Comments and the order of keys in config.yaml are preserved.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Files, folders and glob patterns.

    Returns
    -------
    AddVideosResult
        The added videos and those that were already in the project.

    Raises
    ------
    DlcxError
        If a video cannot be read, or the project already has a different video with the same name.
    """
    options = AddVideosOptions.of(project=project, videos=videos, **keywords)
    from dlcx.data.video import find_videos

    home = open_project(options.project)
    new_videos, existed = [], []
    for video in find_videos(options.videos):
        if known := home.video_of(video.stem):
            _same(home, known.stored, video)
            if options.crop is not None and options.crop != known.crop:
                raise DlcxError(
                    f"--crop {','.join(map(str, options.crop))}: {video.name} is in the project, with "
                    f"{'no crop' if known.crop is None else 'the crop ' + ', '.join(map(str, known.crop))}",
                    hint=f"Change its crop under video_sets in {home.config_path}.",
                )
            existed.append(video)
        else:
            new_videos.append(video)
    distinct_stems(new_videos)
    crops = frame_crops(new_videos, options.crop)
    targets = bring_in(new_videos, home.videos_dir, copy_videos=options.copy_videos, progress=progress)
    for target in targets:
        (home.labeled_data / target.stem).mkdir(parents=True, exist_ok=True)
    config_edits.add_videos(home.config_path, {str(path): crops[path.stem] for path in targets})
    return AddVideosResult(home.root, tuple(targets), tuple(existed))


def distinct_stems(videos: Sequence[Path]) -> None:
    """Check that the names of videos are unique and valid as folder names.

    Labels are stored in one folder per video name.

    Raises
    ------
    DlcxError
        If two videos have the same name, or a name cannot be used for a folder.
    """
    seen: dict[str, Path] = {}
    for video in videos:
        check_video_name(video.stem, str(video))
        if other := seen.get(video.stem):
            raise DlcxError(
                f"{other} and {video} have the same name, so their labels would share a folder",
                hint="Rename one of them.",
            )
        seen[video.stem] = video


def frame_crops(videos: Sequence[Path], crop: Crop | None = None) -> dict[str, Crop]:
    """Determine the crop of each video.

    Parameters
    ----------
    videos
        Paths of the videos.
    crop
        Crop (x1, x2, y1, y2) in pixels for all videos; None for full frames.

    Returns
    -------
    dict
        The crop (x1, x2, y1, y2) by video stem.

    Raises
    ------
    DlcxError
        If a video cannot be read, or the crop extends beyond its frames.
    """
    from dlcx.data.video import open_video

    crops: dict[str, Crop] = {}
    for path in videos:
        video = open_video(path)
        x1, x2, y1, y2 = crops[path.stem] = crop or (0, video.width, 0, video.height)
        if not (0 <= x1 < x2 <= video.width and 0 <= y1 < y2 <= video.height):
            raise DlcxError(
                f"--crop {x1},{x2},{y1},{y2}: {path.name} has {video.width} x {video.height} pixels",
                hint=f"Expected X1,X2,Y1,Y2 within 0,{video.width},0,{video.height}.",
            )
    return crops


def bring_in(videos: Sequence[Path], folder: Path, *, copy_videos: bool, progress: Progress = SILENT) -> list[Path]:
    """Link or copy videos into a folder.

    Videos that are already in the folder are kept.

    Returns
    -------
    list of Path
        The paths of the videos in ``folder``.

    Raises
    ------
    DlcxError
        If the folder contains a different file with the name of a video.
    """
    targets = [folder.resolve() / video.name for video in videos]
    listener = progress if copy_videos else SILENT  # linking is instantaneous
    with listener.task("copy", total=len(videos), unit="video") as task:
        for video, target in zip(videos, targets, strict=True):
            if not target.exists():
                _bring(video.resolve(), target, copy=copy_videos)
            elif not os.path.samefile(video, target):
                raise DlcxError(f"{target} exists and is another file than {video}", hint="Rename one of them.")
            task.advance()
    return targets


def link_video(video: Path, target: Path) -> str:
    """Create a symbolic link to a video unless it exists.

    Returns
    -------
    str
        The reason the link cannot be created; empty on success.
    """
    try:
        if target.exists():
            return "" if target.samefile(video) else f"{target} is another file"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # a dangling link
        target.symlink_to(video)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _bring(video: Path, target: Path, *, copy: bool) -> None:
    if not copy:
        if not (reason := link_video(video, target)):
            return
        logger.warning("%s is copied, for links cannot be made here: %s", video.name, reason)
    with atomic_file(target, video.stat().st_size) as beside:
        shutil.copyfile(video, beside)


def _same(project: Project, stored: str, video: Path) -> None:
    """Raise if the project's video of this name is a different recording; warn if its file is missing."""
    from dlcx.data.video_identity import is_same_recording

    try:
        listed = resolve_video(project, stored)
    except DlcxError:
        logger.warning("%s is listed, but not there; %s is left alone", stored, video)
        return
    if not is_same_recording(listed, video):
        raise DlcxError(
            f"{video}: the project has another video of this name: {listed}",
            hint="Rename the new one: labels are kept by the video's name.",
        )
