"""The result of an analysis: files written from the stored predictions, animals linked, and what is reported."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.analysis.output_files import VideoResults, frame_status_of
from dlcx.analysis.timing import Stopwatch, TimeSpent
from dlcx.analysis.tracking import Linking, TrackedVideo, forget_tracks

if TYPE_CHECKING:
    from dlcx.data.video_file import VideoFile
    from dlcx.formats.predictions.frame_status import FrameCounts
    from dlcx.store import ChunkStore

logger = logging.getLogger(__name__)

#: How many unreadable frames a message names one by one.
NAMED_FRAMES = 10


@dataclass(frozen=True)
class AnalyzedVideo:
    """The files of a video, which hold the frames ``first`` to ``stop``; rows of unreadable frames are nan.

    ``analyzed`` frames were analyzed in this call, and ``time`` is the time that it took.
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
    time: TimeSpent
    assemblies: Path | None = None
    tracks: Path | None = None
    tracked: TrackedVideo | None = None
    frames: FrameCounts | None = None
    ledger: Path | None = None

    def lines(self) -> list[str]:
        """Return the lines to print."""
        said = [f"video: {self.video}, frames {self.first}:{self.stop}"]
        if not self.analyzed:
            said.append("already analyzed: nothing to do, or --overwrite to analyze again")
        if self.unreadable:
            said.append(f"unreadable frames (nan rows): {listed(self.unreadable)}")
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
            said.append(self.time.line())
        return said


@dataclass(frozen=True)
class AnalyzedPart:
    """A part of a video: the frames ``first`` to ``stop``, in a chunk store until all parts are joined.

    ``joined`` says that the store of the full video already holds them.
    """

    video: Path
    part: str
    first: int
    stop: int
    analyzed: int
    unreadable: tuple[int, ...]
    store: Path
    joined: bool
    time: TimeSpent

    def lines(self) -> list[str]:
        """Return the lines to print."""
        said = [f"video: {self.video}, part {self.part}, frames {self.first}:{self.stop}"]
        if self.first == self.stop:
            return [*said, "nothing to do: the video has fewer stretches of 1,000 frames than parts were asked for"]
        if not self.analyzed:
            said.append("already analyzed" + (" and joined" if self.joined else "") + ": nothing to do")
        if self.unreadable:
            said.append(f"unreadable frames (nan rows): {listed(self.unreadable)}")
        said += [] if self.joined else [f"store: {self.store}"]
        if self.analyzed:
            said.append(self.time.line())
        return said


def finish_video(
    video: VideoFile,
    store: ChunkStore,
    results: VideoResults,
    linking: Linking | None,
    frames: tuple[int, int],
    *,
    analyzed: int,
    replaces_tracks: bool,
    overwrite: bool,
    watch: Stopwatch,
    started: float,
) -> AnalyzedVideo:
    """Write the files of a video and link its animals, unless both are done already.

    Parameters
    ----------
    store
        The predictions.
    results
        The files to write.
    linking
        How animals are linked; None: they are not.
    frames
        The frames (first, stop) that the files hold.
    analyzed
        How many of them are new.
    replaces_tracks
        Replace existing tracks, because they are of other poses.
    overwrite
        Replace existing tracks that were linked with other settings, instead of refusing them.
    watch
        Measures the time of writing and linking.
    started
        When the analysis began, in seconds since 1970.

    Raises
    ------
    DlcxError
        If a file cannot be written.
    """
    first, stop = frames
    with watch.clock("writing"):
        stored = store.read(first, stop)
        # also if a run that was to replace them was interrupted before it did
        replaces_tracks = replaces_tracks or store.written != frames
        if replaces_tracks:
            store.check_lock()
            forget_tracks(results.files)
        if analyzed or store.written != frames or not results.exist():
            size, seconds = store.settings["--batch-size"], store.seconds(first, stop)
            results.write(stored, video, batch_size=size, started=started, seconds=seconds)
            store.record_output_frames(first, stop)
    files = results.files
    with watch.clock("linking") if linking else nullcontext():
        tracked = None
        if linking is not None:
            tracked = None if replaces_tracks else linking.existing(files, frames, replace=overwrite)
            tracked = tracked or linking.link(
                files, stored.predictions, first=first, frames=video.frames, csv=results.csv
            )
    unreadable = tuple(int(index) + first for index in (~stored.readable).nonzero()[0])
    warn_of_unreadable(video, unreadable)
    return AnalyzedVideo(
        video=video.path,
        first=first,
        stop=stop,
        analyzed=analyzed,
        unreadable=unreadable,
        h5=files.h5,
        csv=files.csv if results.csv else None,
        full_pickle=files.full_pickle,
        meta_pickle=files.meta_pickle,
        time=watch.spent(analyzed),
        assemblies=files.assemblies if results.layout.multi else None,
        tracks=tracked.h5 if tracked else results.tracks,
        tracked=tracked,
        frames=frame_status_of(stored, video).counts(video.header_frames, store.settings["frames checked by"]),
        ledger=files.frames,
    )


def warn_of_unreadable(video: VideoFile, unreadable: Sequence[int]) -> None:
    """Warn of frames that could not be decoded."""
    if unreadable:
        logger.warning("%s: %d unreadable frame(s) are nan rows: %s", video.path, len(unreadable), listed(unreadable))


def listed(numbers: Sequence[int]) -> str:
    """The numbers as text; only the first ones if there are many."""
    shown = ", ".join(map(str, numbers[:NAMED_FRAMES]))
    return shown + (f", ... ({len(numbers)} in all)" if len(numbers) > NAMED_FRAMES else "")
