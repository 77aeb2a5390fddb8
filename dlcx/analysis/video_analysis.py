"""The analysis of one video, or of one share of its frames."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dlcx.analysis.frame_range import (
    Crop,
    asked_frames,
    checked_crop,
    corner_of,
    earlier_settings,
    joined_frames,
    share_frames,
)
from dlcx.analysis.output_files import VideoResults
from dlcx.analysis.result import AnalyzedShare, AnalyzedVideo, finish_video, warn_of_unreadable
from dlcx.analysis.run_settings import run_settings, torch_threads
from dlcx.analysis.temporal import VideoMemory
from dlcx.analysis.timing import Stopwatch
from dlcx.analysis.tracking import Linking
from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.analysis_files import AnalysisFiles, VideoPart
from dlcx.errors import DlcxError, Stopped
from dlcx.locks import locked
from dlcx.outputs import remove_leftovers
from dlcx.poses import Instances, Prediction
from dlcx.progress import Progress
from dlcx.stopping import StopRequest

if TYPE_CHECKING:
    from dlcx.data.video import FrameBatch
    from dlcx.data.video_file import VideoFile
    from dlcx.predictors import TemporalPredictor
    from dlcx.store import ChunkStore

logger = logging.getLogger(__name__)

#: ``--batch-size auto``.
AUTO: Literal["auto"] = "auto"


@dataclass(frozen=True)
class VideoRun:
    """What a call asks of one video; ``call`` names it to itself, ``stop`` says when a signal has come."""

    net: TrainedNetwork
    memory: VideoMemory
    files: AnalysisFiles
    batch_size: int | Literal["auto"] | None
    crop: Crop | None
    frames: tuple[int | None, int | None] | None
    csv: bool
    linking: Linking | None
    overwrite: bool
    call: str
    stop: StopRequest
    progress: Progress

    def whole(self) -> AnalyzedVideo:
        """Analyse all frames that are asked for and write all files.

        Raises
        ------
        DlcxError
            When a value, the video or what is there already does not fit, or another process is at work on it.
        """
        from dlcx.data.video import open_video
        from dlcx.store import open_store, restart_marker

        files = self.files
        video = open_video(files.video)
        asked = asked_frames(self.frames, video)
        crop = checked_crop(self.crop, video)
        if self.net.engine == "auto":
            net = self._tried_net(video, asked, crop)
            return replace(self, net=net, memory=replace(self.memory, net=net)).whole()
        if self.batch_size == AUTO:
            return replace(self, batch_size=self._tried_batch_size(video, asked, crop)).whole()
        results = VideoResults(self.net.shuffle, files, self.net.config.plain(), self.csv, self.memory.ctd)
        self._refuse_foreign_output()
        if self.linking and not self.overwrite:
            self.linking.existing(files)  # before the work: refuses tracks that were linked otherwise
        started = time.time()
        with locked(files.lock, f"the analysis of {files.video.name}") as lock:
            settings, begins = self._settings(video, crop)
            batch_size = settings["--batch-size"]
            if begins:
                restart_marker.mark_restart(files.store, self.call)
            with (
                open_store(files.store, settings, lock=lock) as store,
                torch_threads(settings["threads"]),
            ):
                remove_leftovers(files.folder, files.stem)
                first, stop = joined_frames(asked, store.written, files)
                # the batches of a whole run: they begin at multiples of their size
                begin, end = first // batch_size * batch_size, min(-(-stop // batch_size) * batch_size, video.frames)
                watch = Stopwatch(*(["linking"] if self.linking else []))
                analyzed = self._fill(store, video, begin, end, batch_size, crop, watch, asked=(first, stop))
                return finish_video(
                    video,
                    store,
                    results,
                    self.linking,
                    (first, stop),
                    analyzed=analyzed,
                    anew=begins or analyzed > 0,
                    replace=self.overwrite,
                    watch=watch,
                    started=started,
                )

    def share(self, share: VideoPart) -> AnalyzedShare:
        """Analyse a share of the frames into a chunk store of its own, for :func:`dlcx.merge_parts` to join.

        Raises
        ------
        DlcxError
            As :meth:`whole`.
        """
        from dlcx.data.video import open_video
        from dlcx.store import inspect_store, open_store, restart_marker

        if self.frames is not None:
            raise DlcxError(f"--part {share} and --frames: one or the other")
        if self.net.engine == "auto":
            raise DlcxError(
                f"--part {share} and --engine auto: shares that chose different engines could not be joined",
                hint="Name one for all shares: --engine torch, compile or onnx.",
            )
        if self.batch_size == AUTO:
            raise DlcxError(
                f"--part {share} and --batch-size auto: shares of different batch sizes could not be joined",
                hint="Name one for all shares: --batch-size N.",
            )
        own = self.files.of_part(share)
        video = open_video(self.files.video)
        crop = checked_crop(self.crop, video)
        self._refuse_foreign_output()
        with locked(own.lock, f"part {share} of {video.path.name}", patient=True) as lock:
            settings, begins = self._settings(video, crop, share)
            if not self.overwrite:
                self._refuse_another_video(settings)
            first, stop = share_frames(share, video.frames, settings["--batch-size"])
            whole = None if self.overwrite else inspect_store(self.files.store)
            done = whole is not None and whole.settings == settings and not whole.missing(first, stop)
            watch, analyzed = Stopwatch(), 0
            unreadable: tuple[int, ...] = ()
            if first < stop and not done:
                if begins:
                    restart_marker.mark_restart(own.store, self.call)
                with (
                    open_store(own.store, settings, lock=lock) as store,
                    torch_threads(settings["threads"]),
                ):
                    analyzed = self._fill(store, video, first, stop, settings["--batch-size"], crop, watch)
                    stored = store.read(first, stop)
                    unreadable = tuple(int(index) + first for index in (~stored.readable).nonzero()[0])
                    if store.written != (first, stop):
                        store.record_output_frames(first, stop)
        warn_of_unreadable(video, unreadable)
        return AnalyzedShare(
            video.path, str(share), first, stop, analyzed, unreadable, own.store, done, watch.spent(analyzed)
        )

    def _tried_net(self, video: VideoFile, asked: tuple[int, int], crop: Crop | None) -> TrainedNetwork:
        """The net in the engine of the run that is continued, else in the fastest for the first frames."""
        if kind := self._before().get("--engine"):
            return self.net.with_engine(kind)
        if self.memory.dynamic_crop:  # crops of many sizes: an engine that is slow to begin has no time to win
            return self.net.with_engine("torch")
        given = None if self.batch_size == AUTO else self.batch_size
        images = self._first_images(
            video, asked, crop, self.memory.batch_size or given or self.net.shuffle.project.batch_size
        )
        if images is None:
            return self.net.with_engine("torch")
        return self.net.with_fastest_engine(
            images, self.net.conditions_of_frames(asked[0], len(images), corner_of(crop))
        )

    def _tried_batch_size(self, video: VideoFile, asked: tuple[int, int], crop: Crop | None) -> int | None:
        """That of the run that is continued, else the fastest for the first frames; None where none can be tried."""
        from dlcx.analysis.auto_batch_size import MOST, choose_batch_size

        known: int | None = self._before().get("--batch-size")
        if known:
            return known
        if self.memory.batch_size:
            return self.memory.batch_size
        images = self._first_images(video, asked, crop, MOST)
        if images is None:
            return None
        return choose_batch_size(
            self.net.predictor, images, self.net.conditions_of_frames(asked[0], len(images), corner_of(crop))
        )

    def _first_images(
        self, video: VideoFile, asked: tuple[int, int], crop: Crop | None, count: int
    ) -> np.ndarray | None:
        """At most ``count`` frames, from the first one that is asked for; None when one of them is unreadable."""
        from dlcx.data.video import read_frames

        batches = list(read_frames(video, 1, start=asked[0], stop=min(asked[0] + count, asked[1]), crop=crop))
        if not batches or not all(batch.readable.all() for batch in batches):
            return None
        return np.concatenate([batch.images for batch in batches])

    def _before(self, share: VideoPart | None = None) -> dict[str, Any]:
        """The settings of the run that is continued."""
        if not self.overwrite:
            return earlier_settings(self.files, share)
        from dlcx.store.manifest import stored_settings
        from dlcx.store.restart_marker import has_restarted

        own = self.files.of_part(share) if share else self.files
        return (stored_settings(own.store) or {}) if has_restarted(own.store, self.call) else {}

    def _fill(
        self,
        store: ChunkStore,
        video: VideoFile,
        begin: int,
        end: int,
        batch_size: int,
        crop: Crop | None,
        watch: Stopwatch,
        asked: tuple[int, int] | None = None,
    ) -> int:
        """Analyse the frames from ``begin`` to ``end`` that the store does not hold; how many those were.

        Progress counts those that were ``asked`` for, where batches reach beyond them.

        Raises
        ------
        Stopped
            When a signal came; what was analysed is safe.
        """
        from dlcx.data.video import read_frames

        missing = store.missing(begin, end)
        total = sum(last - start for start, last in missing)
        if not total:
            return 0
        if total < end - begin:
            logger.info("%s: goes on at frame %d", video.path.name, missing[0][0])
        predictor = self.memory.watch(self.net.predictor)
        shown = asked or (begin, end)
        count = shown[1] - shown[0]
        done = count - sum(_overlap(shown, one) for one in missing)
        with self.progress.task(f"analyze {video.path.name}", count, "frame", done=done) as task:
            store.start_clock()
            for start, last in missing:
                entry = predictor.warm_up_start(start)
                frames = read_frames(video, batch_size, start=entry, stop=last, crop=crop, clock=watch.decoder)
                for batch in watch.clock.waiting("waiting", frames):
                    with watch.clock("pose decoding"):
                        predictions = self._predict(predictor, batch, crop)
                    watch.net_done()
                    if batch.first >= start:  # those before were looked at for what is remembered of them
                        with watch.clock("writing"):
                            store.append(batch.first, predictions, batch.time, batch.readable, batch.repeated)
                        task.advance(_overlap(shown, (batch.first, batch.stop)))
                    if self.stop:
                        store.close_chunk()
                        raise Stopped(
                            f"stopped by {self.stop.signal}; {store.frames} frames of {video.path.name} are safe",
                            hint="Run the same command again to resume.",
                        )
            store.close_chunk()
        return total

    def _predict(self, predictor: TemporalPredictor, batch: FrameBatch, crop: Crop | None) -> list[Prediction]:
        """Poses of a batch in pixels of the whole frame; unreadable frames have none."""
        if not batch.readable.any():
            return [self._nothing()] * len(batch)
        found = predictor.predict(
            batch.first, batch.images, self.net.conditions_of_frames(batch.first, len(batch), corner_of(crop))
        )
        if crop is not None:
            found = [prediction.shifted(crop[0], crop[2]) for prediction in found]
        return [
            prediction if readable else self._nothing()
            for prediction, readable in zip(found, batch.readable, strict=True)
        ]

    def _nothing(self) -> Prediction:
        return Prediction(Instances.empty(len(self.net.layout.bodyparts)))

    def _settings(
        self, video: VideoFile, crop: Crop | None, share: VideoPart | None = None
    ) -> tuple[dict[str, Any], bool]:
        """What the numbers depend on, and whether the run begins anew.

        What the call leaves open is as in the run that is continued.  One that replaces another goes on with what it
        has begun itself with these very settings.
        """
        assert self.batch_size != AUTO
        before = self._before(share)
        settings = run_settings(self.net, self.memory, video, crop, self.batch_size, before)
        if not self.overwrite or before == settings:
            return settings, False
        return run_settings(self.net, self.memory, video, crop, self.batch_size, {}), True

    def _refuse_another_video(self, settings: dict[str, Any]) -> None:
        """Refuse a share of another video than the whole and the other shares in the folder are of."""
        from dlcx.store import check_settings
        from dlcx.store.manifest import stored_settings
        from dlcx.store.settings_check import VIDEO

        for path in (self.files.store, *self.files.parts.values()):
            if known := stored_settings(path) if path.is_dir() else None:
                check_settings(path.name, {VIDEO: known.get(VIDEO)}, {VIDEO: settings[VIDEO]})

    def _refuse_foreign_output(self) -> None:
        if self.overwrite or self.files.store.exists():
            return
        for path in (self.files.h5, self.files.full_pickle):
            if path.exists():
                raise DlcxError(
                    f"{path} exists and is not known to be of this net and video",
                    hint="Another program or a deleted chunk store; --overwrite analyses again, --out DIR elsewhere.",
                )


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> int:
    """How many frames two ranges (first, stop) share."""
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))
