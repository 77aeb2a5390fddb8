"""Join the shares of videos that ``analyze-video --part`` made: the arrays of a whole run, bit for bit."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from dlcx.analysis.frame_range import share_frames
from dlcx.analysis.many_videos import each_video, refuse_shared_outputs
from dlcx.analysis.output_files import VideoResults
from dlcx.analysis.result import AnalyzedVideo, finish_video
from dlcx.analysis.timing import Stopwatch
from dlcx.analysis.tracking import Linking, asked_linking, next_steps
from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.analysis_files import AnalysisFiles, VideoPart
from dlcx.errors import DlcxError
from dlcx.locks import Lock, locked
from dlcx.next_steps import command_line
from dlcx.options.commands.merge_parts import MergePartsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import remove_leftovers
from dlcx.workflow.analyze_video import AnalyzeVideoResult

if TYPE_CHECKING:
    from dlcx.options.keywords import MergePartsKeywords
    from dlcx.project import Shuffle
    from dlcx.store import ChunkStore

logger = logging.getLogger(__name__)


@keyword_options(MergePartsOptions)
def merge_parts(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    **given: Unpack[MergePartsKeywords],
) -> AnalyzeVideoResult:
    """Join all shares of each video, link its animals once, and write the files of :func:`dlcx.analyze_video`.

    The shares' own stores are removed when all files are there.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Files, folders and glob patterns.

    Raises
    ------
    DlcxError
        When shares of the only video are missing (each is named) or do not fit.  Of several videos those that fail are
        in the result.
    """
    options = MergePartsOptions.of(project=project, videos=videos, **given)
    from dlcx.data.video import find_videos

    net = TrainedNetwork.of(options)
    found = find_videos(options.videos)
    linking = asked_linking(net.shuffle, options)
    files = [AnalysisFiles(path, net.scorer, options.out or path.parent) for path in found]
    refuse_shared_outputs(files)
    by_path = {target.video: target for target in files}

    def merge(path: Path) -> AnalyzedVideo:
        ctd = options.tracker == "ctd"
        join = _Join(net.shuffle, by_path[path], net.config.plain(), options.csv, linking, ctd, options.overwrite)
        with locked(by_path[path].lock, f"the analysis of {path.name}", patient=True) as lock:
            return join(lock)

    done, failed = each_video(list(by_path), merge)
    return AnalyzeVideoResult(net.scorer, done, failed, next_steps(done[0].video, done[0].tracked, options))


@dataclass(frozen=True)
class _Join:
    """One video's shares; ``ctd`` when ``--tracker ctd`` is asked for."""

    place: Shuffle
    files: AnalysisFiles
    config: dict[str, Any]
    csv: bool
    linking: Linking | None
    ctd: bool
    overwrite: bool

    def __call__(self, lock: Lock) -> AnalyzedVideo:
        from dlcx.data.video import open_video
        from dlcx.store import check_settings, inspect_store, open_store
        from dlcx.store.settings_check import VIDEO

        files, started = self.files, time.time()
        video = open_video(files.video)
        shares = {share: store for share, path in files.parts.items() if (store := inspect_store(path))}
        whole = self._whole(shares, video.frames)
        settings = self._settings(shares, whole)
        check_settings(files.stem, {VIDEO: settings[VIDEO]}, {VIDEO: video.fingerprint()})
        _check_complete(files, shares, whole, video.frames, settings["--batch-size"])
        ctd = bool(settings["--tracker"])
        if self.ctd and not ctd:
            raise DlcxError("--tracker ctd: the parts were analysed without it", hint="Name another tracker.")
        linking = None if ctd else self.linking
        if linking and not self.overwrite:
            linking.existing(files)
        if not self.overwrite and files.h5.exists() and not files.store.exists():
            raise DlcxError(
                f"{files.h5} exists and is not known to be of this net and video",
                hint="--overwrite replaces it, --out DIR is elsewhere.",
            )
        results = VideoResults(self.place, files, self.config, self.csv, ctd)
        watch = Stopwatch("parts", *(["linking"] if linking else []))
        with open_store(files.store, settings, overwrite=whole is None and self.overwrite, lock=lock) as store:
            remove_leftovers(files.folder, files.stem)
            new = sum(end - start for start, end in store.missing(0, video.frames))
            known = store.seconds(0, video.frames)
            for share in shares.values():
                store.adopt(share)
            every = store.seconds(0, video.frames)
            watch.clock.spent["parts"] = 0.0 if known is None or every is None else every - known
            done = finish_video(
                video,
                store,
                results,
                linking,
                (0, video.frames),
                analyzed=new,
                anew=new > 0,
                replace=self.overwrite,
                watch=watch,
                started=started,
            )
        lock.check()
        for path in files.parts.values():
            shutil.rmtree(path)
        return done

    def _whole(self, shares: dict[VideoPart, ChunkStore], frames: int) -> ChunkStore | None:
        """What the whole video's store holds, None where that is to be replaced.

        It is not where the shares, as far as they are left, were joined already, or where the call that made them has
        begun anew in it, too: then a merge that was ended goes on.
        """
        from dlcx.store import inspect_store
        from dlcx.store.restart_marker import has_restarted

        if not self.overwrite:
            return inspect_store(self.files.store)
        with suppress(DlcxError):  # unreadable: replaced
            whole = inspect_store(self.files.store)
            if whole is None or any(store.settings != whole.settings for store in shares.values()):
                return None
            joined = whole.is_complete(0, frames) and all(
                set(store.chunks) <= set(whole.chunks) for store in shares.values()
            )
            return whole if joined or has_restarted(self.files.store) else None
        return None

    def _settings(self, shares: dict[VideoPart, ChunkStore], whole: ChunkStore | None) -> dict[str, Any]:
        """Those of all shares, or of the whole where they were joined already.

        Raises
        ------
        DlcxError
            When there are none, or they differ.
        """
        from dlcx.store import check_settings

        stores = [*shares.values(), *([whole] if whole else [])]
        if not stores:
            raise DlcxError(
                f"no parts of {self.files.video.name} by {self.files.scorer} in {self.files.folder}",
                hint="Run `dlcx analyze-video` with --part I/N for each part I of N.",
            )
        if len(counts := sorted({share.count for share in shares})) > 1:
            raise DlcxError(
                f"{self.files.video.name}: parts of {' and of '.join(map(str, counts))} are there",
                hint=f"Delete those that are too many: {self.files.stem}.partIofN.dlcx in {self.files.folder}.",
            )
        for store in stores[1:]:
            check_settings(stores[0].folder.name, stores[0].settings, store.settings)
        return stores[0].settings


def _check_complete(
    files: AnalysisFiles, shares: dict[VideoPart, ChunkStore], whole: ChunkStore | None, frames: int, batch_size: int
) -> None:
    """Name the shares whose frames are neither in their own store nor in that of the whole video.

    Raises
    ------
    DlcxError
        When there are any.
    """
    if whole is not None and not whole.missing(0, frames):
        return
    count = next((share.count for share in shares), 1)
    missing = []
    for share in (VideoPart(number, count) for number in range(1, count + 1)):
        first, stop = share_frames(share, frames, batch_size)
        store = shares.get(share)
        there = whole is not None and not whole.missing(first, stop)
        if first == stop or there or (store is not None and not store.missing(first, stop)):
            continue
        begun = f", {store.frames} of them done" if store else ""
        missing.append(f"{share} (frames {first}:{stop}{begun})")
    if missing:
        raise DlcxError(
            f"{files.video.name}: part{'s' if len(missing) > 1 else ''} missing: {', '.join(missing)}",
            hint=f"Run `{command_line('analyze-video', files.video, '--part', missing[0].split()[0])}` with the flags "
            "of the other parts.",
        )
