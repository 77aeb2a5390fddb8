"""Extract frames of the project's videos for labeling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.analysis.many_videos import FailedVideo, each_video
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project, read_project_config
from dlcx.labeling.extracted_frames import choose_frames, project_videos, save_frames
from dlcx.options.commands.extract_frames import ExtractFramesOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import check_folder
from dlcx.progress import SILENT, Progress
from dlcx.project import Video

if TYPE_CHECKING:
    from dlcx.options.keywords import ExtractFramesKeywords


@dataclass(frozen=True)
class ExtractedFrames:
    """Frames selected from one video: written images, existing images, and frames that cannot be decoded."""

    video: Path
    folder: Path
    frames: tuple[int, ...]
    written: tuple[int, ...]
    existed: tuple[int, ...]
    unreadable: tuple[int, ...]


@dataclass(frozen=True)
class ExtractFramesResult:
    """Extracted frames of each video, and the videos that failed."""

    videos: tuple[ExtractedFrames, ...]
    failed: tuple[FailedVideo, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """4 if a video failed or a frame cannot be decoded, else 0."""
        return 4 if self.failed or any(one.unreadable for one in self.videos) else 0

    @property
    def next_steps(self) -> tuple[str, ...]:
        """Suggested next steps."""
        if any(one.written for one in self.videos):
            return ("Label the images, for example in napari-deeplabcut, then: dlcx check-labels",)
        return ("Other frames: another --seed, or more --frames.",)

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = []
        for one in self.videos:
            there = f", {len(one.existed)} were there" if one.existed else ""
            lost = f", {len(one.unreadable)} cannot be decoded" if one.unreadable else ""
            lines.append(f"{one.folder}: {len(one.written)} new images{there}{lost}")
        return lines + [f"failed: {failure.video}: {failure.error}" for failure in self.failed]


@keyword_options(ExtractFramesOptions)
def extract_frames(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[ExtractFramesKeywords],
) -> ExtractFramesResult:
    """Save frames as ``labeled-data/<video>/img<number>.png``; existing images and labels are kept.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Videos of the project; default: all.

    Returns
    -------
    ExtractFramesResult
        Extracted frames of each video.

    Raises
    ------
    DlcxError
        If an option is invalid, or all videos fail.  If some of several videos fail, the result lists them.
    """
    options = ExtractFramesOptions.of(project=project, videos=videos, **keywords)
    from dlcx.data.frame_selection import candidate_frames
    from dlcx.data.video import open_video

    home = open_project(options.project)
    config = read_project_config(home.config_path)
    count = config.numframes2pick if options.frames is None else options.frames
    first = float(config.start) if options.start is None else options.start
    last = float(config.stop) if options.stop is None else options.stop
    if not 0 <= first < last <= 1:
        raise DlcxError(f"--start {first:g} --stop {last:g}: expected shares of the video, 0 <= start < stop <= 1")
    chosen = project_videos(home, options.videos)
    check_folder(home.labeled_data)
    by_path: dict[Path, Video] = {path: video for video, path in chosen}

    def extract(path: Path) -> ExtractedFrames:
        video = open_video(path)
        part = by_path[path].crop if options.crop else None
        numbers = candidate_frames(video.frames, first, last)[:: options.step if options.method == "kmeans" else 1]
        picked = choose_frames(
            video,
            numbers,
            count,
            method=options.method,
            seed=options.seed,
            color=options.color,
            width=options.width,
            crop=part,
            progress=progress,
        )
        folder = home.labeled_data / by_path[path].stem
        saved = save_frames(video, picked, folder, crop=part)
        return ExtractedFrames(path, folder, tuple(picked), saved.written, saved.existed, saved.unreadable)

    return ExtractFramesResult(*each_video(list(by_path), extract))
