"""Frames of a video as images in labeled-data, to be labelled."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.stored_paths import resolve_video
from dlcx.next_steps import command_line
from dlcx.progress import SILENT, Progress, Task
from dlcx.project import Project, Video, frame_name

if TYPE_CHECKING:
    from dlcx.data.video_file import VideoFile

logger = logging.getLogger(__name__)

Crop = tuple[int, int, int, int]


@dataclass(frozen=True)
class SavedFrames:
    """Images of frames: those written, and those that were there, by frame number; ``names`` are their files."""

    folder: Path
    names: dict[int, str]
    written: tuple[int, ...]
    existed: tuple[int, ...]
    unreadable: tuple[int, ...] = ()


def saved_numbers(folder: Path) -> dict[int, str]:
    """The images of frames in a folder of labeled-data, by frame number, however many digits their names have."""
    found = (re.fullmatch(r"img(\d+)\.(?:png|jpe?g)", path.name) for path in sorted(folder.glob("img*")))
    return {int(match[1]): match[0] for match in found if match}


def save_frames(
    video: VideoFile, numbers: Sequence[int], folder: Path, *, crop: Crop | None = None, task: Task | None = None
) -> SavedFrames:
    """Write frames as ``img<number>.png``, but those that are there already; whatever else is there stays.

    Parameters
    ----------
    crop
        x1, x2, y1, y2 in pixels of the frame: save this part only.

    Raises
    ------
    DlcxError
        When an image cannot be written, or none of the frames decoded.
    """
    from dlcx.data.video import read_frames
    from dlcx.visuals.labeled_images import write_picture

    there = saved_numbers(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names, written, existed, unreadable = {}, [], [], []
    for number in numbers:
        if number in there:
            names[number] = there[number]
            existed.append(number)
        else:
            batch = next(read_frames(video, 1, start=number, stop=number + 1, crop=crop), None)
            if batch is not None and batch.readable[0]:
                names[number] = frame_name(number, video.frames)
                write_picture(batch.images[0], folder / names[number])
                written.append(number)
            else:
                logger.warning("%s: frame %d cannot be decoded", video.path.name, number)
                unreadable.append(number)
        if task:
            task.advance()
    if len(numbers) and not names:
        raise DlcxError(f"{video.path}: none of the {len(numbers)} chosen frames can be decoded")
    return SavedFrames(folder, names, tuple(written), tuple(existed), tuple(unreadable))


def choose_frames(
    video: VideoFile,
    numbers: np.ndarray,
    count: int,
    *,
    method: str,
    seed: int,
    color: bool = False,
    width: int = 30,
    crop: Crop | None = None,
    progress: Progress = SILENT,
) -> list[int]:
    """``count`` of the frames ``numbers`` (ascending) by a method of :data:`dlcx.data.frame_selection.METHODS`.

    Raises
    ------
    DlcxError
        When there is no such method, or what it needs is not installed.
    """
    from dlcx.data.frame_selection import check_method, downsampled_frames, sample_from_clusters, sample_uniform

    check_method(method)
    draw = np.random.RandomState(seed)
    if method == "uniform":
        return sample_uniform(numbers, count, draw)
    if len(numbers) <= count:
        result: list[int] = numbers.tolist()
        return result
    with progress.task(f"look at {video.path.name}", int(numbers[-1] - numbers[0]) + 1, "frame") as task:
        images, readable = downsampled_frames(video, numbers, width=width, color=color, crop=crop, task=task)
    return sample_from_clusters(images, numbers[readable], count, draw)


def project_videos(project: Project, wanted: Sequence[str | Path]) -> list[tuple[Video, Path]]:
    """The project's videos with the files that hold them now; ``wanted`` ones only, files or names of config.yaml.

    Without ``wanted``, videos that are nowhere but have labels are left out with a warning.

    Raises
    ------
    DlcxError
        When config.yaml lists none, or one that is wanted is not listed.
    """
    from dlcx.data.video import find_videos

    if not wanted:
        if not project.videos:
            raise DlcxError(f"{project.config_path} lists no videos", hint="`dlcx add-videos` adds some.")
        places = [(video, _place(project, video)) for video in project.videos]
        # config.yaml lists a video for every folder of imported labels, also where only its images exist.
        found = [place for place in places if place[1].is_file() or not _has_labels(project, place[0])]
        return found or places
    chosen: list[tuple[Video, Path]] = []
    files: list[str | Path] = []
    for item in wanted:
        known = project.video_of(Path(item).stem) or project.video_of(Path(item).name)
        if known and not Path(item).exists():
            chosen.append((known, _place(project, known)))
        else:
            files.append(item)
    for path in find_videos(files) if files else ():
        if (video := project.video_of(path.stem)) is None:
            raise DlcxError(
                f"{path} is not in {project.config_path}",
                hint=f"Run `{command_line('add-videos', path)}` to add it to the project.",
            )
        _refuse_another(project, video, path)
        if other := next((there for known, there in chosen if known == video and there != path), None):
            raise DlcxError(f"{other} and {path} have the same name", hint="Name one video in a call.")
        chosen.append((video, path))
    return chosen


def _refuse_another(project: Project, video: Video, path: Path) -> None:
    """Refuse another recording than the project's: a file of the same name, whose frames would get its labels."""
    from dlcx.data.video_identity import is_same_recording

    try:
        there = resolve_video(project, video)
    except DlcxError:
        return  # the project's file is missing, and this one is in its place
    if not is_same_recording(there, path):
        raise DlcxError(
            f"{path}: the project has another video of this name: {there}",
            hint="Rename the new one and add it with `dlcx add-videos`: labels are kept by the video's name.",
        )


def _has_labels(project: Project, video: Video) -> bool:
    path = project.labels_path(video.stem)
    return any(path.with_name(path.name + suffix).exists() for suffix in (".h5", ".csv"))


def _place(project: Project, video: Video) -> Path:
    """Where a video lies; where it is nowhere, its place in the project, which fails when it is opened."""
    try:
        return resolve_video(project, video)
    except DlcxError as error:
        logger.warning("%s", error)
        return project.videos_dir / re.split(r"[\\/]", video.stored)[-1]
