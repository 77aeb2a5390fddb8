"""Run an analysis as SLURM jobs: an array job that analyzes the parts, followed by a job that merges them."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dlcx.analysis.many_videos import FailedVideo
from dlcx.analysis.parallel.frame_cost import FrameCost, measure
from dlcx.analysis.parallel.plan import (
    MAX_FRAMES,
    PART_SECONDS,
    DividedVideo,
    PlannedPart,
    absolute_files,
    divide_videos,
    join_options,
    mark_restarts,
    part_options,
)
from dlcx.analysis.video_analysis import VideoAnalysis
from dlcx.analysis_files import AnalysisFiles
from dlcx.cluster.sbatch import WARNING, cancel, in_queue, job_file, setting, submit
from dlcx.errors import DlcxError
from dlcx.options.cluster import DistributionOptions
from dlcx.options.command_line import words
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.merge_parts import MergePartsOptions
from dlcx.options.poses import AnalysisOptions
from dlcx.options.tracking import TrackingOptions
from dlcx.outputs import write_text
from dlcx.untrusted_files import read_json

logger = logging.getLogger(__name__)

#: Maximum number of tasks in an array if the cluster does not report its limit.
MAX_ARRAY = 1001
#: Size of a video's results as a multiple of its chunk store: see docs/scale.md.
RESULTS = 25.0
#: Safety factor for the measured time and memory: other nodes may be slower, and frame queues longer.
SLACK_TIME, SLACK_MEMORY = 2.0, 1.5
#: Options that the results of a part depend on, in addition to those of every analysis.
_RESULTS_DEPEND_ON = ("conditions", "batch_size", "device", "precision", "engine", "crop", "dynamic_crop")
#: Suggested time limits are multiples of this many minutes.
STEP = 10


def node_device(options: AnalyzeVideoOptions) -> str:
    """Return the device for all nodes: parts can only be merged if they were analyzed on the same kind of device."""
    return ("cuda" if options.gpus else "cpu") if options.device == "auto" else options.device


@dataclass(frozen=True)
class SubmittedAnalysis:
    """Jobs that run an analysis. ``files`` are their texts by path; ``cost`` is the measured cost per frame.

    ``array`` and ``merge`` are job numbers; None if there is nothing left to analyze or with ``dry_run``.
    """

    scorer: str
    videos: int
    frames: int
    done: int
    shares: int
    shares_done: int
    folder: Path
    array: int | None = None
    merge: int | None = None
    states: dict[int, str] = field(default_factory=dict)
    progress: str | None = None
    disk: int | None = None
    cost: FrameCost | None = None
    dry_run: bool = False
    files: dict[Path, str] = field(default_factory=dict)
    failed: tuple[FailedVideo, ...] = ()
    next_steps: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """4 if a video cannot be used, otherwise 0."""
        return 4 if self.failed else 0

    def lines(self) -> list[str]:
        """Return the lines to print; with ``--dry-run`` the job files themselves."""
        failed = [f"failed: {failure.video}: {failure.error}" for failure in self.failed]
        if self.dry_run:
            shown = [line for path, text in self.files.items() for line in (f"# {path}", *text.splitlines(), "")]
            return shown + failed
        said = [
            f"scorer: {self.scorer}",
            f"videos: {self.videos}, frames: {self.done} of {self.frames} done, "
            f"shares: {self.shares_done} of {self.shares} done",
        ]
        if self.states:
            said.append("already submitted: " + ", ".join(f"{job} {state}" for job, state in self.states.items()))
        elif self.merge is None:
            said.append("already analyzed: nothing to do, or --overwrite to analyze again")
        said += [f"array: {self.array}"] if self.array else []
        said += [f"merge: {self.merge}"] if self.merge else []
        said += [f"progress: {self.progress}"] if self.progress else []
        if self.cost:
            memory = f", {_size(self.cost.memory)} memory" if self.cost.memory else ""
            said.append(f"measured: {1e3 * self.cost.seconds:.1f} ms a frame{memory}")
        said += [f"disk: about {_size(self.disk)}"] if self.disk else []
        said += [f"jobs: {self.folder}"] if self.merge else []
        return said + failed


def submit_analysis(options: AnalyzeVideoOptions) -> SubmittedAnalysis:
    """Divide the videos into parts and submit jobs for unfinished ones; pending and running jobs are left alone.

    Raises
    ------
    DlcxError
        If SLURM is missing or rejects the jobs, or the videos cannot be used.
    """
    from dlcx.engines.devices import is_here
    from dlcx.store import restart_marker

    device = node_device(options)
    # login nodes may have no GPU: then the network only serves for planning
    plans_only = {"device": "cpu", "precision": "fp32", "engine": "torch"}
    analysis = VideoAnalysis.of(options, **({"device": device} if is_here(device) else plans_only))
    files = absolute_files(analysis)
    call_id, part, join = analysis.call_id(files), part_options(analysis, device), join_options(analysis)
    on_node = analysis.with_network(
        analysis.net.on_device_elsewhere(device, part.precision or "fp32", part.engine or "torch")
    )
    folder = _job_folder(files, analysis.net.scorer, part, join)
    known = _read_record(folder)
    states = {} if options.dry_run else in_queue([known[name] for name in ("array", "merge") if known.get(name)])

    def divide(max_frames: float, count: int | None) -> tuple[tuple[DividedVideo, ...], tuple[FailedVideo, ...]]:
        overwrite = options.overwrite and not states
        return divide_videos(
            on_node, files, lambda total: max_frames, count=count, overwrite=overwrite, call_id=call_id
        )

    cost: FrameCost | None = None
    max_frames = MAX_FRAMES
    has_device = analysis.net.device.partition(":")[0] == device.partition(":")[0]
    if not states and has_device and not (options.shares and options.time and options.mem):
        videos, _ = divide(math.inf, None)
        if unwritten := [video for video in videos if not video.is_written]:
            longest = max(unwritten, key=lambda video: video.frames)  # a short video would give a poor estimate
            cost = measure(analysis, longest, options.cpus or 1)
            max_frames = max(1, int(PART_SECONDS / cost.seconds))
    elif not states and not has_device:
        logger.warning(
            "no %s on this machine to measure the speed on: up to %d frames a share; set --shares N and --time to "
            "change that and the partition's time limit",
            device,
            max_frames,
        )
    videos, failed = divide(max_frames, options.shares)
    frames = sum(video.frames for video in videos)
    parts = [(video, planned) for video in videos for planned in video.parts]
    result = SubmittedAnalysis(
        scorer=analysis.net.scorer,
        videos=len(videos),
        frames=frames,
        done=sum(planned.done for _, planned in parts) + sum(video.frames for video in videos if video.is_written),
        shares=sum(len(video.parts) or 1 for video in videos),
        shares_done=sum(planned.is_complete for _, planned in parts) + sum(video.is_written for video in videos),
        folder=folder,
        disk=int(cost.stored * frames * (1 + RESULTS)) if cost else None,
        cost=cost,
        failed=failed,
    )
    if states:
        return replace(
            result,
            array=known.get("array"),
            merge=known.get("merge"),
            states=states,
            progress=_progress([known.get("array"), known.get("merge")]),
        )
    left = [(video, planned) for video, planned in parts if not planned.is_complete]
    if all(video.is_written for video in videos):
        if not options.dry_run:
            for video in videos:
                restart_marker.clear_restart(video.files.store)
        return result
    written = _Jobs(folder, part, join, options, cost).files(left, videos)
    if options.dry_run:
        return replace(result, files=written, dry_run=True)
    mark_restarts(videos, call_id)
    for path, text in written.items():
        write_text(path, text)
    (folder / "logs").mkdir(exist_ok=True)
    array = submit(folder / "shares.sbatch") if left else None
    try:
        merge = submit(folder / "merge.sbatch", after=array)
    except DlcxError:
        if array is not None:
            cancel([array])
        raise
    write_text(folder / "jobs.json", json.dumps({"array": array, "merge": merge}) + "\n")
    return replace(
        result,
        array=array,
        merge=merge,
        progress=_progress([array, merge]),
        next_steps=("The same command again tells how far they are, and submits what was lost on the way.",),
    )


@dataclass(frozen=True)
class _Jobs:
    """The job files."""

    folder: Path
    part: AnalyzeVideoOptions
    join: MergePartsOptions
    job: DistributionOptions
    cost: FrameCost | None

    def files(
        self, left: Sequence[tuple[DividedVideo, PlannedPart]], videos: Sequence[DividedVideo]
    ) -> dict[Path, str]:
        """Return the texts by path: the table of parts, the array job, and the merge job."""
        merge = self.folder / "merge.sbatch"
        if not left:
            return {merge: self._merge(videos)}
        table = self.folder / "shares.tsv"
        max_tasks = MAX_ARRAY if self.job.dry_run else int(setting("MaxArraySize") or MAX_ARRAY)
        each = math.ceil(len(left) / max_tasks)
        rows = [
            f"{index // each}\t{planned.part}\t{_tabless(video.video)}\n" for index, (video, planned) in enumerate(left)
        ]
        tasks = math.ceil(len(left) / each)
        longest = each * max(planned.frames - planned.done for _, planned in left)
        array = f"0-{tasks - 1}" + (f"%{self.job.array_parallel}" if self.job.array_parallel else "")
        name, *flags = words(self.part)
        command = [*_dlcx(), name, '"$video"', "--part", '"$part"', *map(shlex.quote, flags)]
        body = "\n".join(
            [
                self._setup(),
                "while IFS=$'\\t' read -r task part video; do",
                '    [ "$task" = "$SLURM_ARRAY_TASK_ID" ] || continue',
                f"    run {' '.join(command)}",
                f"done < {shlex.quote(str(table))}",
            ]
        )
        text = job_file(
            "dlcx-shares", self._sized(longest), body, log=self.folder / "logs" / "share-%a.log", array=array
        )
        return {table: "".join(rows), self.folder / "shares.sbatch": text, merge: self._merge(videos)}

    def _merge(self, videos: Sequence[DividedVideo]) -> str:
        paths = tuple(video.video for video in videos if not video.is_written)
        join = words(replace(self.join, videos=paths))
        body = "\n".join([self._setup(), "run " + " ".join([*_dlcx(), *map(shlex.quote, join)])])
        options = replace(self.job, gpus=None)
        return job_file("dlcx-merge", options, body, log=self.folder / "logs" / "merge.log")

    def _setup(self) -> str:
        """Return shell lines that set the same number of threads on every node, for identical numbers."""
        return f"export OMP_NUM_THREADS={self.job.cpus or 1}\ncd {shlex.quote(str(Path.cwd()))}"

    def _sized(self, frames: int) -> DistributionOptions:
        """Return the user's limits, completed by measured ones."""
        options = self.job
        if self.cost is None:
            return options
        seconds = SLACK_TIME * (frames * self.cost.seconds + self.cost.start) + 2 * WARNING
        minutes = STEP * math.ceil(seconds / 60 / STEP)
        time = None if "time" in options.more else f"{minutes // 60}:{minutes % 60:02d}:00"
        memory = None
        if self.cost.memory and not {"mem-per-cpu", "mem-per-gpu"} & options.more.keys():
            memory = f"{math.ceil(SLACK_MEMORY * self.cost.memory / 2**30)}G"
        return replace(options, time=options.time or time, mem=options.mem or memory)


