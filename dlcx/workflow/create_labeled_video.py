"""Videos with the poses drawn in, to look at what an analysis has found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from dlcx.analysis.frame_range import frame_range
from dlcx.analysis.lookup.derived_files import note_origin, noted_origin, origin_of, refuse_others
from dlcx.analysis.lookup.find_poses import FoundPoses, WantedPoses
from dlcx.analysis.many_videos import VideosResult, each_video
from dlcx.errors import DlcxError, did_you_mean
from dlcx.next_steps import command_line
from dlcx.poses import Tracks
from dlcx.progress import SILENT, Progress, Task
from dlcx.ranges import within_ranges
from dlcx.visuals.selected_bodyparts import only_parts

if TYPE_CHECKING:
    from dlcx.data.video_file import VideoFile
    from dlcx.visuals.labeled_video import Boxes, ColorBy

#: Frames decoded at a time.
BATCH = 16


@dataclass(frozen=True)
class LabeledVideo:
    """One written video; ``existed`` when it was there already."""

    video: Path
    poses: Path
    labeled: Path
    frames: int
    existed: bool


@dataclass(frozen=True)
class CreateLabeledVideoResult(VideosResult[LabeledVideo]):
    """The videos written, and those that failed with the reason."""

    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """One fact a line."""
        said = [
            f"labeled video: {done.labeled}" + (" (was there already)" if done.existed else f", {done.frames} frames")
            for done in self.videos
        ]
        return said + self.failures()


@within_ranges
def create_labeled_video(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    shuffle: int = 1,
    trainset_index: int | None = None,
    snapshot: str | None = None,
    detector_snapshot: str | None = None,
    tracker: str | None = None,
    filtered: bool = False,
    out: str | Path | None = None,
    poses: str | Path | None = None,
    allow_changed_video: bool = False,
    pcutoff: float | None = None,
    dotsize: int | None = None,
    colormap: str | None = None,
    color_by: str = "bodypart",
    bodyparts: Sequence[str] = (),
    skeleton: bool = True,
    trail: int = 0,
    boxes: str = "no",
    keypoints_only: bool = False,
    frame_number: bool = False,
    legend: bool = False,
    codec: str | None = None,
    fps: float | None = None,
    frames: tuple[int | None, int | None] | None = None,
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
    shuffle, trainset_index, snapshot, detector_snapshot, tracker, filtered, out, poses, allow_changed_video
        Whose poses; see :meth:`dlcx.analysis.lookup.find_poses.WantedPoses.of`.  The new videos lie beside them.
    pcutoff, dotsize, colormap
        Least score of a drawn point, diameter of a dot in pixels, and colours; default: those of config.yaml.
    color_by
        What has a colour of its own: each ``bodypart`` or each ``individual``.
    bodyparts
        Draw these only.
    skeleton
        Draw config.yaml's skeleton, in its skeleton_color.
    trail
        Over how many earlier frames the path of each point is drawn.
    boxes
        A box around each animal: ``no``, ``too``, or ``only`` boxes.
    keypoints_only
        Draw on black instead of the video.
    frame_number
        Write the number of each frame into its top left corner.
    legend
        Name the colors in a strip below the video.
    codec
        One of OpenCV's (``mp4v``, ``MJPG``, ...), or any encoder of ffmpeg's (``libx265``, ...).  Default: H.264 where
        ffmpeg has an encoder for it, else ``mp4v``.
    fps
        Frames a second of the new video; default: the video's.
    frames
        First frame, and the one after the last; default: all that were analysed.
    overwrite
        Draw again what is there; else a video drawn from other poses or with other settings is an error, of the same
        ones is kept.

    Raises
    ------
    DlcxError
        When a value or the only video cannot be used.  Of several videos those that fail are in the result.
    """
    from dlcx.visuals.colors import named_color, part_colors
    from dlcx.visuals.labeled_video import Boxes, ColorBy
    from dlcx.visuals.video_writer import default_codec, video_suffix

    codec = codec or default_codec()
    frame_range(frames)
    for flag, value, known in (("--color-by", color_by, get_args(ColorBy)), ("--boxes", boxes, get_args(Boxes))):
        if value not in known:
            raise DlcxError(f"{flag} {value}: no such choice", hint=did_you_mean(value, known))
    wanted = WantedPoses.of(
        project,
        shuffle=shuffle,
        trainset_index=trainset_index,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        tracker=tracker,
        filtered=filtered,
        out=out,
        poses=poses,
        allow_changed_video=allow_changed_video,
    )
    home = wanted.project
    least = home.pcutoff if pcutoff is None else pcutoff
    colors = colormap or home.colormap
    part_colors(1, colors)  # a wrong name is told before anything is read
    named_color(home.skeleton_color)
    look = _Look(
        pcutoff=least,
        dotsize=dotsize or home.dotsize,
        colormap=colors,
        color_by=color_by,  # type: ignore[arg-type]
        bodyparts=tuple(bodyparts),
        skeleton=home.skeleton if skeleton else (),
        skeleton_color=home.skeleton_color,
        trail=trail,
        boxes=boxes,  # type: ignore[arg-type]
        keypoints_only=keypoints_only,
        frame_number=frame_number,
        legend=legend,
        codec=codec,
        suffix=video_suffix(codec),
        fps=fps,
        frames=frames,
    )
    found = wanted.videos(videos)
    done, failed = each_video(found, lambda path: look.draw(wanted.find(path), overwrite=overwrite, progress=progress))
    report = command_line("report", done[0].video, *wanted.flags, *(["--filtered"] if filtered else []))
    return CreateLabeledVideoResult(done, failed, (f"Where to look closer: {report}",))


@dataclass(frozen=True)
class _Look:
    """What one call asks of every video."""

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
        """Draw one video, unless it is there."""
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
                hint="Is it the video that was analysed?",
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
            labeled.unlink(missing_ok=True)  # else nothing would say what it shows
            raise
        return LabeledVideo(found.video, found.file.path, labeled, count, existed=False)

    def _origin(self, poses: Path, first: int, stop: int) -> str:
        """Which poses are drawn, and how; what the suffix says of the codec is in the name already."""
        settings = {**asdict(self), "bodyparts": sorted(set(self.bodyparts)), "frames": f"{first}:{stop}"}
        del settings["suffix"]
        return origin_of(poses, **settings)

    def _part(self, tracks: Tracks) -> tuple[int, int]:
        """The frames that are asked for and have poses."""
        end = tracks.first + len(tracks)
        first, stop = frame_range(self.frames)
        first, stop = max(tracks.first, first or 0), min(end, end if stop is None else stop)
        if first >= stop:
            raise DlcxError(f"--frames {first}:{stop}: there are poses of the frames {tracks.first}:{end}")
        return first, stop

    def _grounds(self, video: VideoFile, first: int, stop: int, task: Task) -> Iterator[tuple[int, np.ndarray]]:
        """Number and image of each frame: the video's, or black."""
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
