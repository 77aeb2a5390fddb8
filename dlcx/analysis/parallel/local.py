"""Analyze videos in several processes at once: of this machine, or Dask workers."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.analysis.many_videos import FailedVideo
from dlcx.analysis.parallel.plan import (
    MAX_FRAMES,
    PARTS_PER_WORKER,
    DividedVideo,
    PlannedPart,
    absolute_files,
    divide_videos,
    join_options,
    mark_restarts,
    part_options,
    threads_per_process,
)
from dlcx.analysis.parallel.worker import JoinTask, PartTask, RefusedTask, run_task
from dlcx.analysis.result import AnalyzedVideo
from dlcx.cluster.dask import DaskPool
from dlcx.cluster.local_processes import LocalPool
from dlcx.cluster.worker_pool import FailedTask, ProgressCallback, WorkerPool
from dlcx.errors import DlcxError
from dlcx.progress import Progress, Task
from dlcx.stopping import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from dlcx.analysis.timing import TimeSpent
    from dlcx.analysis.video_analysis import VideoAnalysis

logger = logging.getLogger(__name__)


def analyze_in_parallel(
    analysis: VideoAnalysis, progress: Progress
) -> tuple[tuple[AnalyzedVideo, ...], tuple[FailedVideo, ...]]:
    """Analyze videos in parts, with Dask (``--cluster``) or processes of this machine (``--devices``), and join them.

    Returns
    -------
    analyzed, failed
        The videos in order, and those that could not be analyzed.

    Raises
    ------
    Stopped
        After SIGTERM or SIGUSR1; what was analyzed is stored and the same command resumes.
    DlcxError
        If an option or all videos cannot be used, or there are no workers.
    """
    from dlcx.store import restart_marker

    files = absolute_files(analysis)
    call_id, options = analysis.call_id(files), analysis.options
    counter = _FrameCounter()
    with stop_on_signals() as stop, _worker_pool(analysis, counter.update, stop) as (pool, threads):
        min_parts = PARTS_PER_WORKER * max(1, pool.size)
        videos, failed = divide_videos(
            analysis,
            files,
            lambda total: min(MAX_FRAMES, total / min_parts),
            count=options.shares,
            overwrite=options.overwrite,
            call_id=call_id,
        )
        mark_restarts(videos, call_id)
        work = _DistributedWork(analysis, pool, threads, videos, counter)
        done = sum(part.done for video in videos for part in video.parts)
        done += sum(video.frames for video in videos if video.is_written)
        title = f"analyze {videos[0].video.name}" if len(videos) == 1 else f"analyze {len(videos)} videos"
        with progress.task(title, sum(video.frames for video in videos), "frame", done=done) as task:
            counter.task = task
            finished, broken = work.run()
    finished_videos = {video.video for video in finished}
    for video in videos:
        if video.video in finished_videos:
            restart_marker.clear_restart(video.files.store)
    failed = (*failed, *broken)
    if len(files) > 1:
        for failure in broken:
            logger.error("%s: %s", failure.video, failure.error)
    if not finished:
        first = failed[0]
        message = first.error if len(files) == 1 else f"none of the {len(files)} videos could be used: {first.error}"
        raise DlcxError(message, hint=work.hints.get(first.video, ""))
    return finished, failed


class _FrameCounter:
    """Adds up the progress reports of all tasks, for one progress bar."""

    def __init__(self) -> None:
        self.task = Task()
        self.counts: dict[int, int] = {}
        self._lock = threading.Lock()

    def update(self, number: int, count: int) -> None:
        """Task ``number`` has analyzed ``count`` frames in all; a task that is run again repeats some."""
        with self._lock:
            more = count - self.counts.get(number, 0)
            if number in self.counts and more > 0:
                self.counts[number] = count
                self.task.advance(more)


class _DistributedWork:
    """All parts of all videos, and joining a video's parts when they are complete."""

    def __init__(
        self,
        analysis: VideoAnalysis,
        pool: WorkerPool,
        threads: int,
        videos: Sequence[DividedVideo],
        counter: _FrameCounter,
    ) -> None:
        self.pool, self.threads, self.videos, self.counter = pool, threads, videos, counter
        self.part_options, self.join_options = part_options(analysis, analysis.net.device), join_options(analysis)
        self.tasks: list[tuple[DividedVideo, PlannedPart | None]] = []
        self.left = {video.video: sum(not part.is_complete for part in video.parts) for video in videos}
        self.errors: dict[Path, RefusedTask] = {}

    def run(self) -> tuple[tuple[AnalyzedVideo, ...], tuple[FailedVideo, ...]]:
        """Run all tasks; the videos in order, and those that failed."""
        for video in self.videos:
            for part in video.parts:
                if not part.is_complete:
                    self._submit_part(video, part)
            if not self.left[video.video]:
                self._submit_join(video)
        finished: dict[Path, AnalyzedVideo] = {}
        times: dict[Path, list[TimeSpent]] = {video.video: [] for video in self.videos}
        for number, result in self.pool.results():
            video, planned = self.tasks[number]
            if isinstance(result, FailedTask):
                result = RefusedTask(result.reason, "Run the same command again to resume; --debug and logs tell more.")
            if isinstance(result, RefusedTask):
                prefix = f"part {planned.part}: " if planned and len(video.parts) > 1 else ""
                self.errors.setdefault(video.video, RefusedTask(prefix + result.error, result.hint))
            elif planned is None:
                finished[video.video] = replace(result, time=result.time.with_parts(times[video.video]))
            else:
                times[video.video].append(result.time)
            if planned is not None:
                self.counter.update(number, planned.frames)
                self.left[video.video] -= 1
                if not self.left[video.video] and video.video not in self.errors:
                    self._submit_join(video)
        failed = tuple(FailedVideo(path, error.error) for path, error in self.errors.items())
        return tuple(finished[video.video] for video in self.videos if video.video in finished), failed

    @property
    def hints(self) -> dict[Path, str]:
        """The hint of each video that failed."""
        return {path: error.hint for path, error in self.errors.items()}

    def _submit_part(self, video: DividedVideo, planned: PlannedPart) -> None:
        number = len(self.tasks)
        self.tasks.append((video, planned))
        self.counter.counts[number] = planned.done
        part = (planned.part.number, planned.part.count)
        task = PartTask(replace(self.part_options, videos=(video.video,), part=part), self.threads)
        self.pool.submit(number, f"{video.video.stem}-{part[0]}of{part[1]}", task)

    def _submit_join(self, video: DividedVideo) -> None:
        number = len(self.tasks)
        self.tasks.append((video, None))
        task = JoinTask(replace(self.join_options, videos=(video.video,)))
        self.pool.submit(number, f"join-{video.video.stem}", task)


