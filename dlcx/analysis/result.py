"""An analysed video: its files written from the stored predictions, its animals linked, and what is said of it."""

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
    """One video's files, which hold the frames ``first`` to ``stop``; unreadable ones are nan rows.

    ``analyzed`` frames were analysed in this call; ``time`` says where its time went.
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
        """One fact a line."""
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
class AnalyzedShare:
    """A share of a video's frames, ``first`` to ``stop``; there is nothing but its chunk store until all are joined.

    ``joined`` when the whole video's store holds them already.
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
        """One fact a line."""
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
    anew: bool,
    replace: bool,
    watch: Stopwatch,
    started: float,
) -> AnalyzedVideo:
    """Write the files of the stored ``frames`` (first, stop) and link their animals, where that is not done.

    ``analyzed`` frames are new, ``anew`` replaces tracks that are there, ``replace`` only those that were linked
    otherwise (else they are refused); ``started`` is in seconds since 1970.

    Raises
    ------
    DlcxError
        When a file cannot be written.
    """
    first, stop = frames
    with watch.clock("writing"):
        stored = store.read(first, stop)
        anew = anew or store.written != frames  # or a run that was to replace them did not come to that
        if anew:
            store.check_lock()
            forget_tracks(results.files)
        if analyzed or store.written != frames or not results.all_there():
            size, seconds = store.settings["--batch-size"], store.seconds(first, stop)
            results.write(stored, video, batch_size=size, started=started, seconds=seconds)
            store.record_output_frames(first, stop)
    files = results.files
    with watch.clock("linking") if linking else nullcontext():
        tracked = None
        if linking is not None:
            tracked = None if anew else linking.existing(files, frames, replace=replace)
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
    """Name the frames that could not be decoded."""
    if unreadable:
        logger.warning("%s: %d unreadable frame(s) are nan rows: %s", video.path, len(unreadable), listed(unreadable))


def listed(numbers: Sequence[int]) -> str:
    """The first of many numbers."""
    shown = ", ".join(map(str, numbers[:NAMED_FRAMES]))
    return shown + (f", ... ({len(numbers)} in all)" if len(numbers) > NAMED_FRAMES else "")
