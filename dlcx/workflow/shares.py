"""Into which shares the videos of a call are cut, and what is left to do of them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.analysis_files import AnalysisFiles, Share
from dlcx.errors import DlcxError
from dlcx.locks import locked
from dlcx.workflow.many_videos import FailedVideo, each_video
from dlcx.workflow.run_settings import run_batch_size, run_settings
from dlcx.workflow.video_part import Crop, checked_crop, earlier_settings, share_frames, stretches

if TYPE_CHECKING:
    from dlcx.data.video import VideoFile
    from dlcx.store import ChunkStore
    from dlcx.workflow.chosen_net import ChosenNet
    from dlcx.workflow.video_memory import VideoMemory

#: Shares of one worker, at least, where there are frames enough: the last to end keeps the others waiting least.
SHARES_A_WORKER = 4
#: Frames of a share, at most, where nothing tells how long they take.
MOST_FRAMES = 20_000
#: What a share should take where that is known: see docs/scale.md and benchmarks/share_size.py.
SHARE_SECONDS = 20 * 60.0


@dataclass(frozen=True)
class Request:
    """What a call asks of all its videos; ``flags`` go to every share, ``linking`` to what joins them."""

    net: ChosenNet
    memory: VideoMemory
    batch_size: int | None
    crop: Crop | None
    flags: dict[str, Any]
    linking: dict[str, Any]
    overwrite: bool

    @property
    def all_flags(self) -> dict[str, Any]:
        """Those of an analysis as a whole."""
        return self.flags | self.linking


@dataclass(frozen=True)
class Unit:
    """One share: frames ``first`` to ``stop``, of which ``done`` are in its store already."""

    share: Share
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
    """A video and its shares; ``written`` when the files of the whole video are there."""

    files: AnalysisFiles
    frames: int
    units: tuple[Unit, ...]
    written: bool

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
    from dlcx.store import known_store

    by_path = {target.video: target for target in files}
    opened, unopened = each_video(list(by_path), open_video)
    videos = {video.path: video for video in opened}
    longest = size(sum(video.frames for video in opened))

    def cut(path: Path) -> SharedVideo:
        target, video = by_path[path], videos[path]
        crop = checked_crop(request.crop, video)
        paths = {} if request.overwrite else target.shares
        there = {share.count for share in paths}
        if len(there) > 1 or (count and there and there != {count}):
            counts = " and of ".join(map(str, sorted(there)))
            raise DlcxError(
                f"{path.name}: parts of {counts} are there" + (f", --shares {count} asked for" if count else ""),
                hint=f"--overwrite begins anew; or delete {target.stem}.partIofN.dlcx in {target.folder}.",
            )
        whole = None if request.overwrite else known_store(target.store)
        parts = {share: store for share, path in paths.items() if (store := known_store(path))}
        batch_size = _checked_stores(request, video, crop, [*parts.values(), *([whole] if whole else [])])
        most = stretches(video.frames, batch_size)[1]
        number = next(iter(there), None) or min(most, count or max(1, math.ceil(video.frames / longest)))
        written = whole is not None and whole.done(0, video.frames)
        units = []
        for share in (Share(place, number) for place in range(1, number + 1)):
            first, stop = share_frames(share, video.frames, batch_size)
            missing = parts[share].missing(first, stop) if share in parts else [(first, stop)]
            if first < stop and not written:
                units.append(Unit(share, first, stop, stop - first - sum(end - begin for begin, end in missing)))
        return SharedVideo(target, video.frames, tuple(units), written)

    done, failed = each_video(list(videos), cut)
    return done, (*unopened, *failed)


def _checked_stores(request: Request, video: VideoFile, crop: Crop | None, stores: Sequence[ChunkStore]) -> int:
    """Frames a forward pass in the shares of a video, whose ``stores`` were all made with what is asked for.

    Raises
    ------
    DlcxError
        When one was made with other settings: its poses are not what is asked for, however many of them are there.
    """
    from dlcx.store import check_same

    before = stores[0].settings if stores else {}
    asked = run_settings(request.net, request.memory, video, crop, request.batch_size, before)
    for store in stores:
        check_same(store.folder.name, store.settings, asked)
    return int(asked["--batch-size"])


def batch_of(request: Request, files: AnalysisFiles) -> int:
    """Frames a forward pass in the shares of a video."""
    before = {} if request.overwrite else earlier_settings(files, Share(1, 1))
    return run_batch_size(request.net, request.memory, request.batch_size, before)


def begin_anew(videos: Sequence[SharedVideo]) -> None:
    """Forget what was analysed before (``--overwrite``), once for all shares; the files stay until new ones are whole.

    Raises
    ------
    DlcxError
        When another process is at work on them.
    """
    import shutil

    from dlcx.store.chunks import forget_store

    for video in videos:
        files = video.files
        with locked(files.lock, f"the analysis of {video.video.name}"):
            for share, path in files.shares.items():
                with locked(files.of_share(share).lock, f"part {share} of {video.video.name}"):
                    shutil.rmtree(path)
            forget_store(files.store)


def share_threads(processes: int | None) -> int:
    """Torch's threads in each of several processes of this machine, or of others (None: one).

    ``$OMP_NUM_THREADS`` wins, as everywhere.
    """
    if (said := os.environ.get("OMP_NUM_THREADS", "")).isdecimal():
        return max(1, int(said))
    if processes is None:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // processes)
