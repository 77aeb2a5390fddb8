"""The folder of labeled-data for each recording; recordings with the same name get separate folders."""

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
from dlcx.labeling.image_sources import ImageSource, SourceRecording
from dlcx.project import Project

logger = logging.getLogger(__name__)

#: Maximum number of images compared with frames of a video.
_COMPARED = 5


@dataclass(frozen=True)
class _Ownership:
    """Whether a folder of labeled-data belongs to a recording (None: unknown); ``other`` is the recording it belongs to
    instead.
    """

    verdict: bool | None
    other: str = ""


_UNKNOWN = _Ownership(None)


def choose_folders(
    project: Project, recordings: Mapping[SourceRecording, Sequence[ImageSource]], name: str | None = None
) -> dict[SourceRecording, str]:
    """Choose the folder of labeled-data for the images of each recording.

    A recording gets the folder that already contains its images. Otherwise it gets a folder that no other recording
    uses: its own name, prefixed with its parent folders if needed.

    Parameters
    ----------
    project
        The project.
    recordings
        The images of each recording.
    name
        The user's choice for all recordings.

    Raises
    ------
    DlcxError
        If the user's choice belongs to another recording or is not a valid name.
    """
    if name is not None:
        return _chosen(project, recordings, name)
    chosen: dict[SourceRecording, str] = {}
    for recording, sources in recordings.items():
        own = (folder for folder in recording.names if (project.labeled_data / folder).is_dir())
        known = (folder for folder in own if _ownership(project, folder, sources).verdict)
        if (folder := next(known, None)) and folder not in chosen.values():
            chosen[recording] = folder
    for recording, sources in recordings.items():
        if recording not in chosen:
            chosen[recording] = _new_folder(project, recording, sources, chosen)
    for recording, folder in chosen.items():
        check_video_name(folder, recording.path)
    return chosen


def _chosen(
    project: Project, recordings: Mapping[SourceRecording, Sequence[ImageSource]], name: str
) -> dict[SourceRecording, str]:
    check_video_name(name, f"--video {name}")
    videos = [recording.path for recording in recordings if recording.is_video]
    if len(videos) > 1:
        raise DlcxError(
            f"--video {name}: frames of {videos[0]} and {videos[1]} would be in one folder", hint="Leave out --video."
        )
    for recording, sources in recordings.items():
        if other := _ownership(project, name, sources).other:
            raise DlcxError(
                f"--video {name}: labeled-data/{name} belongs to {other}, not to {recording.path}",
                hint="Choose another name.",
            )
    return dict.fromkeys(recordings, name)


def _new_folder(
    project: Project, recording: SourceRecording, sources: Sequence[ImageSource], chosen: Mapping[SourceRecording, str]
) -> str:
    taken = {folder: other.path for other, folder in chosen.items()}
    reason = ""
    for folder in recording.names:
        other = taken.get(folder) or _ownership(project, folder, sources).other
        if not other:
            if reason:
                logger.warning("%s goes to labeled-data/%s: %s", recording.path, folder, reason)
            elif _has_images(project.labeled_data / folder, sources):
                logger.warning(
                    "images of %s are added to labeled-data/%s; if they belong to another recording, import them with "
                    "--video NAME",
                    recording.path,
                    folder,
                )
            return folder
        reason = reason or f"labeled-data/{folder} belongs to {other}"
    raise DlcxError(
        f"no folder name is available for the images of {recording.path}", hint="Choose one with --video NAME."
    )


def _has_images(folder: Path, sources: Sequence[ImageSource]) -> bool:
    from dlcx.data.images import IMAGE_SUFFIXES

    inside = all(source.path is not None and source.path.resolve().parent == folder.resolve() for source in sources)
    return not inside and folder.is_dir() and any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())


def _ownership(project: Project, folder: str, sources: Sequence[ImageSource]) -> _Ownership:
    """Compare a folder with the recording of ``sources``, by the video in config.yaml and by the images."""
    first = sources[0]
    if first.frame is not None and first.path is not None:
        listed = _listed(project, folder, first, sources)
        if listed.verdict is not None:
            return listed
    target_folder = project.labeled_data / folder
    if not target_folder.is_dir():
        return _UNKNOWN
    existing = saved_numbers(target_folder)
    same = False
    for source in sources:
        target = target_folder / (source.name if source.frame is None else existing.get(source.frame, source.name))
        if target.is_file():
            if not same_file(source, target):
                return _Ownership(False, f"another recording: {target} shows a different picture")
            same = True
    if same:
        return _Ownership(True)
    return _frames_of_video(first, target_folder, existing)


def _listed(project: Project, folder: str, first: ImageSource, sources: Sequence[ImageSource]) -> _Ownership:
    """Compare the recording with the video that config.yaml lists for a folder."""
    path = _video_of(project, folder)
    if path is None:
        return _UNKNOWN
    if _same_video(first, path, [source.frame for source in sources if source.frame is not None]):
        return _Ownership(True)
    return _Ownership(False, str(path.resolve()))


def _video_of(project: Project, folder: str) -> Path | None:
    """The video of a folder of labeled-data, if it exists: the listed one, otherwise one in ``videos``."""
    from dlcx.data.video import VIDEO_SUFFIXES

    if video := project.video_of(folder):
        try:
            return resolve_video(project, video)
        except DlcxError:
            return None
    own = (project.videos_dir / f"{folder}{suffix}" for suffix in VIDEO_SUFFIXES)
    return next((path for path in own if path.is_file()), None)


def _same_video(source: ImageSource, path: Path, numbers: Sequence[int]) -> bool:
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
    for number in _spread(numbers):
        one, two = read_frame(mine, number), read_frame(other, number)
        if one is None or two is None or not is_same_image(one, two):
            return False
    return True


def _frames_of_video(source: ImageSource, folder: Path, existing: Mapping[int, str]) -> _Ownership:
    """Whether the images of a folder are frames of a video, if none of them is among the labeled frames."""
    from dlcx.data.images import is_same_image, read_image
    from dlcx.data.video import read_frame

    if source.frame is None or source.path is None or not existing:
        return _UNKNOWN
    video = source.videos.open(source.path)
    for number in _spread(sorted(existing)):
        frame = read_frame(video, number) if number < video.frames else None
        if frame is None or not is_same_image(frame, read_image(folder / existing[number])):
            return _Ownership(False, f"another recording: {folder / existing[number]} shows a different picture")
    return _Ownership(True)


def _spread(numbers: Sequence[int]) -> list[int]:
    return [numbers[at] for at in np.unique(np.linspace(0, len(numbers) - 1, _COMPARED).round().astype(int))]


def same_file(source: ImageSource, target: Path) -> bool:
    """Whether an image in labeled-data shows the picture of ``source``."""
    from dlcx.data.images import is_same_image, read_image

    if source.frame is None and source.path is not None:
        if source.path.samefile(target):
            return True
        if source.path.stat().st_size == target.stat().st_size and source.path.read_bytes() == target.read_bytes():
            return True
    return is_same_image(source.read(), read_image(target))
