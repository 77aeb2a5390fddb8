"""Plan a distributed analysis: divide videos into parts, and find what is left to do of each."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.analysis.frame_range import checked_crop, earlier_settings, part_frames, part_intervals
from dlcx.analysis.many_videos import FailedVideo, each_video
from dlcx.analysis.network_loading import configured_engine, configured_precision
from dlcx.analysis.run_settings import run_batch_size, run_settings
from dlcx.analysis_files import AnalysisFiles, VideoPart
from dlcx.errors import DlcxError
from dlcx.locks import locked
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.merge_parts import MergePartsOptions
from dlcx.options.output import TableOptions
from dlcx.options.poses import AnalysisOptions
from dlcx.options.tracking import TrackingOptions

if TYPE_CHECKING:
    from dlcx.analysis.video_analysis import VideoAnalysis
    from dlcx.data.video_file import VideoFile
    from dlcx.store import ChunkStore

#: Minimum number of parts per worker, if there are enough frames: other workers wait less for the last part.
PARTS_PER_WORKER = 4
#: Maximum number of frames in a part if the speed is not known.
MAX_FRAMES = 20_000
#: How long a part should take if the speed is known: see docs/scale.md and benchmarks/part_size.py.
PART_SECONDS = 20 * 60.0


@dataclass(frozen=True)
class PlannedPart:
    """A part of a video: the frames ``first`` to ``stop``, of which ``done`` are in its store already."""

    part: VideoPart
    first: int
    stop: int
    done: int

    @property
    def frames(self) -> int:
        """The number of frames."""
        return self.stop - self.first

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.done >= self.frames


@dataclass(frozen=True)
class DividedVideo:
    """A video and its parts.

    ``is_written`` says that the files of the full video exist, ``restarts`` that everything that exists is replaced.
    """

    files: AnalysisFiles
    frames: int
    parts: tuple[PlannedPart, ...]
    is_written: bool
    restarts: bool

    @property
    def video(self) -> Path:
        """The video file."""
        return self.files.video


def absolute_files(analysis: VideoAnalysis) -> list[AnalysisFiles]:
    """The files of each video, with paths that other processes find."""
    return [
        AnalysisFiles(Path(os.path.abspath(one.video)), one.scorer, Path(os.path.abspath(one.folder)))
        for one in analysis.files()
    ]


def divide_videos(
    analysis: VideoAnalysis,
    files: Sequence[AnalysisFiles],
    max_frames: Callable[[int], float],
    *,
    count: int | None,
    overwrite: bool,
    call_id: str,
) -> tuple[tuple[DividedVideo, ...], tuple[FailedVideo, ...]]:
    """Divide each video into parts.

    Parameters
    ----------
    files
        Those of each video.
    max_frames
        Maximum length of a part for a given number of frames of all videos.
    count
        Number of parts of each video; None: as ``max_frames`` requires.  A video that has parts keeps their number.
    overwrite
        Replace what exists, unless the same call (``call_id``) has begun it.

    Raises
    ------
    DlcxError
        If no video can be used, or an option does not fit it.
    """
    from dlcx.data.video import open_video

    by_path = {target.video: target for target in files}
    opened, unopened = each_video(list(by_path), open_video)
    videos = {video.path: video for video in opened}
    longest = max_frames(sum(video.frames for video in opened))

    def divide(path: Path) -> DividedVideo:
        target, video = by_path[path], videos[path]
        stores = _existing_stores(analysis, target, video, overwrite=overwrite, call_id=call_id)
        counts = stores.counts
        if len(counts) > 1 or (count and counts and counts != {count}):
            listed = " and of ".join(map(str, sorted(counts)))
            raise DlcxError(
                f"{path.name}: parts of {listed} are there" + (f", --shares {count} asked for" if count else ""),
                hint=f"--overwrite starts over; or delete {target.stem}.partIofN.dlcx in {target.folder}.",
            )
        max_count = part_intervals(video.frames, stores.batch_size)[1]
        number = next(iter(counts), None) or min(max_count, count or max(1, math.ceil(video.frames / longest)))
        is_written = stores.full is not None and stores.full.is_complete(0, video.frames)
        parts = []
        for part in (VideoPart(index, number) for index in range(1, number + 1)):
            first, stop = part_frames(part, video.frames, stores.batch_size)
            missing = stores.parts[part].missing(first, stop) if part in stores.parts else [(first, stop)]
            if first < stop and not is_written:
                parts.append(PlannedPart(part, first, stop, stop - first - sum(end - begin for begin, end in missing)))
        return DividedVideo(target, video.frames, tuple(parts), is_written, stores.restarts)

    divided, failed = each_video(list(videos), divide)
    return divided, (*unopened, *failed)


@dataclass(frozen=True)
class _ExistingStores:
    """The chunk stores of a video that can be continued; ``counts`` are the numbers of parts that they belong to."""

    full: ChunkStore | None
    parts: dict[VideoPart, ChunkStore]
    counts: set[int]
    batch_size: int
    restarts: bool


def _existing_stores(
    analysis: VideoAnalysis, files: AnalysisFiles, video: VideoFile, *, overwrite: bool, call_id: str
) -> _ExistingStores:
    """The stores of a video, all with the requested settings.

    Raises
    ------
    DlcxError
        If one has other settings: its poses are not what is requested, however many of them are stored.
    """
    from dlcx.store import check_settings, inspect_store
    from dlcx.store.restart_marker import has_restarted

    crop = checked_crop(analysis.crop, video)

    def inspect(*, restarts: bool) -> _ExistingStores:
        paths = {} if restarts else files.parts
        full = None if restarts else inspect_store(files.store)
        parts = {part: store for part, path in paths.items() if (store := inspect_store(path))}
        stores = [*parts.values(), *([full] if full else [])]
        settings = run_settings(analysis, video, crop, stores[0].settings if stores else {})
        for store in stores:
            check_settings(store.folder.name, store.settings, settings)
        return _ExistingStores(full, parts, {part.count for part in paths}, int(settings["--batch-size"]), restarts)

    if not overwrite:
        return inspect(restarts=False)
    if has_restarted(files.store, call_id):
        with suppress(DlcxError):
            return inspect(restarts=False)
    return inspect(restarts=True)


def part_batch_size(analysis: VideoAnalysis, files: AnalysisFiles) -> int:
    """Frames per forward pass in the parts of a video."""
    return run_batch_size(analysis, {} if analysis.options.overwrite else earlier_settings(files, VideoPart(1, 1)))


def mark_restarts(videos: Sequence[DividedVideo], call_id: str) -> None:
    """Delete the parts, and mark the stores, of videos whose earlier analysis is replaced; their files stay until then.

    Raises
    ------
    DlcxError
        If another process is analyzing a video.
    """
    import shutil

    from dlcx.store import restart_marker

    for video in videos:
        if not video.restarts:
            continue
        files = video.files
        with locked(files.lock, f"the analysis of {video.video.name}"):
            for part, path in files.parts.items():
                with locked(files.of_part(part).lock, f"part {part} of {video.video.name}"):
                    shutil.rmtree(path)
            restart_marker.mark_restart(files.store, call_id)


def part_options(analysis: VideoAnalysis, device: str) -> AnalyzeVideoOptions:
    """The options with which another process analyzes a part, without the video; ``device`` is that of the process."""
    options, config = analysis.options, analysis.net.config
    conditions = options.conditions
    return AnalyzeVideoOptions.of(
        **_analysis_values(analysis),
        conditions=os.path.abspath(conditions) if conditions and Path(conditions).is_file() else conditions,
        batch_size=options.batch_size,
        device=device,
        precision=options.precision or configured_precision(config, device),
        engine=options.engine or configured_engine(config),
        crop=options.crop,
        dynamic_crop=options.dynamic_crop,
        tracker=options.tracker,
    )


def join_options(analysis: VideoAnalysis) -> MergePartsOptions:
    """The options with which another process joins the parts, without the video."""
    joining = analysis.options.values_of(TrackingOptions) | analysis.options.values_of(TableOptions)
    return MergePartsOptions.of(**_analysis_values(analysis), **joining)


def _analysis_values(analysis: VideoAnalysis) -> dict[str, object]:
    """Which analysis is meant, in paths that hold in any process."""
    options, net = analysis.options, analysis.net
    return {
        **options.values_of(AnalysisOptions),
        "project": os.path.abspath(net.shuffle.project.root),
        "trainset_index": net.shuffle.trainset_index,
        "snapshot": os.path.abspath(net.snapshot.path),
        "detector_snapshot": os.path.abspath(net.detector.path) if net.detector else None,
        "out": os.path.abspath(options.out) if options.out else None,
        "videos": (),
    }


def threads_per_process(processes: int | None) -> int:
    """Torch's threads in each of several processes of this machine; None: of other machines, where it is one.

    ``$OMP_NUM_THREADS`` overrides it.
    """
    if (variable := os.environ.get("OMP_NUM_THREADS", "")).isdecimal():
        return max(1, int(variable))
    if processes is None:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // processes)
