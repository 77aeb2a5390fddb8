"""Join the parts of videos: the result equals that of a full run, bit for bit."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.analysis.frame_range import part_frames
from dlcx.analysis.many_videos import FailedVideo, each_video, refuse_shared_outputs
from dlcx.analysis.output_files import VideoResults, refuse_foreign_files
from dlcx.analysis.result import AnalyzedVideo, finish_video
from dlcx.analysis.timing import Stopwatch
from dlcx.analysis.tracking import Linking, asked_linking
from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.analysis_files import AnalysisFiles, VideoPart
from dlcx.errors import DlcxError
from dlcx.locks import Lock, locked
from dlcx.options.command_line import command_line
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.outputs import remove_leftovers

if TYPE_CHECKING:
    from dlcx.options.commands.merge_parts import MergePartsOptions
    from dlcx.store import ChunkStore


def join_videos(
    options: MergePartsOptions, net: TrainedNetwork | None = None
) -> tuple[tuple[AnalyzedVideo, ...], tuple[FailedVideo, ...]]:
    """Join the parts of each video, link its animals, write its files, and delete the chunk stores of the parts.

    Parameters
    ----------
    net
        The network that the options name, if it is known already.

    Returns
    -------
    joined, failed
        The videos in order, and those whose parts could not be joined.

    Raises
    ------
    DlcxError
        If parts of the only video, or of all of several, are missing (the message names them) or differ.
    """
    from dlcx.data.video import find_videos

    net = net or TrainedNetwork.of(options)
    found = find_videos(options.videos)
    linking = asked_linking(net.shuffle, options)
    files = [AnalysisFiles(path, net.scorer, options.out or path.parent) for path in found]
    refuse_shared_outputs(files)
    by_path = {target.video: target for target in files}

    def join(path: Path) -> AnalyzedVideo:
        target = by_path[path]
        with locked(target.lock, f"the analysis of {path.name}", patient=True) as lock:
            return PartJoiner(net, target, options, linking).join(lock)

    return each_video(list(by_path), join)


@dataclass(frozen=True)
class PartJoiner:
    """Joins the parts of one video; ``linking`` says how its animals are linked, None: not."""

    net: TrainedNetwork
    files: AnalysisFiles
    options: MergePartsOptions
    linking: Linking | None

    def join(self, lock: Lock) -> AnalyzedVideo:
        """Join the parts while the ``lock`` of the analysis is held.

        Raises
        ------
        DlcxError
            If parts are missing or differ, or existing files are of another analysis.
        """
        from dlcx.data.video import open_video
        from dlcx.store import check_settings, inspect_store, open_store
        from dlcx.store.settings_check import VIDEO

        files, options, started = self.files, self.options, time.time()
        video = open_video(files.video)
        parts = {part: store for part, path in files.parts.items() if (store := inspect_store(path))}
        full = self._full_store(parts, video.frames)
        settings = self._settings(parts, full)
        check_settings(files.stem, {VIDEO: settings[VIDEO]}, {VIDEO: video.fingerprint()})
        _check_complete(files, parts, full, video.frames, settings["--batch-size"])
        ctd = bool(settings["--tracker"])
        if options.tracker == "ctd" and not ctd:
            raise DlcxError("--tracker ctd: the parts were analyzed without it", hint="Name another tracker.")
        linking = None if ctd else self.linking
        if linking and not options.overwrite:
            linking.existing(files)
        refuse_foreign_files(files, overwrite=options.overwrite)
        watch = Stopwatch("parts", *(["linking"] if linking else []))
        with open_store(files.store, settings, overwrite=full is None and options.overwrite, lock=lock) as store:
            remove_leftovers(files.folder, files.stem)
            new = sum(stop - first for first, stop in store.missing(0, video.frames))
            before = store.seconds(0, video.frames)
            for part in parts.values():
                store.adopt(part)
            after = store.seconds(0, video.frames)
            watch.clock.spent["parts"] = 0.0 if before is None or after is None else after - before
            joined = finish_video(
                video,
                store,
                VideoResults(self.net, files, options.csv, ctd),
                linking,
                (0, video.frames),
                analyzed=new,
                replaces_tracks=new > 0,
                overwrite=options.overwrite,
                watch=watch,
                started=started,
            )
        lock.check()
        for path in files.parts.values():
            shutil.rmtree(path)
        return joined

    def _full_store(self, parts: dict[VideoPart, ChunkStore], frames: int) -> ChunkStore | None:
        """The store of the full video; None if there is none, or it is to be replaced.

        With ``--overwrite`` it is kept if the existing parts were joined into it already, or if the call that analyzed
        them has marked it: then an interrupted merge is resumed.
        """
        from dlcx.store import inspect_store
        from dlcx.store.restart_marker import has_restarted

        if not self.options.overwrite:
            return inspect_store(self.files.store)
        with suppress(DlcxError):  # unreadable: replaced
            full = inspect_store(self.files.store)
            if full is None or any(store.settings != full.settings for store in parts.values()):
                return None
            joined = full.is_complete(0, frames) and all(
                set(store.chunks) <= set(full.chunks) for store in parts.values()
            )
            return full if joined or has_restarted(self.files.store) else None
        return None

    def _settings(self, parts: dict[VideoPart, ChunkStore], full: ChunkStore | None) -> dict[str, Any]:
        """The settings of all parts, or of the full video if they were joined already.

        Raises
        ------
        DlcxError
            If there are no parts, or their settings differ.
        """
        from dlcx.store import check_settings

        stores = [*parts.values(), *([full] if full else [])]
        if not stores:
            raise DlcxError(
                f"no parts of {self.files.video.name} by {self.files.scorer} in {self.files.folder}",
                hint="Run `dlcx analyze-video` with --part I/N for each part I of N.",
            )
        if len(counts := sorted({part.count for part in parts})) > 1:
            raise DlcxError(
                f"{self.files.video.name}: parts of {' and of '.join(map(str, counts))} are there",
                hint=f"Delete those that are too many: {self.files.stem}.partIofN.dlcx in {self.files.folder}.",
            )
        for store in stores[1:]:
            check_settings(stores[0].folder.name, stores[0].settings, store.settings)
        return stores[0].settings


def _check_complete(
    files: AnalysisFiles, parts: dict[VideoPart, ChunkStore], full: ChunkStore | None, frames: int, batch_size: int
) -> None:
    """Name the parts whose frames are neither in their own store nor in that of the full video.

    Raises
    ------
    DlcxError
        If there are any.
    """
    if full is not None and not full.missing(0, frames):
        return
    count = next((part.count for part in parts), 1)
    missing = []
    for part in (VideoPart(number, count) for number in range(1, count + 1)):
        first, stop = part_frames(part, frames, batch_size)
        store = parts.get(part)
        is_joined = full is not None and not full.missing(first, stop)
        if first == stop or is_joined or (store is not None and not store.missing(first, stop)):
            continue
        begun = f", {store.frames} of them done" if store else ""
        missing.append(f"{part} (frames {first}:{stop}{begun})")
    if missing:
        call = command_line(AnalyzeVideoOptions.of(videos=files.video, part=missing[0].split()[0]))
        raise DlcxError(
            f"{files.video.name}: part{'s' if len(missing) > 1 else ''} missing: {', '.join(missing)}",
            hint=f"Run `{call}` with the flags of the other parts.",
        )
