"""Videos with the poses drawn in, to look at what an analysis has found."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.model_config import read_model_config
from dlcx.formats.project_config import open_project
from dlcx.poses import Tracks
from dlcx.progress import SILENT, Progress, Task
from dlcx.project import AnalysisFiles, Project
from dlcx.workflow.loading import chosen_detector

logger = logging.getLogger(__name__)

#: Frames decoded at a time.
BATCH = 16


@dataclass(frozen=True)
class LabeledVideo:
    """One written video; ``existed`` when it was there already."""

    video: Path
    labeled: Path
    frames: int
    existed: bool


@dataclass(frozen=True)
class CreateLabeledVideoResult:
    """The videos written, and those that failed with the reason."""

    videos: tuple[LabeledVideo, ...]
    failed: tuple[tuple[Path, str], ...] = ()
    next_steps: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """4 when a video failed, else 0."""
        return 4 if self.failed else 0

    def lines(self) -> list[str]:
        """One fact a line."""
        said = [
            f"labeled video: {done.labeled}" + (" (was there already)" if done.existed else f", {done.frames} frames")
            for done in self.videos
        ]
        return said + [f"failed: {path}: {error}" for path, error in self.failed]


def create_labeled_video(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    shuffle: int = 1,
    trainset_index: int = 0,
    snapshot: str = "best",
    detector_snapshot: str = "best",
    out: str | Path | None = None,
    pcutoff: float | None = None,
    dotsize: int | None = None,
    colormap: str | None = None,
    skeleton: bool = True,
    trail: int = 0,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> CreateLabeledVideoResult:
    """Draw the poses that :func:`dlcx.analyze_video` has found into copies of the videos.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Files, folders and glob patterns.
    shuffle, trainset_index, snapshot, detector_snapshot
        Whose poses; snapshots are ``best``, ``last``, an epoch or a path.
    out
        Folder of the analysis and of the new videos; default: the video's own.
    pcutoff, dotsize, colormap
        Least score of a drawn point, diameter of a dot in pixels, and colours; default: those of config.yaml.
    skeleton
        Draw config.yaml's skeleton.
    trail
        Over how many earlier frames the path of each point is drawn.
    overwrite
        Draw again what is there.

    Raises
    ------
    DlcxError
        When a value or the only video cannot be used.  Of several videos those that fail are in the result.
    """
    from dlcx.data.video import find_videos
    from dlcx.visuals.colors import part_colors

    if trail < 0:
        raise DlcxError(f"--trail {trail}: expected 0 or more frames")
    place = open_project(project).shuffle(shuffle, trainset_index)
    home = place.project
    least = home.pcutoff if pcutoff is None else pcutoff
    if not 0 <= least <= 1:
        raise DlcxError(f"--pcutoff {least}: expected 0 to 1")
    home = replace(home, pcutoff=least, dotsize=dotsize or home.dotsize, colormap=colormap or home.colormap)
    part_colors(1, home.colormap)  # a wrong name is told before anything is read
    found = find_videos([videos] if isinstance(videos, str | Path) else videos)
    config = read_model_config(place.model_config_path)
    detector = chosen_detector(place, config, detector_snapshot)
    scorer = place.scorer(config.net_type, place.snapshot(snapshot), detector)

    done: list[LabeledVideo] = []
    failed: list[tuple[Path, str]] = []
    for path in found:
        files = AnalysisFiles(path, scorer, Path(out) if out else path.parent)
        try:
            done.append(_label(files, home, skeleton=skeleton, trail=trail, overwrite=overwrite, progress=progress))
        except DlcxError as error:
            if len(found) == 1:
                raise
            logger.error("%s: %s", path, error)
            failed.append((path, str(error)))
    if not done:
        raise DlcxError(f"none of the {len(found)} videos could be drawn")
    return CreateLabeledVideoResult(tuple(done), tuple(failed))


def _label(
    files: AnalysisFiles, home: Project, *, skeleton: bool, trail: int, overwrite: bool, progress: Progress
) -> LabeledVideo:
    from dlcx.data.video import open_video
    from dlcx.visuals.labeled_video import PosePainter, write_video

    tracks = _tracks(files)
    labeled = files.labeled_video(home.pcutoff)
    if labeled.exists() and not overwrite:
        return LabeledVideo(files.video, labeled, len(tracks), existed=True)
    video = open_video(files.video)
    if tracks.first + len(tracks) > video.frames:
        raise DlcxError(
            f"{files.h5} reaches to frame {tracks.first + len(tracks) - 1}, {files.video} has {video.frames} frames",
            hint="Is it the video that was analysed?",
        )
    painter = PosePainter(
        tracks,
        pcutoff=home.pcutoff,
        colormap=home.colormap,
        dotsize=home.dotsize,
        skeleton=home.skeleton if skeleton else (),
        trail=trail,
    )

    def painted(task: Task) -> Iterator[np.ndarray]:
        from dlcx.data.video import read_frames

        first, stop = tracks.first, tracks.first + len(tracks)
        for batch in read_frames(video, BATCH, start=first, stop=stop):
            for frame in range(max(first, batch.first), min(stop, batch.stop)):
                yield painter(batch.images[frame - batch.first], frame)
                task.advance()

    with progress.task(f"draw {files.video.name}", len(tracks), "frame") as task:
        count = write_video(labeled, painted(task), fps=video.fps, size=(video.width, video.height))
    return LabeledVideo(files.video, labeled, count, existed=False)


def _tracks(files: AnalysisFiles) -> Tracks:
    """The poses of an analysis, in pixels of the whole frame also where DeepLabCut stored those of a crop."""
    from dlcx.formats.analysis_pickles import read_meta_pickle
    from dlcx.formats.predictions import read_predictions

    source = next((path for path in (files.h5, files.csv) if path.is_file()), None)
    if source is None:
        raise DlcxError(f"no poses of {files.video}: {files.h5} is missing", hint="Run 'dlcx analyze-video' first.")
    tracks = read_predictions(source)
    crop = read_meta_pickle(files.meta_pickle).crop if files.meta_pickle.is_file() else None
    if crop is None:
        return tracks
    corner = np.array([crop[0], crop[2]], tracks.xy.dtype)
    return replace(tracks, xy=tracks.xy + corner, unique_xy=tracks.unique_xy + corner)
