"""Video frames saved as images in labeled-data, to be labeled."""

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
from dlcx.options.command_line import command_line
from dlcx.options.commands.add_videos import AddVideosOptions
from dlcx.progress import SILENT, Progress, Task
from dlcx.project import Project, Video, frame_name

if TYPE_CHECKING:
    from dlcx.data.video_file import VideoFile

logger = logging.getLogger(__name__)

Crop = tuple[int, int, int, int]


@dataclass(frozen=True)
class SavedFrames:
    """Images of video frames in a folder.

    Attributes
    ----------
    folder
        The folder of labeled-data.
    names
        File name of each frame number.
    written, existed, unreadable
        Frame numbers of the images written now, of existing images, and of frames that cannot be decoded.
    """

    folder: Path
    names: dict[int, str]
    written: tuple[int, ...]
    existed: tuple[int, ...]
    unreadable: tuple[int, ...] = ()


def saved_numbers(folder: Path) -> dict[int, str]:
    """Return the image files in a folder of labeled-data by frame number, whatever their number of digits."""
    found = (re.fullmatch(r"img(\d+)\.(?:png|jpe?g)", path.name) for path in sorted(folder.glob("img*")))
    return {int(match[1]): match[0] for match in found if match}


def save_frames(
    video: VideoFile, numbers: Sequence[int], folder: Path, *, crop: Crop | None = None, task: Task | None = None
) -> SavedFrames:
    """Write frames as ``img<number>.png``; existing images are kept.

    Parameters
    ----------
    video, numbers
        The video and the frame numbers.
    folder
        Folder of labeled-data.
    crop
        x1, x2, y1, y2 in pixels of the frame: save only this region.
    task
        Advances with each frame.

    Returns
    -------
    SavedFrames
        The images.

    Raises
    ------
    DlcxError
        If an image cannot be written, or no frame can be decoded.
    """
    from dlcx.data.video import read_frames
    from dlcx.visuals.image_writer import write_picture

    existing = saved_numbers(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names, written, existed, unreadable = {}, [], [], []
    for number in numbers:
        if number in existing:
            names[number] = existing[number]
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
    """Choose frames by a method of :data:`dlcx.data.frame_selection.METHODS`.

    Parameters
    ----------
    video
        The video.
    numbers
        Candidate frame numbers in ascending order.
    count
        Number of frames to choose.
    method
        ``uniform`` or ``kmeans``.
    seed
        Equal seeds choose equal frames.
    color, width
        Whether k-means compares colors, and the width of the compared images in pixels.
    crop
        x1, x2, y1, y2 in pixels of the frame: compare only this region.
    progress
        Reports the frames read.

    Returns
    -------
    list of int
        Frame numbers in ascending order.

    Raises
    ------
    DlcxError
        If the method does not exist, or a package that it needs is not installed.
    """
    from dlcx.data.frame_selection import check_method, downsampled_frames, sample_from_clusters, sample_uniform

    check_method(method)
    rng = np.random.RandomState(seed)
    if method == "uniform":
        return sample_uniform(numbers, count, rng)
    if len(numbers) <= count:
        result: list[int] = numbers.tolist()
        return result
    with progress.task(f"scan {video.path.name}", int(numbers[-1] - numbers[0]) + 1, "frame") as task:
        images, readable = downsampled_frames(video, numbers, width=width, color=color, crop=crop, task=task)
    return sample_from_clusters(images, numbers[readable], count, rng)


def project_videos(project: Project, wanted: Sequence[str | Path]) -> list[tuple[Video, Path]]:
    """Return videos of the project with their current files.

    Without ``wanted``, missing videos that have labels are left out with a warning.

    Parameters
    ----------
    project
        The project.
    wanted
        Files, or names in config.yaml; empty for all.

    Raises
    ------
    DlcxError
        If config.yaml lists no videos, or one that is wanted is not listed.
    """
    from dlcx.data.video import find_videos

    if not wanted:
        if not project.videos:
            raise DlcxError(f"{project.config_path} lists no videos", hint="`dlcx add-videos` adds some.")
        places = [(video, _place(project, video)) for video in project.videos]
        # config.yaml lists a video for every folder of imported labels, even if only its images exist.
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
                hint=f"Run `{command_line(AddVideosOptions(videos=(path,)))}` to add it to the project.",
            )
        _refuse_another(project, video, path)
        if other := next((file for known, file in chosen if known == video and file != path), None):
            raise DlcxError(f"{other} and {path} have the same name", hint="Give one of them per call.")
        chosen.append((video, path))
    return chosen


def _refuse_another(project: Project, video: Video, path: Path) -> None:
    """Raise if a file has the name of a project's video but other content: its frames would get the wrong labels."""
    from dlcx.data.video_identity import is_same_recording

    try:
        current = resolve_video(project, video)
    except DlcxError:
        return  # the project's file is missing, and this one replaces it
    if not is_same_recording(current, path):
        raise DlcxError(
            f"{path}: the project has a different video of this name: {current}",
            hint="Rename the new video and add it with `dlcx add-videos`: labels are stored by video name.",
        )


def _has_labels(project: Project, video: Video) -> bool:
    path = project.labels_path(video.stem)
    return any(path.with_name(path.name + suffix).exists() for suffix in (".h5", ".csv"))


def _place(project: Project, video: Video) -> Path:
    """The file of a video; if it is missing, its expected path, which fails when it is opened."""
    try:
        return resolve_video(project, video)
    except DlcxError as error:
        logger.warning("%s", error)
        return project.videos_dir / re.split(r"[\\/]", video.stored)[-1]
