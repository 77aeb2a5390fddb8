"""The analysis of videos: read frames, store predictions, link tracks."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from dlcx.analysis.frame_range import (
    Crop,
    checked_crop,
    earlier_settings,
    frames_to_write,
    overlap,
    part_frames,
    requested_frames,
)
from dlcx.analysis.many_videos import FailedVideo, each_video, refuse_shared_outputs
from dlcx.analysis.output_files import VideoResults, refuse_foreign_files
from dlcx.analysis.result import AnalyzedPart, AnalyzedVideo, finish_video, warn_of_unreadable
from dlcx.analysis.run_settings import AUTO, refuse_another_video, run_settings, torch_threads
from dlcx.analysis.temporal import TemporalMode
from dlcx.analysis.timing import Stopwatch
from dlcx.analysis.tracking import Linking, asked_linking
from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.analysis_files import AnalysisFiles, VideoPart
from dlcx.errors import Stopped
from dlcx.locks import locked
from dlcx.outputs import remove_leftovers
from dlcx.poses import Instances, Prediction
from dlcx.progress import Progress
from dlcx.stopping import StopRequest, stop_on_signals

if TYPE_CHECKING:
    from dlcx.data.video import FrameBatch
    from dlcx.data.video_file import VideoFile
    from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
    from dlcx.store import ChunkStore

logger = logging.getLogger(__name__)

#: Seconds between two updates of the progress display.
PROGRESS_SECONDS = 0.1


@dataclass(frozen=True)
class VideoAnalysis:
    """What a call asks of its videos.

    Parameters
    ----------
    options
        The options of the call.
    net
        The network that they name.
    temporal
        How a frame depends on the frames before it; None: frames are independent.
    linking
        How animals are linked after the analysis; None: they are not.
    batch_size
        Frames per forward pass; None: those of the run that is resumed, else config.yaml's.
    """

    options: AnalyzeVideoOptions
    net: TrainedNetwork
    temporal: TemporalMode | None
    linking: Linking | None
    batch_size: int | Literal["auto"] | None

    @classmethod
    def of(cls, options: AnalyzeVideoOptions, **changes: Any) -> VideoAnalysis:
        """Find the network, with ``changes`` as in :meth:`TrainedNetwork.of`, and check the options against it.

        Raises
        ------
        DlcxError
            If the network cannot be used, or an option does not fit it.
        """
        net = TrainedNetwork.of(options, **changes)
        net.check_for_new_images(finds_boxes=options.dynamic_crop is not None)
        temporal = None
        if options.tracker == "ctd" or options.dynamic_crop is not None:
            temporal = TemporalMode.of(net, options)
        return cls(options, net, temporal, asked_linking(net.shuffle, options), 1 if temporal else options.batch_size)

    @property
    def crop(self) -> Crop | None:
        """The region of the frames to analyze, which may be larger than a video."""
        return self.options.crop or self.net.shuffle.project.crop

    def files(self) -> list[AnalysisFiles]:
        """The files that the analysis of each video writes.

        Raises
        ------
        DlcxError
            If there is no video, or two would write the same files.
        """
        from dlcx.data.video import find_videos

        out = self.options.out
        files = [AnalysisFiles(path, self.net.scorer, out or path.parent) for path in find_videos(self.options.videos)]
        refuse_shared_outputs(files)
        return files

    def call_id(self, files: Sequence[AnalysisFiles]) -> str:
        """A digest that is the same if the command is run again, so that with ``--overwrite`` it resumes its own work.

        It leaves out what the chunk stores record as their settings.
        """
        options, linking = self.options, self.linking
        paths = [[os.path.abspath(target.video), os.path.abspath(target.folder)] for target in files]
        distributed = bool(options.cluster or options.devices)
        call = [paths, options.frames, options.part, options.tracker, linking and linking.settings, distributed]
        return hashlib.sha256(json.dumps(call, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def with_network(self, net: TrainedNetwork) -> VideoAnalysis:
        """The same analysis with the network in another engine."""
        return replace(self, net=net, temporal=self.temporal and replace(self.temporal, net=net))


def analyze_videos(
    analysis: VideoAnalysis, progress: Progress
) -> tuple[tuple[AnalyzedVideo | AnalyzedPart, ...], tuple[FailedVideo, ...]]:
    """Analyze videos, or a part of each, one after the other in this process.

    Returns
    -------
    analyzed, failed
        The videos in order, and those that could not be analyzed.

    Raises
    ------
    Stopped
        After SIGTERM or SIGUSR1; the frames up to there are stored and the same command resumes.
    DlcxError
        If the only video, or all of several, cannot be analyzed.
    """
    from dlcx.store import restart_marker

    files = analysis.files()
    by_path = {target.video: target for target in files}
    call_id, part = analysis.call_id(files), VideoPart(*analysis.options.part) if analysis.options.part else None
    with stop_on_signals() as stop:

        def analyze(path: Path) -> AnalyzedVideo | AnalyzedPart:
            if stop.signal:
                raise Stopped(
                    f"stopped by {stop.signal} before {path.name}", hint="Run the same command again to resume."
                )
            run = VideoRun(analysis, by_path[path], call_id, stop, progress)
            return run.analyze() if part is None else run.analyze_part(part)

        done, failed = each_video(list(by_path), analyze)
    for video in done:
        target = by_path[video.video]
        restart_marker.clear_restart((target.of_part(part) if part else target).store)
    return done, failed


@dataclass(frozen=True)
class VideoRun:
    """The analysis of one video; ``stop`` knows whether a signal has asked to stop."""

    analysis: VideoAnalysis
    files: AnalysisFiles
    call_id: str
    stop: StopRequest
    progress: Progress

    def analyze(self) -> AnalyzedVideo:
        """Analyze the requested frames, write the files and link the animals.

        Raises
        ------
        DlcxError
            If an option does not fit the video, existing files are of another analysis, or another process is
            analyzing the video.
        """
        from dlcx.data.video import open_video
        from dlcx.store import open_store, restart_marker

        analysis, files, options = self.analysis, self.files, self.analysis.options
        video, started = open_video(files.video), time.time()
        requested, crop = requested_frames(options.frames, video), checked_crop(analysis.crop, video)
        if AUTO in (analysis.net.engine, analysis.batch_size):
            from dlcx.analysis.auto_choices import with_automatic_choices

            chosen = with_automatic_choices(analysis, video, requested, crop, self._earlier_settings())
            return replace(self, analysis=chosen).analyze()
        refuse_foreign_files(files, overwrite=options.overwrite)
        if analysis.linking and not options.overwrite:
            analysis.linking.existing(files)  # before the work: refuses tracks that were linked with other settings
        with locked(files.lock, f"the analysis of {files.video.name}") as lock:
            settings, restarts = self._settings(video, crop)
            if restarts:
                restart_marker.mark_restart(files.store, self.call_id)
            with open_store(files.store, settings, lock=lock) as store, torch_threads(settings["threads"]):
                remove_leftovers(files.folder, files.stem)
                frames = first, stop = frames_to_write(requested, store.written, files)
                watch = Stopwatch(*(["linking"] if analysis.linking else []))
                size = settings["--batch-size"]  # the batches of a full run: they begin at multiples of their size
                ends = first // size * size, min(-(-stop // size) * size, video.frames)
                analyzed = self._store_predictions(store, video, ends, crop, watch, shown=frames)
                return finish_video(
                    video,
                    store,
                    VideoResults(analysis.net, files, options.csv, ctd=options.tracker == "ctd"),
                    analysis.linking,
                    frames,
                    analyzed=analyzed,
                    replaces_tracks=restarts or analyzed > 0,
                    overwrite=options.overwrite,
                    watch=watch,
                    started=started,
                )

    def analyze_part(self, part: VideoPart) -> AnalyzedPart:
        """Analyze a part of the frames into a chunk store of its own, for :func:`dlcx.merge_parts`.

        Raises
        ------
        DlcxError
            As :meth:`analyze`.
        """
        from dlcx.data.video import open_video
        from dlcx.store import inspect_store, open_store, restart_marker

        own, overwrite = self.files.of_part(part), self.analysis.options.overwrite
        video = open_video(self.files.video)
        crop = checked_crop(self.analysis.crop, video)
        refuse_foreign_files(self.files, overwrite=overwrite)
        with locked(own.lock, f"part {part} of {video.path.name}", patient=True) as lock:
            settings, restarts = self._settings(video, crop, part)
            if not overwrite:
                refuse_another_video(self.files, settings)
            frames = first, stop = part_frames(part, video.frames, settings["--batch-size"])
            joined = None if overwrite else inspect_store(self.files.store)
            is_joined = joined is not None and joined.settings == settings and not joined.missing(first, stop)
            watch, analyzed = Stopwatch(), 0
            unreadable: tuple[int, ...] = ()
            if first < stop and not is_joined:
                if restarts:
                    restart_marker.mark_restart(own.store, self.call_id)
                with open_store(own.store, settings, lock=lock) as store, torch_threads(settings["threads"]):
                    analyzed = self._store_predictions(store, video, frames, crop, watch, shown=frames)
                    stored = store.read(first, stop)
                    unreadable = tuple(int(index) + first for index in (~stored.readable).nonzero()[0])
                    if store.written != frames:
                        store.record_output_frames(first, stop)
        warn_of_unreadable(video, unreadable)
        return AnalyzedPart(
            video.path, str(part), first, stop, analyzed, unreadable, own.store, is_joined, watch.spent(analyzed)
        )

    def _store_predictions(
        self,
        store: ChunkStore,
        video: VideoFile,
        frames: tuple[int, int],
        crop: Crop | None,
        watch: Stopwatch,
        *,
        shown: tuple[int, int],
    ) -> int:
        """Predict the ``frames`` (first, stop) that the store lacks, and append them; progress counts those ``shown``.

        Returns
        -------
        int
            How many frames were missing.

        Raises
        ------
        Stopped
            After a signal; what was predicted is stored.
        """
        from dlcx.data.video import frames_ahead

        missing = store.missing(*frames)
        if not missing:
            return 0
        done = shown[1] - shown[0] - sum(overlap(shown, gap) for gap in missing)
        if missing != [frames]:
            logger.info("%s: resumes at frame %d", video.path.name, missing[0][0])
        predictor = BatchPredictor(self.analysis, crop)
        seconds, size = watch.clock.spent, store.settings["--batch-size"]
        with self.progress.task(f"analyze {video.path.name}", shown[1] - shown[0], "frame", done=done) as task:
            store.start_clock()
            finished = updated = perf_counter()
            progressed = 0
            for start, stop in missing:
                with frames_ahead(
                    video, size, start=predictor.first_needed(start), stop=stop, crop=crop, clock=watch.decoder
                ) as batches:
                    for batch in batches:
                        received = perf_counter()
                        predictions = predictor.predict(batch)
                        predicted = perf_counter()
                        if batch.first >= start:  # a temporal predictor also sees frames that are stored already
                            store.append(batch.first, predictions, batch.time, batch.readable, batch.repeated)
                            end = batch.first + len(predictions)
                            progressed += max(0, min(end, shown[1]) - max(batch.first, shown[0]))
                        seconds["waiting"] += received - finished
                        finished = perf_counter()
                        seconds["pose decoding"] += predicted - received
                        seconds["writing"] += finished - predicted
                        if finished - updated > PROGRESS_SECONDS:
                            task.advance(progressed)
                            progressed, updated = 0, finished
                        if self.stop.signal:
                            store.close_chunk()
                            raise Stopped(
                                f"stopped by {self.stop.signal}; {store.frames} frames of {video.path.name} are safe",
                                hint="Run the same command again to resume.",
                            )
            task.advance(progressed)
            store.close_chunk()
        watch.split_network_time()
        return sum(stop - start for start, stop in missing)

    def _earlier_settings(self, part: VideoPart | None = None) -> dict[str, Any]:
        """The settings of the run that is resumed; empty if there is none."""
        if not self.analysis.options.overwrite:
            return earlier_settings(self.files, part)
        from dlcx.store.manifest import stored_settings
        from dlcx.store.restart_marker import has_restarted

        own = self.files.of_part(part) if part else self.files
        return (stored_settings(own.store) or {}) if has_restarted(own.store, self.call_id) else {}

    def _settings(
        self, video: VideoFile, crop: Crop | None, part: VideoPart | None = None
    ) -> tuple[dict[str, Any], bool]:
        """What the predictions depend on, and whether the run starts over.

        What the call leaves open is as in the run that is resumed.  With ``--overwrite`` that is a run of the same
        call with the same settings.
        """
        earlier = self._earlier_settings(part)
        settings = run_settings(self.analysis, video, crop, earlier)
        if not self.analysis.options.overwrite or earlier == settings:
            return settings, False
        return run_settings(self.analysis, video, crop, {}), True


class BatchPredictor:
    """Predicts the poses in consecutive frames of a video.

    Parameters
    ----------
    analysis
        Says with which network, and how frames depend on each other.
    crop
        The region of the frames that the images show; None: full frames.
    """

    def __init__(self, analysis: VideoAnalysis, crop: Crop | None) -> None:
        net = analysis.net
        self.corner = (0, 0) if crop is None else (crop[0], crop[2])
        self.predictor = net.predictor
        self.temporal = analysis.temporal and analysis.temporal.predictor()
        self.conditions_of_frames = net.conditions_of_frames if net.config.uses_conditions else None
        self.no_animal = Prediction(Instances.empty(len(net.layout.bodyparts)))

    def first_needed(self, frame: int) -> int:
        """The frame from which on it must see the video to predict a frame as in a full run."""
        return self.temporal.warm_up_start(frame) if self.temporal else frame

    def predict(self, batch: FrameBatch) -> list[Prediction]:
        """Predict a batch.

        Returns
        -------
        list of Prediction
            The poses of each frame in pixels of the full frame; unreadable frames have none.
        """
        count, conditions = len(batch.images), None
        if not batch.readable.any():
            return [self.no_animal] * count
        if self.conditions_of_frames:
            conditions = self.conditions_of_frames(batch.first, count, self.corner)
        if self.temporal:
            found = self.temporal.predict(batch.first, batch.images, conditions)
        else:
            found = self.predictor.predict(batch.images, conditions)
        if self.corner != (0, 0):
            found = [prediction.shifted(*self.corner) for prediction in found]
        if batch.readable.all():
            return found
        pairs = zip(found, batch.readable, strict=True)
        return [prediction if is_readable else self.no_animal for prediction, is_readable in pairs]
