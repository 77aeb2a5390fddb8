"""Create labeled videos: copies of videos with poses drawn in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.analysis.frame_range import frame_range
from dlcx.analysis.lookup.derived_files import note_origin, noted_origin, origin_of, refuse_others
from dlcx.analysis.lookup.find_poses import FoundPoses, WantedPoses
from dlcx.analysis.many_videos import VideosResult, each_video
from dlcx.errors import DlcxError
from dlcx.options.command_line import command_after
from dlcx.options.commands.create_labeled_video import CreateLabeledVideoOptions
from dlcx.options.commands.report import ReportOptions
from dlcx.options.entry_points import keyword_options
from dlcx.poses import Tracks
from dlcx.progress import SILENT, Progress, Task
from dlcx.visuals.selected_bodyparts import only_parts

if TYPE_CHECKING:
    from dlcx.data.video_file import VideoFile
    from dlcx.options.keywords import CreateLabeledVideoKeywords
    from dlcx.visuals.labeled_video import Boxes, ColorBy

#: Frames decoded at a time.
BATCH = 16


@dataclass(frozen=True)
class LabeledVideo:
    """One labeled video; ``existed`` is true if it already existed."""

    video: Path
    poses: Path
    labeled: Path
    frames: int
    existed: bool


@dataclass(frozen=True)
class CreateLabeledVideoResult(VideosResult[LabeledVideo]):
    """The labeled videos, and the videos that failed with the reason."""

    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Lines of the text output."""
        lines = [
            f"labeled video: {done.labeled}" + (" (was there already)" if done.existed else f", {done.frames} frames")
            for done in self.videos
        ]
        return lines + self.failures()


@keyword_options(CreateLabeledVideoOptions)
def create_labeled_video(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[CreateLabeledVideoKeywords],
) -> CreateLabeledVideoResult:
    """Draw the poses estimated by :func:`dlcx.analyze_video` into copies of the videos.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Files, folders and glob patterns.

    Returns
    -------
    CreateLabeledVideoResult
        The labeled videos, and the videos that failed.

    Raises
    ------
    DlcxError
        If an option or the only video cannot be used.  If some of several videos cannot be used, the result names
        them.
    """
    options = CreateLabeledVideoOptions.of(project=project, videos=videos, **keywords)
    from dlcx.visuals.colors import named_color, part_colors
    from dlcx.visuals.video_writer import default_codec, video_suffix

    codec = options.codec or default_codec()
    frame_range(options.frames)
    wanted = WantedPoses.of(options)
    home = wanted.project
    pcutoff = home.pcutoff if options.pcutoff is None else options.pcutoff
    colors = options.colormap or home.colormap
    part_colors(1, colors)  # report an unknown name before reading any file
    named_color(home.skeleton_color)
    look = _Look(
        pcutoff=pcutoff,
        dotsize=options.dotsize or home.dotsize,
        colormap=colors,
        color_by=options.color_by,
        bodyparts=options.bodyparts,
        skeleton=home.skeleton if options.skeleton else (),
        skeleton_color=home.skeleton_color,
        trail=options.trail,
        boxes=options.boxes,
        keypoints_only=options.keypoints_only,
        frame_number=options.frame_number,
        legend=options.legend,
        codec=codec,
        suffix=video_suffix(codec),
        fps=options.fps,
        frames=options.frames,
    )
    found = wanted.videos(options.videos)
    done, failed = each_video(
        found, lambda path: look.draw(wanted.find(path), overwrite=options.overwrite, progress=progress)
    )
    report = command_after(ReportOptions, options, videos=done[0].video)
    return CreateLabeledVideoResult(done, failed, (f"Where to look closer: {report}",))


