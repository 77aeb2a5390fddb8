"""Videos of a project and the files derived from them: poses, labeled videos and reports."""

from __future__ import annotations

import glob
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dlcx.analysis_files import AnalysisFiles, PoseFile
from dlcx.errors import DlcxError
from dlcx.formats.stored_paths import resolve_video
from dlcx.project import Project


@dataclass(frozen=True)
class VideoState:
    """A video of the project and the files derived from it.

    Attributes
    ----------
    video, path
        The name, and the file; None if it is missing.
    poses
        Scorer, tracker and filter of each file of poses.
    labeled_videos, reports
        Number of labeled videos and of report pages.
    partial
        Whether no file of poses covers all frames.
    other_poses
        Files of poses of a different video with the same name, for example from before the video was replaced.
    """

    video: str
    path: Path | None
    poses: tuple[str, ...] = ()
    labeled_videos: int = 0
    partial: bool = False
    reports: int = 0
    other_poses: tuple[str, ...] = ()


def video_states(project: Project) -> list[VideoState]:
    """Return the videos listed in config.yaml, followed by others in the project's ``videos`` folder."""
    from dlcx.data.video import VIDEO_SUFFIXES, is_analysis_output

    found: dict[Path, VideoState] = {}
    missing = []
    for video in project.videos:
        try:
            path = resolve_video(project, video)
        except DlcxError:
            missing.append(VideoState(video.stem, None))
        else:
            found[path.resolve()] = video_state(path)
    others = sorted(project.videos_dir.iterdir()) if project.videos_dir.is_dir() else []
    for path in others:
        wanted = path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")
        if wanted and path.resolve() not in found and not is_analysis_output(path):
            found[path.resolve()] = video_state(path)
    return [*found.values(), *missing]


def video_state(path: Path) -> VideoState:
    """Find the files derived from a video."""
    from dlcx.data.video import VIDEO_SUFFIXES

    every = AnalysisFiles(path, "", path.parent).pose_files
    others = [file for file in every if _is_of_other_video(path, file)]
    poses = [file for file in every if file not in others]
    drawn = [
        other
        for other in path.parent.glob(f"{glob.escape(path.stem)}DLC*_labeled.*")
        if other.suffix.lower() in VIDEO_SUFFIXES
    ]
    parts = [_frame_range(path, file.scorer) for file in poses]
    names = [_describe(file, part) for file, part in zip(poses, parts, strict=True)]
    reports = len(list(path.parent.glob(f"{glob.escape(path.stem)}DLC*_report.html")))
    if others and not poses:
        drawn, reports = [], 0  # they show the replaced video
    partial = bool(parts) and all(parts)
    return VideoState(
        path.name, path, tuple(names), len(drawn), partial, reports, tuple(_describe(file) for file in others)
    )


def _describe(file: PoseFile, part: str = "") -> str:
    """Return scorer, tracker, filter, and frame range of a file of poses."""
    tracker = [file.tracker] if file.tracker else []
    return ", ".join([file.scorer, *tracker, *(["filtered"] if file.filtered else []), *([part] if part else [])])


def _is_of_other_video(video: Path, file: PoseFile) -> bool:
    """Return whether a file holds poses of a different video with this name; False if that is unknown."""
    from dlcx.analysis.lookup.same_video import compare_video

    with suppress(DlcxError):
        return bool(compare_video(video, AnalysisFiles(video, file.scorer, video.parent)).differences)
    return False


def _frame_range(video: Path, scorer: str) -> str:
    """Return the frame range of an incomplete analysis; empty if it is complete or unknown."""
    from dlcx.formats.predictions.analysis_pickles import read_meta_pickle
    from dlcx.store.manifest import written_frames

    files = AnalysisFiles(video, scorer, video.parent)
    try:
        written = written_frames(files.store)
        frames = read_meta_pickle(files.meta_pickle).frames if written and files.meta_pickle.is_file() else 0
    except DlcxError:
        return ""
    if not written or written[1] - written[0] >= frames:
        return ""
    return f"frames {written[0]}:{written[1]} of {frames}"
