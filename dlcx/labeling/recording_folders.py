"""Which folder of labeled-data a recording belongs to: never that of another recording of its name."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.project_config import check_video_name
from dlcx.formats.stored_paths import resolve_video
from dlcx.labeling.extracted_frames import saved_numbers
from dlcx.labeling.image_sources import Recording, Source
from dlcx.project import Project

logger = logging.getLogger(__name__)

#: Images of a folder that are compared with a video's frames to see whether they are of it.
_COMPARED = 5


@dataclass(frozen=True)
class _Belongs:
    """Whether a folder of labeled-data is of a recording (None: nothing tells); ``other`` is what it is of instead."""

    verdict: bool | None
    other: str = ""


_FREE = _Belongs(None)


def choose_folders(
    project: Project, recordings: Mapping[Recording, Sequence[Source]], name: str | None = None
) -> dict[Recording, str]:
    """The folder of labeled-data for the images of each recording; ``name`` is the user's choice for all of them.

    A recording gets the folder that holds its images already, else one of its name that no other recording has: its
    own name, or the one with the names of the folders that it is in.

    Raises
    ------
    DlcxError
        When the user's choice is a folder of another recording, or a name that no folder can have.
    """
    if name is not None:
        return _chosen(project, recordings, name)
    chosen: dict[Recording, str] = {}
    for recording, sources in recordings.items():
        own = (folder for folder in recording.names if (project.labeled_data / folder).is_dir())
        known = (folder for folder in own if _belongs(project, folder, sources).verdict)
        if (folder := next(known, None)) and folder not in chosen.values():
            chosen[recording] = folder
    for recording, sources in recordings.items():
        if recording not in chosen:
            chosen[recording] = _new_folder(project, recording, sources, chosen)
    for recording, folder in chosen.items():
        check_video_name(folder, recording.path)
    return chosen


def _chosen(project: Project, recordings: Mapping[Recording, Sequence[Source]], name: str) -> dict[Recording, str]:
    check_video_name(name, f"--video {name}")
    videos = [recording.path for recording in recordings if recording.is_video]
    if len(videos) > 1:
        raise DlcxError(
            f"--video {name}: frames of {videos[0]} and {videos[1]} would be in one folder", hint="Leave out --video."
        )
    for recording, sources in recordings.items():
        if other := _belongs(project, name, sources).other:
            raise DlcxError(
                f"--video {name}: labeled-data/{name} is of {other}, not of {recording.path}",
                hint="Choose another name.",
            )
    return dict.fromkeys(recordings, name)


def _new_folder(
    project: Project, recording: Recording, sources: Sequence[Source], chosen: Mapping[Recording, str]
) -> str:
    taken = {folder: other.path for other, folder in chosen.items()}
    reason = ""
    for folder in recording.names:
        other = taken.get(folder) or _belongs(project, folder, sources).other
        if not other:
            if reason:
                logger.warning("%s goes to labeled-data/%s: %s", recording.path, folder, reason)
            elif _has_images(project.labeled_data / folder, sources):
                logger.warning(
                    "images of %s join those in labeled-data/%s; if they are of another recording, import them with "
                    "--video NAME",
                    recording.path,
                    folder,
                )
            return folder
        reason = reason or f"labeled-data/{folder} is of {other}"
    raise DlcxError(f"no name is left for the images of {recording.path}", hint="Choose one with --video NAME.")


def _has_images(folder: Path, sources: Sequence[Source]) -> bool:
    from dlcx.data.images import IMAGE_SUFFIXES

    inside = all(source.path is not None and source.path.resolve().parent == folder.resolve() for source in sources)
    return not inside and folder.is_dir() and any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())


def _belongs(project: Project, folder: str, sources: Sequence[Source]) -> _Belongs:
    """Whether a folder is of the recording of ``sources``, by the video that config.yaml lists, and by its images."""
    first = sources[0]
    if first.frame is not None and first.path is not None:
        listed = _listed(project, folder, first, sources)
        if listed.verdict is not None:
            return listed
    place = project.labeled_data / folder
    if not place.is_dir():
        return _FREE
    there = saved_numbers(place)
    same = False
    for source in sources:
        target = place / (source.name if source.frame is None else there.get(source.frame, source.name))
        if target.is_file():
            if not same_file(source, target):
                return _Belongs(False, f"another recording: {target} is another picture")
            same = True
    if same:
        return _Belongs(True)
    return _frames_of_video(first, place, there)


def _listed(project: Project, folder: str, first: Source, sources: Sequence[Source]) -> _Belongs:
    """What config.yaml says of a folder: the recording is its video, or another file with the same frames."""
    path = _video_of(project, folder)
    if path is None:
        return _FREE
    if _same_video(first, path, [source.frame for source in sources if source.frame is not None]):
        return _Belongs(True)
    return _Belongs(False, str(path.resolve()))


def _video_of(project: Project, folder: str) -> Path | None:
    """The video that a folder of labeled-data is of, where it is there: the one listed, else the project's own."""
    from dlcx.data.video import VIDEO_SUFFIXES

    if video := project.video_of(folder):
        try:
            return resolve_video(project, video)
        except DlcxError:
            return None
    own = (project.videos_dir / f"{folder}{suffix}" for suffix in VIDEO_SUFFIXES)
    return next((path for path in own if path.is_file()), None)


def _same_video(source: Source, path: Path, numbers: Sequence[int]) -> bool:
    from dlcx.data.images import is_same_image
    from dlcx.data.video import read_frame
    from dlcx.data.video_identity import fingerprint, same_content

    assert source.path is not None
    if source.path.samefile(path):
        return True
    if same_content(fingerprint(source.path), fingerprint(path)):
        return True
    mine, other = source.videos.open(source.path), source.videos.open(path)
    if mine.frames != other.frames or (mine.width, mine.height) != (other.width, other.height):
        return False
    for number in _some(numbers):
        one, two = read_frame(mine, number), read_frame(other, number)
        if one is None or two is None or not is_same_image(one, two):
            return False
    return True


def _frames_of_video(source: Source, folder: Path, there: Mapping[int, str]) -> _Belongs:
    """Whether images of frames are those of a video, where none is of the frames that are labeled."""
    from dlcx.data.images import is_same_image, read_image
    from dlcx.data.video import read_frame

    if source.frame is None or source.path is None or not there:
        return _FREE
    video = source.videos.open(source.path)
    for number in _some(sorted(there)):
        frame = read_frame(video, number) if number < video.frames else None
        if frame is None or not is_same_image(frame, read_image(folder / there[number])):
            return _Belongs(False, f"another recording: {folder / there[number]} is another picture")
    return _Belongs(True)


def _some(numbers: Sequence[int]) -> list[int]:
    return [numbers[at] for at in np.unique(np.linspace(0, len(numbers) - 1, _COMPARED).round().astype(int))]


def same_file(source: Source, target: Path) -> bool:
    """Whether an image in labeled-data is the very picture of ``source``."""
    from dlcx.data.images import is_same_image, read_image

    if source.frame is None and source.path is not None:
        if source.path.samefile(target):
            return True
        if source.path.stat().st_size == target.stat().st_size and source.path.read_bytes() == target.read_bytes():
            return True
    return is_same_image(source.read(), read_image(target))
