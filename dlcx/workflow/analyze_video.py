"""Poses of whole videos: analyse, go on where an earlier run stopped, write DeepLabCut's files."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.analysis_files import AnalysisFiles
from dlcx.errors import DlcxError, Stopped
from dlcx.formats.project_config import open_project
from dlcx.poses import Instances, Prediction
from dlcx.progress import SILENT, Clock, Progress
from dlcx.workflow.chosen_net import ChosenNet, threads
from dlcx.workflow.many_videos import FailedVideo, each_video
from dlcx.workflow.tracking import Linking, TrackedVideo, asked_linking, next_steps
from dlcx.workflow.video_memory import DynamicCrop, VideoMemory
from dlcx.workflow.video_part import Crop, asked_frames, checked_crop, joined_frames
from dlcx.workflow.video_results import VideoResults, ledger_of

if TYPE_CHECKING:
    from dlcx.data.video import FrameBatch, VideoFile
    from dlcx.formats.frame_ledger import FrameCounts
    from dlcx.predictors import Watcher
    from dlcx.store import ChunkStore, Stored

logger = logging.getLogger(__name__)

#: How many unreadable frames a message names one by one.
NAMED_FRAMES = 10


@dataclass(frozen=True)
class AnalyzedVideo:
    """One video's files, which hold the frames ``first`` to ``stop``; unreadable ones are nan rows.

    ``analyzed`` frames were analysed in this call; ``seconds`` says what it waited for: frames to be decoded, the
    net, writing.
    """

    video: Path
    first: int
    stop: int
    analyzed: int
    unreadable: tuple[int, ...]
    h5: Path
    csv: Path | None
    full_pickle: Path
    meta_pickle: Path
    seconds: dict[str, float]
    assemblies: Path | None = None
    tracks: Path | None = None
    tracked: TrackedVideo | None = None
    frames: FrameCounts | None = None
    ledger: Path | None = None

    def lines(self) -> list[str]:
        """One fact a line."""
        said = [f"video: {self.video}, frames {self.first}:{self.stop}"]
        if not self.analyzed:
            said.append("already analyzed: nothing to do, or --overwrite to analyze again")
        if self.unreadable:
            said.append(f"unreadable frames (nan rows): {_listed(self.unreadable)}")
        if self.frames and (self.unreadable or self.frames.repeated):
            said.append(f"repeated frames: {self.frames.repeated}; all frames: {self.ledger}")
        said.append(f"h5: {self.h5}")
        said.extend([f"csv: {self.csv}"] if self.csv else [])
        said.extend([f"full: {self.full_pickle}", f"meta: {self.meta_pickle}"])
        said.extend([f"assemblies: {self.assemblies}"] if self.assemblies else [])
        if self.tracked:
            said.extend(self.tracked.lines())
        elif self.tracks:
            said.append(f"tracks: {self.tracks}")
        if self.analyzed:
            total = sum(self.seconds.values())
            where = ", ".join(f"{name} {spent:.1f} s" for name, spent in self.seconds.items())
            said.append(f"time: {total:.1f} s, {self.analyzed / max(total, 1e-9):.1f} frames/s ({where})")
        return said


@dataclass(frozen=True)
class AnalyzeVideoResult:
    """What was analysed with which scorer, and what failed."""

    scorer: str
    videos: tuple[AnalyzedVideo, ...]
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


def analyze_video(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    shuffle: int = 1,
    trainset_index: int = 0,
    snapshot: str = "best",
    detector_snapshot: str = "best",
    conditions: str | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    precision: str = "fp32",
    engine: str = "torch",
    out: str | Path | None = None,
    csv: bool = True,
    frames: tuple[int | None, int | None] | None = None,
    crop: Crop | None = None,
    dynamic_crop: DynamicCrop | None = None,
    tracker: str | None = None,
    track: bool = True,
    animals: int | None = None,
    relink: bool = True,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> AnalyzeVideoResult:
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
        Frames a forward pass; default: that of the run which is continued, else config.yaml's.
    device, precision, engine
        Where and how numbers are computed; see :func:`dlcx.workflow.loading.load_predictor`.
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
    overwrite
        Analyse again what is there.

    Raises
    ------
    Stopped
        When SIGTERM or SIGUSR1 came; the frames up to there are safe and the same call goes on.
    DlcxError
        When a value, the net, or the only video cannot be used.  Of several videos those that fail are in the result.
    """
    from dlcx.data.video import find_videos

    place = open_project(project).shuffle(shuffle, trainset_index)
    found = find_videos([videos] if isinstance(videos, str | Path) else videos)
    net = ChosenNet.of(
        place,
        snapshot=snapshot,
        detector_snapshot=detector_snapshot,
        conditions=conditions,
        device=device,
        precision=precision,
        engine=engine,
        searches=dynamic_crop is not None,
    )
    memory = VideoMemory(net, dynamic_crop, ctd=tracker == "ctd")
    if memory.batch_size and batch_size not in (None, memory.batch_size):
        flag = "--tracker ctd" if memory.ctd else "--dynamic-crop"
        raise DlcxError(f"--batch-size {batch_size}: {flag} needs the poses of each frame for the next one")
    linking = asked_linking(place, tracker, animals, track=track, relink=relink)
    files = [AnalysisFiles(path, net.scorer, Path(out) if out else path.parent) for path in found]
    _check_distinct(files)

    by_path = {target.video: target for target in files}

    def analyze(path: Path) -> AnalyzedVideo:
        where = crop or place.project.crop
        return _Run(net, memory, by_path[path], batch_size, where, frames, csv, linking, overwrite, progress)()

    done, failed = each_video(list(by_path), analyze)
    flags = [
        *(["--project", str(project)] if project else []),
        *place.flags,
        *(["--out", str(out)] if out else []),
    ]
    return AnalyzeVideoResult(net.scorer, done, failed, next_steps(done[0].video, done[0].tracked, flags))


