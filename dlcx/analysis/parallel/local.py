"""Videos analysed by several processes at once: of this machine, or of Dask's."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.analysis.many_videos import FailedVideo
from dlcx.analysis.parallel.plan import (
    MAX_FRAMES,
    SHARES_A_WORKER,
    Request,
    SharedVideo,
    Unit,
    cut_videos,
    mark_restart,
    share_threads,
)
from dlcx.analysis.parallel.worker import Failure, Piece, work_on
from dlcx.analysis_files import AnalysisFiles
from dlcx.cluster.dask import DaskCrew
from dlcx.cluster.local_processes import Processes
from dlcx.cluster.worker_pool import Crew, Heard, Lost
from dlcx.errors import DlcxError
from dlcx.options.cluster import DistributionOptions, JobOptions
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.progress import Progress, Task
from dlcx.stopping import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from dlcx.analysis.result import AnalyzedVideo
    from dlcx.analysis.timing import TimeSpent

logger = logging.getLogger(__name__)


def analyze_in_shares(
    request: Request,
    files: Sequence[AnalysisFiles],
    options: DistributionOptions,
    progress: Progress,
) -> tuple[tuple[AnalyzedVideo, ...], tuple[FailedVideo, ...]]:
    """Analyze the videos in parts, with Dask (``cluster``) or processes of this machine (``devices``), and join them.

    Raises
    ------
    Stopped
        When SIGTERM or SIGUSR1 came; what was analysed is safe and the same call goes on.
    DlcxError
        When a value or all videos cannot be used, or there is nobody to do the work.
    """
    from dlcx.store import restart_marker

    told = _Told()
    with (
        stop_on_signals() as stop,
        _crew(request, options.cluster, options.devices, told.heard, stop) as (crew, threads),
    ):
        wanted = SHARES_A_WORKER * max(1, crew.size)
        videos, failed = cut_videos(request, files, lambda total: min(MAX_FRAMES, total / wanted), options.shares)
        mark_restart(videos, request.call)
        work = _Work(request, crew, threads, videos, told)
        whole = sum(video.frames for video in videos)
        done = sum(unit.done for video in videos for unit in video.units)
        done += sum(video.frames for video in videos if video.written)
        title = f"analyze {videos[0].video.name}" if len(videos) == 1 else f"analyze {len(videos)} videos"
        with progress.task(title, whole, "frame", done=done) as task:
            told.task = task
            finished, broken = work.all()
    ended = {video.video for video in finished}
    for shared in videos:
        if shared.video in ended:
            restart_marker.clear_restart(shared.files.store)
    failed = (*failed, *broken)
    for failure in broken:
        if len(files) > 1:
            logger.error("%s: %s", failure.video, failure.error)
    if not finished:
        first = failed[0]
        message = first.error if len(files) == 1 else f"none of the {len(files)} videos could be used: {first.error}"
        raise DlcxError(message, hint=work.hints.get(first.video.name, ""))
    return finished, failed


class _Told:
    """How far the pieces say that they are, for one bar of all videos."""

    def __init__(self) -> None:
        self.task = Task()
        self.reached: dict[int, int] = {}
        self.speaking = threading.Lock()

    def heard(self, number: int, count: int) -> None:
        """A piece has done ``count`` frames in all; after its process died it says some again."""
        with self.speaking:
            more = count - self.reached.get(number, 0)
            if number in self.reached and more > 0:
                self.reached[number] = count
                self.task.advance(more)


class _Work:
    """What there is to do: every share of every video, and joining those of a video whose shares are all there."""

    def __init__(self, request: Request, crew: Crew, threads: int, videos: Sequence[SharedVideo], told: _Told) -> None:
        self.request, self.crew, self.threads, self.videos, self.told = request, crew, threads, videos, told
        self.pieces: list[tuple[SharedVideo, Unit | None]] = []
        self.left = {video.video: sum(not unit.complete for unit in video.units) for video in videos}
        self.errors: dict[Path, Failure] = {}
        self.hints: dict[str, str] = {}

    def all(self) -> tuple[tuple[AnalyzedVideo, ...], tuple[FailedVideo, ...]]:
        """Do it; videos in their order, and those that failed."""
        for video in self.videos:
            for share in video.units:
                if not share.complete:
                    self._share(video, share)
            if not self.left[video.video]:
                self._join(video)
        finished: dict[Path, AnalyzedVideo] = {}
        spent: dict[Path, list[TimeSpent]] = {video.video: [] for video in self.videos}
        for number, result in self.crew.results():
            video, unit = self.pieces[number]
            if isinstance(result, Lost):
                result = Failure(result.reason, "Run the same command again to resume; --debug and logs tell more.")
            if isinstance(result, Failure):
                where = f"part {unit.share}: " if unit and len(video.units) > 1 else ""
                self.errors.setdefault(video.video, Failure(where + result.error, result.hint))
            elif unit is None:
                finished[video.video] = replace(result, time=result.time.with_shares(spent[video.video]))
            else:
                spent[video.video].append(result.time)
            if unit is not None:
                self.told.heard(number, unit.frames)
                self.left[video.video] -= 1
                if not self.left[video.video] and video.video not in self.errors:
                    self._join(video)
        self.hints = {path.name: error.hint for path, error in self.errors.items()}
        failed = tuple(FailedVideo(path, error.error) for path, error in self.errors.items())
        return tuple(finished[video.video] for video in self.videos if video.video in finished), failed

    def _share(self, video: SharedVideo, unit: Unit) -> None:
        number = len(self.pieces)
        self.pieces.append((video, unit))
        self.told.reached[number] = unit.done
        part = (unit.share.number, unit.share.count)
        piece = Piece(replace(self.request.part, videos=(video.video,), part=part), self.threads)
        self.crew.submit(number, f"{video.video.stem}-{part[0]}of{part[1]}", piece)

    def _join(self, video: SharedVideo) -> None:
        number = len(self.pieces)
        self.pieces.append((video, None))
        piece = Piece(replace(self.request.join, videos=(video.video,)), self.threads)
        self.crew.submit(number, f"join-{video.video.stem}", piece)


@contextmanager
def _crew(
    request: Request, cluster: str | None, devices: int | None, heard: Heard, stop: StopRequest
) -> Iterator[tuple[Crew, int]]:
    """Who does the work, and with how many threads each."""
    if cluster and cluster.startswith("dask="):
        # one thread, unless $OMP_NUM_THREADS says more: the same for all workers
        with DaskCrew(work_on, address=cluster.removeprefix("dask="), heard=heard, stop=stop) as workers:
            yield workers, share_threads(None)
        return
    asked = devices if cluster is None else int(cluster.partition("=")[2] or 0)
    flag = f"--devices {devices}" if cluster is None else f"--cluster {cluster}"
    environments = process_environments(request.net.device, asked or None, flag)
    threads = int(environments[0]["OMP_NUM_THREADS"])
    kind = Processes if cluster is None else DaskCrew
    with kind(work_on, environments=environments, heard=heard, stop=stop) as crew:
        yield crew, threads


def process_environments(device: str, count: int | None, flag: str) -> list[Mapping[str, str]]:
    """The variables of each process: a GPU of its own, or a fair number of cores.

    Raises
    ------
    DlcxError
        When there are not so many devices, or the device has a number already.
    """
    if ":" in device:
        raise DlcxError(f"{flag} and --device {device}: one process a device, or that one")
    if device != "cuda":
        count = count or max(1, share_threads(1))
        return [{"OMP_NUM_THREADS": str(share_threads(count))}] * count
    import torch

    there = torch.cuda.device_count()
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = said.split(",") if said else [str(number) for number in range(there)]
    count = count or there
    if count > there:
        raise DlcxError(f"{flag}: torch sees {there} CUDA device(s)", hint="Use fewer, or --device cpu.")
    return [
        {"CUDA_VISIBLE_DEVICES": names[number], "OMP_NUM_THREADS": str(share_threads(count))} for number in range(count)
    ]


def check_distribution(options: AnalyzeVideoOptions) -> None:
    """Refuse options that cannot be used together.

    Raises
    ------
    DlcxError
        Naming the two flags.
    """
    cluster, devices = options.cluster, options.devices
    if cluster and not re.fullmatch(r"slurm|local(=[1-9]\d{0,3})?|dask=[a-z]+://\S+:\d+", cluster):
        raise DlcxError(
            f"--cluster {cluster}: expected slurm, local, local=N or dask=ADDRESS",
            hint="An address is what 'dask scheduler' says, e.g. dask=tcp://10.0.0.1:8786.",
        )
    by = f"--cluster {cluster}" if cluster else f"--devices {devices}"
    if cluster and devices:
        raise DlcxError(
            f"{by} and --devices {devices}: one or the other",
            hint="--cluster local=N is Dask's way to N processes; SLURM gets --gpus of each share.",
        )
    said = options.given(JobOptions) or options.given(DistributionOptions, "array_parallel")
    if said and cluster != "slurm":
        raise DlcxError(f"{said[0]} is for --cluster slurm", hint="Add it, or leave the other out.")
    if not (cluster or devices):
        if options.shares:
            raise DlcxError(
                f"--shares {options.shares} is for --cluster and --devices", hint="--part I/N makes one share."
            )
        return
    if options.part:
        raise DlcxError(f"{by} and --part {options.part[0]}/{options.part[1]}: {by} makes and joins all parts itself")
    if options.frames:
        raise DlcxError(f"{by} and --frames: shares are of whole videos")
    for flag, value, named in (
        ("--engine", options.engine, "torch, compile or onnx"),
        ("--batch-size", options.batch_size, "N"),
    ):
        if value == "auto":
            raise DlcxError(
                f"{by} and {flag} auto: shares that chose differently could not be joined",
                hint=f"Name one for all shares: {flag} {named}.",
            )