@dataclass(frozen=True)
class _Look:
    """Drawing settings shared by all videos."""

    pcutoff: float
    dotsize: int
    colormap: str
    color_by: ColorBy
    bodyparts: tuple[str, ...]
    skeleton: tuple[tuple[str, str], ...]
    skeleton_color: str
    trail: int
    boxes: Boxes
    keypoints_only: bool
    frame_number: bool
    legend: bool
    codec: str
    suffix: str
    fps: float | None
    frames: tuple[int | None, int | None] | None

    def draw(self, found: FoundPoses, *, overwrite: bool, progress: Progress) -> LabeledVideo:
        """Draw one video unless it exists."""
        from dlcx.data.video import open_video
        from dlcx.visuals.labeled_images import legend
        from dlcx.visuals.labeled_video import PosePainter, even_rows, with_frame_number
        from dlcx.visuals.video_writer import write_video

        tracks = only_parts(found.in_frame(), self.bodyparts)
        first, stop = self._part(tracks)
        origin = self._origin(found.file.path, first, stop)
        colors = {"bodypart": "_bp", "individual": "_id"}[self.color_by] if tracks.layout.multi else ""
        labeled = found.file.labeled_video(self.pcutoff, colors, self.suffix)
        if labeled.exists() and not overwrite:
            refuse_others(labeled, noted_origin(labeled), origin)
            return LabeledVideo(found.video, found.file.path, labeled, stop - first, existed=True)
        video = open_video(found.video)
        if tracks.first + len(tracks) > video.frames:
            raise DlcxError(
                f"{found.file.path} reaches to frame {tracks.first + len(tracks) - 1}, "
                f"{found.video} has {video.frames} frames",
                hint="Is it the video that was analyzed?",
            )
        painter = PosePainter(
            tracks,
            pcutoff=self.pcutoff,
            colormap=self.colormap,
            color_by=self.color_by,
            dotsize=self.dotsize,
            skeleton=self.skeleton,
            skeleton_color=self.skeleton_color,
            trail=self.trail,
            boxes=self.boxes,
        )
        with progress.task(f"draw {found.video.name}", stop - first, "frame") as task:
            images = (painter(image, frame) for frame, image in self._grounds(video, first, stop, task))
            size = (video.width, video.height)
            if self.frame_number:
                images = (with_frame_number(image, first + number) for number, image in enumerate(images))
            if self.legend:
                strip = even_rows(legend(video.width, painter.names), video.height)
                size = (video.width, video.height + len(strip))
                images = (np.concatenate([image, strip]) for image in images)
            count = write_video(labeled, images, fps=self.fps or video.fps, size=size, codec=self.codec)
        try:
            note_origin(labeled, origin)
        except DlcxError:
            labeled.unlink(missing_ok=True)  # a video without a recorded origin cannot be recognized
            raise
        return LabeledVideo(found.video, found.file.path, labeled, count, existed=False)

    def _origin(self, poses: Path, first: int, stop: int) -> str:
        """Identify the poses and drawing settings; the suffix is left out because the file name contains it."""
        settings = {**asdict(self), "bodyparts": sorted(set(self.bodyparts)), "frames": f"{first}:{stop}"}
        del settings["suffix"]
        return origin_of(poses, **settings)

    def _part(self, tracks: Tracks) -> tuple[int, int]:
        """First and end frame of the requested range that has poses."""
        end = tracks.first + len(tracks)
        first, stop = frame_range(self.frames)
        first, stop = max(tracks.first, first or 0), min(end, end if stop is None else stop)
        if first >= stop:
            raise DlcxError(f"--frames {first}:{stop}: there are poses of the frames {tracks.first}:{end}")
        return first, stop

    def _grounds(self, video: VideoFile, first: int, stop: int, task: Task) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number and background of each frame: the video image, or black for ``keypoints_only``."""
        from dlcx.data.video import read_frames

        if self.keypoints_only:
            for frame in range(first, stop):
                yield frame, np.zeros((video.height, video.width, 3), np.uint8)
                task.advance()
            return
        for batch in read_frames(video, BATCH, start=first, stop=stop):
            for frame in range(max(first, batch.first), min(stop, batch.stop)):
                yield frame, batch.images[frame - batch.first]
                task.advance()