@dataclass(frozen=True)
class _Run:
    """The analysis of one video."""

    net: ChosenNet
    memory: VideoMemory
    files: AnalysisFiles
    batch_size: int | None
    crop: Crop | None
    frames: tuple[int | None, int | None] | None
    csv: bool
    linking: Linking | None
    overwrite: bool
    progress: Progress

    def __call__(self) -> AnalyzedVideo:
        from dlcx.data.frame_check import checked_by
        from dlcx.data.video import open_video
        from dlcx.store import open_store

        video = open_video(self.files.video)
        first, stop = asked_frames(self.frames, video)
        crop = checked_crop(self.crop, video)
        settings = self._settings(video, crop)
        batch_size = settings["--batch-size"]
        results = VideoResults(self.net.place, self.files, self.net.config.plain(), self.csv, self.memory.ctd)
        if not self.overwrite and not self.files.store.exists():
            self._refuse_foreign_output()
        if self.linking and not self.overwrite:
            self.linking.existing(self.files)  # before the work: refuses tracks that were linked otherwise

        with open_store(self.files.store, settings, overwrite=self.overwrite) as store, threads(settings["threads"]):
            first, stop = joined_frames((first, stop), store.written, self.files)
            # the batches of a whole run: they begin at multiples of their size
            begin, end = first // batch_size * batch_size, min(-(-stop // batch_size) * batch_size, video.frames)
            clock = Clock("decoding", "net", "writing", *(["linking"] if self.linking else []))
            started = time.time()
            analyzed = self._fill(store, video, begin, end, batch_size, crop, clock)
            with clock("writing"):
                stored = store.read(first, stop)
                if analyzed or store.written != (first, stop) or not results.all_there():
                    results.write(stored, video, batch_size=batch_size, started=started)
                    store.note_written(first, stop)
        with clock("linking") if self.linking else nullcontext():
            tracked = self._link(stored, video, anew=self.overwrite or analyzed > 0)
        unreadable = tuple(int(index) + first for index in (~stored.readable).nonzero()[0])
        if unreadable:
            logger.warning(
                "%s: %d unreadable frame(s) are nan rows: %s", video.path, len(unreadable), _listed(unreadable)
            )
        files = self.files
        return AnalyzedVideo(
            video=video.path,
            first=first,
            stop=stop,
            analyzed=analyzed,
            unreadable=unreadable,
            h5=files.h5,
            csv=files.csv if self.csv else None,
            full_pickle=files.full_pickle,
            meta_pickle=files.meta_pickle,
            seconds=clock.spent,
            assemblies=files.assemblies if self.net.layout.multi else None,
            tracks=tracked.h5 if tracked else results.tracks,
            tracked=tracked,
            frames=ledger_of(stored, video).counts(video.announced, checked_by()),
            ledger=files.frames,
        )

    def _link(self, stored: Stored, video: VideoFile, *, anew: bool) -> TrackedVideo | None:
        """The animals' tracks; those that are there unless they are of fewer frames."""
        if self.linking is None:
            return None
        frames = stored.first, stored.first + len(stored)
        if not anew and (there := self.linking.existing(self.files, frames)):
            return there
        return self.linking.link(self.files, stored.predictions, first=stored.first, frames=video.frames, csv=self.csv)

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
        """Analyse the frames from ``begin`` to ``end`` that the store does not hold; how many those were."""
        from dlcx.data.video import read_frames
        from dlcx.stopping import stop_on_signals

        missing = store.missing(begin, end)
        total = sum(last - start for start, last in missing)
        if not total:
            return 0
        if total < end - begin:
            logger.info("%s: goes on at frame %d", video.path.name, missing[0][0])
        watcher = self.memory.watch(self.net.load())
        done = end - begin - total
        with (
            stop_on_signals() as asked,
            self.progress.task(f"analyze {video.path.name}", end - begin, "frame", done=done) as task,
        ):
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
                    if asked:
                        store.close_chunk()
                        raise Stopped(
                            f"stopped by {asked.signal}; {store.frames} frames of {video.path.name} are safe",
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

    def _settings(self, video: VideoFile, crop: Crop | None) -> dict[str, Any]:
        """What the numbers depend on; what the call leaves open is as in the run that is continued."""
        import torch

        from dlcx.store.chunks import stored_settings

        before = {} if self.overwrite else stored_settings(self.files.store) or {}
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
        for path in (self.files.h5, self.files.full_pickle):
            if path.exists():
                raise DlcxError(
                    f"{path} exists and is not known to be of this net and video",
                    hint="Another program or a deleted chunk store; --overwrite analyses again, --out DIR elsewhere.",
                )


def _check_distinct(files: Sequence[AnalysisFiles]) -> None:
    """Two videos must not write the same file."""
    seen: dict[Path, Path] = {}
    for target in files:
        other = seen.setdefault(target.h5.absolute(), target.video)
        if other != target.video:
            raise DlcxError(
                f"{other} and {target.video} would both write {target.h5}", hint="Analyse them into different --out."
            )


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:NAMED_FRAMES]))
    return shown + (f", ... ({len(numbers)} in all)" if len(numbers) > NAMED_FRAMES else "")