@contextmanager
def _worker_pool(
    analysis: VideoAnalysis, on_progress: ProgressCallback, stop: StopRequest
) -> Iterator[tuple[WorkerPool, int]]:
    """The workers, and the number of torch's threads of each."""
    cluster, devices = analysis.options.cluster, analysis.options.devices
    if cluster and cluster.startswith("dask="):
        # one thread, unless $OMP_NUM_THREADS says more: the same for all workers
        with DaskPool(run_task, address=cluster.removeprefix("dask="), on_progress=on_progress, stop=stop) as workers:
            yield workers, threads_per_process(None)
        return
    count = devices if cluster is None else int(cluster.partition("=")[2] or 0)
    flag = f"--devices {devices}" if cluster is None else f"--cluster {cluster}"
    environments = process_environments(analysis.net.device, count or None, flag)
    threads = int(environments[0]["OMP_NUM_THREADS"])
    kind = LocalPool if cluster is None else DaskPool
    with kind(run_task, environments=environments, on_progress=on_progress, stop=stop) as pool:
        yield pool, threads


def process_environments(device: str, count: int | None, flag: str) -> list[Mapping[str, str]]:
    """The environment variables of each process: a GPU of its own, or an equal number of cores.

    Raises
    ------
    DlcxError
        If there are not so many devices, or the device has a number already.
    """
    if ":" in device:
        raise DlcxError(f"{flag} and --device {device}: one process a device, or that one")
    if device != "cuda":
        count = count or max(1, threads_per_process(1))
        return [{"OMP_NUM_THREADS": str(threads_per_process(count))}] * count
    import torch

    available = torch.cuda.device_count()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else [str(number) for number in range(available)]
    count = count or available
    if count > available:
        raise DlcxError(f"{flag}: torch sees {available} CUDA device(s)", hint="Use fewer, or --device cpu.")
    threads = str(threads_per_process(count))
    return [{"CUDA_VISIBLE_DEVICES": names[number], "OMP_NUM_THREADS": threads} for number in range(count)]
