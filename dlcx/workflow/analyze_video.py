"""Poses of whole videos: analyse, go on where an earlier run stopped, write DeepLabCut's files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.analysis.many_videos import FailedVideo, each_video, refuse_shared_outputs
from dlcx.analysis.network_loading import configured_engine, configured_precision
from dlcx.analysis.parallel.local import analyze_in_shares, check_distribution
from dlcx.analysis.parallel.plan import Request
from dlcx.analysis.parallel.slurm import SlurmJob, SubmittedAnalysis, submit_analysis
from dlcx.analysis.result import AnalyzedShare, AnalyzedVideo
from dlcx.analysis.temporal import VideoMemory
from dlcx.analysis.tracking import Linking, asked_linking, next_steps
from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.analysis.video_analysis import AUTO, VideoRun
from dlcx.analysis_files import AnalysisFiles, VideoPart
from dlcx.errors import DlcxError, Stopped
from dlcx.options.command_line import command_after
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.merge_parts import MergePartsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.options.output import TableOptions
from dlcx.options.poses import AnalysisOptions
from dlcx.options.tracking import TrackingOptions
from dlcx.progress import SILENT, Progress
from dlcx.stopping import stop_on_signals

if TYPE_CHECKING:
    from dlcx.options.keywords import AnalyzeVideoKeywords


@dataclass(frozen=True)
class AnalyzeVideoResult:
    """What was analysed with which scorer, and what failed."""

    scorer: str
    videos: tuple[AnalyzedVideo | AnalyzedShare, ...]
    failed: tuple[FailedVideo, ...] = ()
    next_steps: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """4 when a video failed or frames were unreadable, else 0."""
        return 4 if self.failed or any(video.unreadable for video in self.videos) else 0

    def lines(self) -> list[str]:
        """One fact a line."""
        said = [f"scorer: {self.scorer}"]
        for video in self.videos:
            said.extend(video.lines())
        return said + [f"failed: {failure.video}: {failure.error}" for failure in self.failed]


@keyword_options(AnalyzeVideoOptions)
def analyze_video(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **given: Unpack[AnalyzeVideoKeywords],
) -> AnalyzeVideoResult | SubmittedAnalysis:
    """Analyse videos with the net of a shuffle, which is loaded once.

    Every prediction goes to a chunk store beside the output first, so that the same call goes on after whatever
    stopped it; a call for frames that are there already is answered from there.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Files, folders and glob patterns.

    Raises
    ------
    Stopped
        When SIGTERM or SIGUSR1 came; the frames up to there are safe and the same call goes on.
    DlcxError
        When a value, the net, or the only video cannot be used.  Of several videos those that fail are in the result.
    """
    options = AnalyzeVideoOptions.of(project=project, videos=videos, **given)
    from dlcx.data.video import find_videos

    slurm = SlurmJob.of(options)
    check_distribution(options)
    found = find_videos(options.videos)
    net = _network(options, slurm)
    memory = VideoMemory(net, options.dynamic_crop, ctd=options.tracker == "ctd")
    if memory.batch_size and options.batch_size not in (None, AUTO, memory.batch_size):
        flag = "--tracker ctd" if memory.ctd else "--dynamic-crop"
        raise DlcxError(f"--batch-size {options.batch_size}: {flag} needs the poses of each frame for the next one")
    linking = asked_linking(net.shuffle, options)
    files = [AnalysisFiles(path, net.scorer, options.out or path.parent) for path in found]
    refuse_shared_outputs(files)
    call = _call(files, options, linking)
    if not (options.cluster or options.devices):
        return _analyze_here(net, memory, files, options, linking, call, progress)
    device = slurm.device(options.device) if options.cluster == "slurm" else net.device
    request = _request(net, memory, options, device, call)
    files = [  # paths that hold in other processes
        replace(one, video=Path(os.path.abspath(one.video)), folder=Path(os.path.abspath(one.folder))) for one in files
    ]
    if options.cluster == "slurm":
        return submit_analysis(request, files, device=device, shares=options.shares, job=slurm)
    joined, unjoined = analyze_in_shares(request, files, options, progress)
    return AnalyzeVideoResult(net.scorer, joined, unjoined, _next_steps(joined[0], options))


def _network(options: AnalyzeVideoOptions, slurm: SlurmJob) -> TrainedNetwork:
    """The network, on the device that runs it; where jobs are submitted there may be no GPU."""
    changes = {}
    if options.cluster == "slurm":
        from dlcx.engines.devices import is_here

        device = slurm.device(options.device)
        changes = {"device": device}
        if not is_here(device):
            changes = {"device": "cpu", "precision": "fp32", "engine": "torch"}
    net = TrainedNetwork.of(options, **changes)
    net.check_for_new_images(finds_boxes=options.dynamic_crop is not None)
    return net


def _analyze_here(
    net: TrainedNetwork,
    memory: VideoMemory,
    files: Sequence[AnalysisFiles],
    options: AnalyzeVideoOptions,
    linking: Linking | None,
    call: str,
    progress: Progress,
) -> AnalyzeVideoResult:
    """Analyze the videos one after the other in this process."""
    from dlcx.store import restart_marker

    by_path = {target.video: target for target in files}
    share = VideoPart(*options.part) if options.part else None

    with stop_on_signals() as stop:

        def analyze(path: Path) -> AnalyzedVideo | AnalyzedShare:
            if stop:
                raise Stopped(
                    f"stopped by {stop.signal} before {path.name}", hint="Run the same command again to resume."
                )
            run = VideoRun(
                net,
                memory,
                by_path[path],
                options.batch_size,
                options.crop or net.shuffle.project.crop,
                options.frames,
                options.csv,
                linking,
                options.overwrite,
                call,
                stop,
                progress,
            )
            return run.whole() if share is None else run.share(share)

        done, failed = each_video(list(by_path), analyze)
    for video in done:
        target = by_path[video.video]
        restart_marker.clear_restart((target.of_part(share) if share else target).store)
    return AnalyzeVideoResult(net.scorer, done, failed, _next_steps(done[0], options))


def _request(net: TrainedNetwork, memory: VideoMemory, options: AnalyzeVideoOptions, device: str, call: str) -> Request:
    """What other processes are asked for: the same analysis, with paths and numbers that hold there."""
    analysis = {
        **options.values_of(AnalysisOptions),
        "project": os.path.abspath(net.shuffle.project.root),
        "trainset_index": net.shuffle.trainset_index,
        "snapshot": os.path.abspath(net.snapshot.path),
        "detector_snapshot": os.path.abspath(net.detector.path) if net.detector else None,
        "out": os.path.abspath(options.out) if options.out else None,
        "videos": (),
    }
    part = AnalyzeVideoOptions.of(
        **analysis,
        conditions=_absolute(options.conditions),
        batch_size=options.batch_size,
        device=device,
        precision=options.precision or configured_precision(net.config, device),
        engine=options.engine or configured_engine(net.config),
        crop=options.crop,
        dynamic_crop=options.dynamic_crop,
        tracker=options.tracker,
    )
    joining = options.values_of(TrackingOptions) | options.values_of(TableOptions)
    return Request(
        net=net,
        memory=memory,
        batch_size=None if options.batch_size == AUTO else options.batch_size,
        crop=options.crop or net.shuffle.project.crop,
        part=part,
        join=MergePartsOptions.of(**analysis, **joining),
        overwrite=options.overwrite,
        call=call,
    )


def _call(files: Sequence[AnalysisFiles], options: AnalyzeVideoOptions, linking: Linking | None) -> str:
    """A name for the call: the same call again has the same, so that one with --overwrite goes on with its own.

    It has not what the stores remember as their settings.
    """
    where = [[os.path.abspath(target.video), os.path.abspath(target.folder)] for target in files]
    settings = linking.settings if linking else None
    distributed = bool(options.cluster or options.devices)
    asked = [where, options.frames, options.part, options.tracker, settings, distributed]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _absolute(conditions: str | None) -> str | None:
    """A file of conditions by a path that holds everywhere; a shuffle as it is."""
    return os.path.abspath(conditions) if conditions and Path(conditions).is_file() else conditions


def _next_steps(first: AnalyzedVideo | AnalyzedShare, options: AnalyzeVideoOptions) -> tuple[str, ...]:
    if isinstance(first, AnalyzedVideo):
        return next_steps(first.video, first.tracked, options)
    joining = options.values_of(TrackingOptions) | {"csv": options.csv}
    return (f"When all parts are done: {command_after(MergePartsOptions, options, videos=options.videos, **joining)}",)