def _dlcx() -> list[str]:
    """Return the command that starts this installation, which the nodes see under the same path."""
    return [shlex.quote(sys.executable), "-m", "dlcx"]


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{math.ceil(count / 2**20)} MB"


def _tabless(path: Path) -> str:
    if any(letter in str(path) for letter in "\t\n"):
        raise DlcxError(f"--cluster slurm: {str(path)!r} has a tab or a line break in its name")
    return str(path)


def _job_folder(
    files: Sequence[AnalysisFiles], scorer: str, part: AnalyzeVideoOptions, join: MergePartsOptions
) -> Path:
    """Return the folder of the jobs beside the results; the same options give the same folder."""
    values = part.values_of(AnalysisOptions) | join.values_of(TrackingOptions)
    values |= {name: getattr(part, name) for name in _RESULTS_DEPEND_ON} | {"csv": join.csv}
    call = [[str(target.video) for target in files], scorer, values]
    name = hashlib.sha256(json.dumps(call, sort_keys=True, default=str).encode()).hexdigest()[:10]
    return files[0].folder / "dlcx-jobs" / name


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        return dict(read_json(folder / "jobs.json"))
    except (DlcxError, ValueError, TypeError):
        return {}


def _progress(jobs: Sequence[int | None]) -> str:
    return f"squeue --me --array --jobs={','.join(str(job) for job in jobs if job)}"
