"""The analysis of one video, or of one share of its frames."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.analysis_files import AnalysisFiles, Share
from dlcx.errors import DlcxError, Stopped
from dlcx.locks import locked
from dlcx.outputs import remove_leftovers
from dlcx.poses import Instances, Prediction
from dlcx.progress import Clock, Progress
from dlcx.stopping import StopRequest
from dlcx.workflow.analyzed_video import AnalyzedShare, AnalyzedVideo, finish_video, warn_of_unreadable
from dlcx.workflow.chosen_net import ChosenNet, threads
from dlcx.workflow.tracking import Linking
from dlcx.workflow.video_memory import VideoMemory
from dlcx.workflow.video_part import Crop, asked_frames, checked_crop, joined_frames, share_frames
from dlcx.workflow.video_results import VideoResults

if TYPE_CHECKING:
    from dlcx.data.video import FrameBatch, VideoFile
    from dlcx.predictors import Watcher
    from dlcx.store import ChunkStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class VideoRun:
    """What a call asks of one video; ``stop`` says when a signal has come."""

    net: ChosenNet
    memory: VideoMemory
    files: AnalysisFiles
    batch_size: int | None
    crop: Crop | None
    frames: tuple[int | None, int | None] | None
    csv: bool
    linking: Linking | None
    overwrite: bool
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
        from dlcx.store import open_store

        files = self.files
        video = open_video(files.video)
        asked = asked_frames(self.frames, video)
        crop = checked_crop(self.crop, video)
        if self.net.engine == "auto":
            net = self._tried_net(video, asked, crop)
            return replace(self, net=net, memory=replace(self.memory, net=net)).whole()
        results = VideoResults(self.net.place, files, self.net.config.plain(), self.csv, self.memory.ctd)
        self._refuse_foreign_output()
        if self.linking and not self.overwrite:
            self.linking.existing(files)  # before the work: refuses tracks that were linked otherwise
        started = time.time()
        with locked(files.lock, f"the analysis of {files.video.name}") as lock:
            settings = self._settings(video, crop, files.store)
            batch_size = settings["--batch-size"]
            with (
                open_store(files.store, settings, overwrite=self.overwrite, lock=lock) as store,
                threads(settings["threads"]),
            ):
                remove_leftovers(files.folder, files.stem)
                first, stop = joined_frames(asked, store.written, files)
                # the batches of a whole run: they begin at multiples of their size
                begin, end = first // batch_size * batch_size, min(-(-stop // batch_size) * batch_size, video.frames)
                clock = Clock("decoding", "net", "writing", *(["linking"] if self.linking else []))
                analyzed = self._fill(store, video, begin, end, batch_size, crop, clock)
                return finish_video(
                    video,
                    store,
                    results,
                    self.linking,
                    (first, stop),
                    analyzed=analyzed,
                    anew=self.overwrite or analyzed > 0,
                    clock=clock,
                    started=started,
                )

    def share(self, share: Share) -> AnalyzedShare:
        """Analyse a share of the frames into a chunk store of its own, for :func:`dlcx.merge_parts` to join.

        Raises
        ------
        DlcxError
            As :meth:`whole`.
        """
        from dlcx.data.video import open_video
        from dlcx.store import known_store, open_store

        if self.frames is not None:
            raise DlcxError(f"--part {share} and --frames: one or the other")
        if self.net.engine == "auto":
            raise DlcxError(
                f"--part {share} and --engine auto: shares that chose different engines could not be joined",
                hint="Name one for all shares: --engine torch, compile or onnx.",
            )
        own = self.files.of_share(share)
        video = open_video(self.files.video)
        crop = checked_crop(self.crop, video)
        self._refuse_foreign_output()
        with locked(own.lock, f"part {share} of {video.path.name}") as lock:
            settings = self._settings(video, crop, own.store)
            first, stop = share_frames(share, video.frames, settings["--batch-size"])
            whole = None if self.overwrite else known_store(self.files.store)
            done = whole is not None and whole.settings == settings and not whole.missing(first, stop)
            clock = Clock("decoding", "net", "writing")
            analyzed = 0
            unreadable: tuple[int, ...] = ()
            if first < stop and not done:
                with (
                    open_store(own.store, settings, overwrite=self.overwrite, lock=lock) as store,
                    threads(settings["threads"]),
                ):
                    analyzed = self._fill(store, video, first, stop, settings["--batch-size"], crop, clock)
                    stored = store.read(first, stop)
                    unreadable = tuple(int(index) + first for index in (~stored.readable).nonzero()[0])
                    if store.written != (first, stop):
                        store.note_written(first, stop)
        warn_of_unreadable(video, unreadable)
        return AnalyzedShare(video.path, str(share), first, stop, analyzed, unreadable, own.store, done, clock.spent)

    def _tried_net(self, video: VideoFile, asked: tuple[int, int], crop: Crop | None) -> ChosenNet:
        """The net in the engine of the run that is continued, else in the fastest for the first frames."""
        from dlcx.data.video import read_frames
        from dlcx.store.chunks import stored_settings

        before = {} if self.overwrite else stored_settings(self.files.store) or {}
        if kind := before.get("--engine"):
            return self.net.with_engine(kind)
        if self.memory.dynamic_crop:  # crops of many sizes: an engine that is slow to begin has no time to win
            return self.net.with_engine("torch")
        count = self.memory.batch_size or self.batch_size or self.net.place.project.batch_size
        first = asked[0]
        batches = list(read_frames(video, count, start=first, stop=min(first + count, asked[1]), crop=crop))
        if not batches or not batches[0].readable.all():
            return self.net.with_engine("torch")
        return self.net.tried_on(batches[0].images, self.net.guesses(first, len(batches[0]), crop))

    def _fill(
        self,
        store: ChunkStore,
        video: VideoFile,
        begin: int,
        end: int,
        batch_size: int,
        crop: Crop | None,
        clock: Clock,
    ) -> int:
        """Analyse the frames from ``begin`` to ``end`` that the store does not hold; how many those were.

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
        watcher = self.memory.watch(self.net.load())
        done = end - begin - total
        with self.progress.task(f"analyze {video.path.name}", end - begin, "frame", done=done) as task:
            for start, last in missing:
                for batch in clock.waiting(
                    "decoding", read_frames(video, batch_size, start=watcher.entry(start), stop=last, crop=crop)
                ):
                    with clock("net"):
                        predictions = self._predict(watcher, batch, crop)
                    if batch.first >= start:  # those before were looked at for what is remembered of them
                        with clock("writing"):
                            store.append(batch.first, predictions, batch.time, batch.readable, batch.repeated)
                        task.advance(len(batch))
                    if self.stop:
                        store.close_chunk()
                        raise Stopped(
                            f"stopped by {self.stop.signal}; {store.frames} frames of {video.path.name} are safe",
                            hint="Run the same command again to go on.",
                        )
            store.close_chunk()
        return total

    def _predict(self, watcher: Watcher, batch: FrameBatch, crop: Crop | None) -> list[Prediction]:
        """Poses of a batch in pixels of the whole frame; unreadable frames have none."""
        if not batch.readable.any():
            return [self._nothing()] * len(batch)
        found = watcher.predict(batch.first, batch.images, self.net.guesses(batch.first, len(batch), crop))
        if crop is not None:
            found = [prediction.moved(crop[0], crop[2]) for prediction in found]
        return [
            prediction if readable else self._nothing()
            for prediction, readable in zip(found, batch.readable, strict=True)
        ]

    def _nothing(self) -> Prediction:
        return Prediction(Instances.none(len(self.net.layout.bodyparts)))

    def _settings(self, video: VideoFile, crop: Crop | None, store: Path) -> dict[str, Any]:
        """What the numbers depend on; what the call leaves open is as in the run that is continued."""
        import torch

        from dlcx.store.chunks import stored_settings

        before = {} if self.overwrite else stored_settings(store) or {}
        batch_size = (
            self.memory.batch_size or self.batch_size or before.get("--batch-size") or self.net.place.project.batch_size
        )
        if batch_size < 1:
            raise DlcxError(f"--batch-size {batch_size}: expected at least 1")
        return {
            "video": video.fingerprint(),
            **self.net.settings,
            **self.memory.settings,
            "--batch-size": batch_size,
            "--crop": list(crop) if crop else None,
            "threads": before.get("threads") or torch.get_num_threads(),
        }

    def _refuse_foreign_output(self) -> None:
        if self.overwrite or self.files.store.exists():
            return
        for path in (self.files.h5, self.files.full_pickle):
            if path.exists():
                raise DlcxError(
                    f"{path} exists and is not known to be of this net and video",
                    hint="Another program or a deleted chunk store; --overwrite analyses again, --out DIR elsewhere.",
                )
