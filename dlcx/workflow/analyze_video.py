"""Poses of whole videos: analyse, go on where an earlier run stopped, write DeepLabCut's files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from dlcx.analysis.chosen_net import ChosenNet
from dlcx.analysis.frame_range import Crop
from dlcx.analysis.loading import configured_engine, configured_precision
from dlcx.analysis.many_videos import FailedVideo, each_video, refuse_shared_outputs
from dlcx.analysis.parallel.local import analyze_in_shares, check_sharing
from dlcx.analysis.parallel.plan import Request
from dlcx.analysis.parallel.slurm import SlurmJob, SubmittedAnalysis, submit_analysis
from dlcx.analysis.result import AnalyzedShare, AnalyzedVideo
from dlcx.analysis.temporal import DynamicCrop, VideoMemory
from dlcx.analysis.tracking import Linking, asked_linking, next_steps
from dlcx.analysis.video_analysis import AUTO, VideoRun
from dlcx.analysis_files import AnalysisFiles, VideoPart
from dlcx.cluster.sbatch import JobOptions, parse_sbatch
from dlcx.errors import DlcxError, Stopped
from dlcx.formats.project_config import open_project
from dlcx.next_steps import analysis_flags, command_line
from dlcx.progress import SILENT, Progress
from dlcx.ranges import within_ranges
from dlcx.stopping import stop_on_signals


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


@within_ranges
def analyze_video(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    shuffle: int = 1,
    trainset_index: int | None = None,
    snapshot: str | None = None,
    detector_snapshot: str | None = None,
    conditions: str | Path | None = None,
    batch_size: int | Literal["auto"] | None = None,
    device: str = "auto",
    precision: str | None = None,
    engine: str | None = None,
    out: str | Path | None = None,
    csv: bool = True,
    frames: tuple[int | None, int | None] | None = None,
    crop: Crop | None = None,
    dynamic_crop: DynamicCrop | None = None,
    tracker: str | None = None,
    track: bool = True,
    animals: int | None = None,
    relink: bool = True,
    part: tuple[int, int] | None = None,
    cluster: str | None = None,
    devices: int | None = None,
    shares: int | None = None,
    partition: str | None = None,
    time: str | None = None,
    gpus: int | None = None,
    cpus: int | None = None,
    mem: str | None = None,
    array_parallel: int | None = None,
    set_sbatch: Sequence[str] = (),
    dry_run: bool = False,
    overwrite: bool = False,
    progress: Progress = SILENT,
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
    shuffle, trainset_index, snapshot, detector_snapshot
        Which net, and which detector where it is a top-down one; snapshots are ``best``, ``last``, an epoch or a path.
    conditions
        What finds the poses that a BUCTD net corrects: a shuffle (``"1"``), its snapshot (``"1:best"``), or a file of
        predictions; default: what its pytorch_config.yaml names.
    batch_size
        Frames a forward pass; ``auto``: what is fastest for the first frames; default: that of the run which is
        continued, else config.yaml's.
    device, precision, engine
        Where and how numbers are computed; see :func:`dlcx.analysis.loading.load_predictor`.
    out
        Folder of the results; default: the video's own.
    frames
        First frame, and the one after the last; the rows keep the video's frame numbers.
    crop
        x1, x2, y1, y2: the region in pixels that the net sees, default config.yaml's when it says ``cropping: true``.
        Coordinates are of the whole frame nevertheless.
    dynamic_crop
        A score and pixels: look for one animal only in a box around its last pose, that much wider on all sides, while
        any keypoint reaches the score.  Everywhere else only when it is lost.
    tracker
        How the poses of several animals are linked: ``ellipse``, ``box`` or ``skeleton`` afterwards, see
        :func:`dlcx.track`; ``ctd`` lets a BUCTD net correct the poses of the frame before, so that animals keep their
        numbers.
    track
        False leaves the poses as the net found them.
    animals
        How many animals there are; default: the project's individuals.
    relink
        Link all detections once more at once; else tracks are DeepLabCut's.
    part
        A share, from 1, and of how many: analyse that share of each video's frames into a chunk store of its own, which
        :func:`dlcx.merge_parts` joins with the others.
    cluster
        Let others do it, share by share: ``slurm`` submits jobs and returns, ``local`` or ``local=N`` starts Dask
        workers here, ``dask=ADDRESS`` uses those of a scheduler.
    devices
        So many processes of this machine do it, share by share, each with a GPU or some cores of its own.
    shares
        Into how many shares each video is cut; default: by its length and speed.
    partition, time, gpus, cpus, mem, set_sbatch
        Of SLURM's jobs: see :class:`dlcx.cluster.sbatch.JobOptions`; ``set_sbatch`` are ``KEY=VALUE`` of sbatch.
    array_parallel, dry_run
        How many shares SLURM may run at once; only show the files that it would get.
    overwrite
        Analyse again what is there.  The same call goes on when it was stopped, and begins once more when it had ended.

    Raises
    ------
    Stopped
        When SIGTERM or SIGUSR1 came; the frames up to there are safe and the same call goes on.
    DlcxError
        When a value, the net, or the only video cannot be used.  Of several videos those that fail are in the result.
    """
    from dlcx.data.video import find_videos
    from dlcx.store import restart_marker

    slurm = SlurmJob(
        JobOptions(partition, time, gpus, cpus, mem, parse_sbatch(set_sbatch)), array_parallel, dry_run=dry_run
    )
    check_sharing(
        cluster=cluster,
        devices=devices,
        shares=shares,
        slurm=slurm,
        part=part,
        frames=frames,
        engine=engine or "torch",
        batch_size=batch_size,
    )
    place = open_project(project).shuffle(shuffle, trainset_index)
    found = find_videos([videos] if isinstance(videos, str | Path) else videos)
    here = True
    if cluster == "slurm":
        device = slurm.device(device)
        from dlcx.engines.devices import is_here

        here = is_here(device)  # where jobs are submitted there may be no GPU
    net = ChosenNet.of(
        place,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        conditions=conditions,
        device=device if here else "cpu",
        precision=precision if here else "fp32",
        engine=engine if here else "torch",
        searches=dynamic_crop is not None,
    )
    memory = VideoMemory(net, dynamic_crop, ctd=tracker == "ctd")
    if memory.batch_size and batch_size not in (None, AUTO, memory.batch_size):
        flag = "--tracker ctd" if memory.ctd else "--dynamic-crop"
        raise DlcxError(f"--batch-size {batch_size}: {flag} needs the poses of each frame for the next one")
    linking = asked_linking(place, tracker, animals, track=track, relink=relink)
    files = [AnalysisFiles(path, net.scorer, Path(out) if out else path.parent) for path in found]
    refuse_shared_outputs(files)

    call = _call(files, frames, part, tracker, linking, shared=bool(cluster or devices))
    flags = analysis_flags(place, project=project, snapshot=snapshot, detector_snapshot=detector_snapshot, out=out)
    if cluster or devices:
        there = device if cluster == "slurm" else net.device
        which = {
            "project": os.path.abspath(place.project.root),
            "shuffle": shuffle,
            "trainset_index": place.trainset_index,
            "snapshot": os.path.abspath(net.snapshot.path),
            "detector_snapshot": os.path.abspath(net.detector.path) if net.detector else None,
            "out": os.path.abspath(out) if out else None,
            "tracker": tracker,
        }
        request = Request(
            net=net,
            memory=memory,
            batch_size=None if batch_size == AUTO else batch_size,
            crop=crop or place.project.crop,
            flags={
                **which,
                "conditions": _absolute(conditions),
                "batch_size": batch_size,
                "device": there,
                "precision": precision or configured_precision(net.config, there),
                "engine": engine or configured_engine(net.config),
                "crop": crop,
                "dynamic_crop": dynamic_crop,
            },
            linking={**which, "csv": csv, "track": track, "animals": animals, "relink": relink, "overwrite": overwrite},
            overwrite=overwrite,
            call=call,
        )
        files = [  # paths that hold in other processes
            replace(one, video=Path(os.path.abspath(one.video)), folder=Path(os.path.abspath(one.folder)))
            for one in files
        ]
        if cluster == "slurm":
            return submit_analysis(request, files, device=device, shares=shares, job=slurm)
        joined, unjoined = analyze_in_shares(
            request, files, cluster=cluster, devices=devices, shares=shares, progress=progress
        )
        return AnalyzeVideoResult(net.scorer, joined, unjoined, _next_steps(joined[0], flags))

    by_path = {target.video: target for target in files}
    share = VideoPart(*part) if part else None

    with stop_on_signals() as stop:

        def analyze(path: Path) -> AnalyzedVideo | AnalyzedShare:
            if stop:
                raise Stopped(
                    f"stopped by {stop.signal} before {path.name}", hint="Run the same command again to resume."
                )
            where = crop or place.project.crop
            run = VideoRun(
                net, memory, by_path[path], batch_size, where, frames, csv, linking, overwrite, call, stop, progress
            )
            return run.whole() if share is None else run.share(share)

        done, failed = each_video(list(by_path), analyze)
    for video in done:
        target = by_path[video.video]
        restart_marker.end((target.of_part(share) if share else target).store)
    return AnalyzeVideoResult(net.scorer, done, failed, _next_steps(done[0], flags))


def _call(
    files: Sequence[AnalysisFiles],
    frames: tuple[int | None, int | None] | None,
    part: tuple[int, int] | None,
    tracker: str | None,
    linking: Linking | None,
    *,
    shared: bool,
) -> str:
    """A name for the call: the same call again has the same, so that one with --overwrite goes on with its own.

    It has not what the stores remember as their settings.
    """
    where = [[os.path.abspath(target.video), os.path.abspath(target.folder)] for target in files]
    asked = [where, frames, part, tracker, linking.settings if linking else None, shared]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _absolute(conditions: str | Path | None) -> str | None:
    """A file of conditions by a path that holds everywhere; a shuffle as it is."""
    if conditions and Path(conditions).is_file():
        return os.path.abspath(conditions)
    return None if conditions is None else str(conditions)


def _next_steps(first: AnalyzedVideo | AnalyzedShare, flags: list[str]) -> tuple[str, ...]:
    if isinstance(first, AnalyzedVideo):
        return next_steps(first.video, first.tracked, flags)
    return (f"When all parts are done: {command_line('merge-parts', first.video, *flags)}",)
