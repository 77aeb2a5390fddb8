"""Into which shares the videos of a call are cut, and what is left to do of them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.analysis.frame_range import Crop, checked_crop, earlier_settings, share_frames, stretches
from dlcx.analysis.many_videos import FailedVideo, each_video
from dlcx.analysis.run_settings import run_batch_size, run_settings
from dlcx.analysis_files import AnalysisFiles, VideoPart
from dlcx.errors import DlcxError
from dlcx.locks import locked
from dlcx.operating_system import usable_cores
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.merge_parts import MergePartsOptions

if TYPE_CHECKING:
    from dlcx.analysis.temporal import VideoMemory
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.data.video_file import VideoFile
    from dlcx.store import ChunkStore

#: Shares of one worker, at least, where there are frames enough: the last to end keeps the others waiting least.
SHARES_A_WORKER = 4
#: Frames of a share, at most, where nothing tells how long they take.
MAX_FRAMES = 20_000
#: How long a part should take if the speed is known: see docs/scale.md and benchmarks/part_size.py.
SHARE_SECONDS = 20 * 60.0


@dataclass(frozen=True)
class Request:
    """What a call asks of all its videos: options that analyze a part, and those that join the parts.

    ``call`` names it to itself, so that one that replaces an analysis knows what it has begun.
    """

    net: TrainedNetwork
    memory: VideoMemory
    batch_size: int | None
    crop: Crop | None
    part: AnalyzeVideoOptions
    join: MergePartsOptions
    overwrite: bool
    call: str


@dataclass(frozen=True)
class Unit:
    """One share: frames ``first`` to ``stop``, of which ``done`` are in its store already."""

    share: VideoPart
    first: int
    stop: int
    done: int

    @property
    def frames(self) -> int:
        """How many it has."""
        return self.stop - self.first

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.done >= self.frames


@dataclass(frozen=True)
class SharedVideo:
    """A video and its shares; ``written`` when the files of the whole video are there.

    ``anew`` when all that is there is to be replaced.
    """

    files: AnalysisFiles
    frames: int
    units: tuple[Unit, ...]
    written: bool
    anew: bool

    @property
    def video(self) -> Path:
        """Its file."""
        return self.files.video


def cut_videos(
    request: Request, files: Sequence[AnalysisFiles], size: Callable[[int], float], count: int | None
) -> tuple[tuple[SharedVideo, ...], tuple[FailedVideo, ...]]:
    """Cut each video into ``count`` shares, or into shares of at most so many frames as ``size`` says of all frames.

    A video that has shares already keeps their number.

    Raises
    ------
    DlcxError
        When none of the videos can be used, or a value does not fit it.
    """
    from dlcx.data.video import open_video

    by_path = {target.video: target for target in files}
    opened, unopened = each_video(list(by_path), open_video)
    videos = {video.path: video for video in opened}
    longest = size(sum(video.frames for video in opened))

    def cut(path: Path) -> SharedVideo:
        target, video = by_path[path], videos[path]
        found = _find(request, target, video)
        there = found.counts
        if len(there) > 1 or (count and there and there != {count}):
            counts = " and of ".join(map(str, sorted(there)))
            raise DlcxError(
                f"{path.name}: parts of {counts} are there" + (f", --shares {count} asked for" if count else ""),
                hint=f"--overwrite begins anew; or delete {target.stem}.partIofN.dlcx in {target.folder}.",
            )
        most = stretches(video.frames, found.batch_size)[1]
        number = next(iter(there), None) or min(most, count or max(1, math.ceil(video.frames / longest)))
        written = found.whole is not None and found.whole.is_complete(0, video.frames)
        units = []
        for share in (VideoPart(place, number) for place in range(1, number + 1)):
            first, stop = share_frames(share, video.frames, found.batch_size)
            missing = found.parts[share].missing(first, stop) if share in found.parts else [(first, stop)]
            if first < stop and not written:
                units.append(Unit(share, first, stop, stop - first - sum(end - begin for begin, end in missing)))
        return SharedVideo(target, video.frames, tuple(units), written, found.anew)

    done, failed = each_video(list(videos), cut)
    return done, (*unopened, *failed)


@dataclass(frozen=True)
class _Found:
    """What is there of a video: nothing where the call begins ``anew``; ``counts`` are those of its shares."""

    whole: ChunkStore | None
    parts: dict[VideoPart, ChunkStore]
    counts: set[int]
    batch_size: int
    anew: bool


def _find(request: Request, files: AnalysisFiles, video: VideoFile) -> _Found:
    """What is there, all of it made with what is asked for; a call that replaces it goes on with its own.

    Raises
    ------
    DlcxError
        When it was made with other settings: its poses are not what is asked for, however many of them are there.
    """
    from dlcx.store import check_settings, inspect_store
    from dlcx.store.restart_marker import has_restarted

    crop = checked_crop(request.crop, video)

    def look(*, anew: bool) -> _Found:
        paths = {} if anew else files.parts
        whole = None if anew else inspect_store(files.store)
        parts = {share: store for share, path in paths.items() if (store := inspect_store(path))}
        stores = [*parts.values(), *([whole] if whole else [])]
        before = stores[0].settings if stores else {}
        asked = run_settings(request.net, request.memory, video, crop, request.batch_size, before)
        for store in stores:
            check_settings(store.folder.name, store.settings, asked)
        return _Found(whole, parts, {share.count for share in paths}, int(asked["--batch-size"]), anew)

    if not request.overwrite:
        return look(anew=False)
    if has_restarted(files.store, request.call):
        with suppress(DlcxError):
            return look(anew=False)
    return look(anew=True)


def batch_of(request: Request, files: AnalysisFiles) -> int:
    """Frames a forward pass in the shares of a video."""
    before = {} if request.overwrite else earlier_settings(files, VideoPart(1, 1))
    return run_batch_size(request.net, request.memory, request.batch_size, before)


def mark_restart(videos: Sequence[SharedVideo], call: str) -> None:
    """Forget what was analysed before, where the call replaces it, once for all shares.

    The files stay until new ones are whole.

    Raises
    ------
    DlcxError
        When another process is at work on them.
    """
    import shutil

    from dlcx.store import restart_marker

    for video in videos:
        if not video.anew:
            continue
        files = video.files
        with locked(files.lock, f"the analysis of {video.video.name}"):
            for share, path in files.parts.items():
                with locked(files.of_part(share).lock, f"part {share} of {video.video.name}"):
                    shutil.rmtree(path)
            restart_marker.mark_restart(files.store, call)


def share_threads(processes: int | None) -> int:
    """Torch's threads in each of several processes of this machine, or of others (None: one).

    ``$OMP_NUM_THREADS`` wins, as everywhere.
    """
    if (said := os.environ.get("OMP_NUM_THREADS", "")).isdecimal():
        return max(1, int(said))
    if processes is None:
        return 1
    return max(1, usable_cores() // processes)
