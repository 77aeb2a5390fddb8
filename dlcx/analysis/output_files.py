"""Write the files of an analyzed video, with DeepLabCut's names and layouts, from its stored predictions."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.analysis_files import AnalysisFiles
from dlcx.errors import DlcxError
from dlcx.poses import Layout

if TYPE_CHECKING:
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.data.video_file import VideoFile
    from dlcx.formats.predictions.frame_status import FrameStatus
    from dlcx.store import StoredFrames
    from dlcx.trackers import Tracker


@dataclass(frozen=True)
class VideoResults:
    """The files of an analyzed video.

    Parameters
    ----------
    net
        The network that predicted the poses.
    files
        Their names.
    csv
        Write a csv file beside the h5.
    ctd
        The poses come from CTD tracking, so that another h5 holds the tracks.
    """

    net: TrainedNetwork
    files: AnalysisFiles
    csv: bool = True
    ctd: bool = False

    @property
    def layout(self) -> Layout:
        """Bodyparts and individuals of the project."""
        return self.net.layout

    @property
    def tracks(self) -> Path | None:
        """The h5 of tracks; None if animals are not tracked during the analysis."""
        return self.files.tracks("ctd") if self.ctd and self.layout.multi else None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files that :meth:`write` writes."""
        files = self.files
        wanted = [files.h5, files.full_pickle, files.meta_pickle, files.frames]
        wanted += [files.csv] if self.csv else []
        wanted += [files.assemblies] if self.layout.multi else []
        if self.tracks is not None:
            wanted += [self.tracks, *([self.tracks.with_suffix(".csv")] if self.csv else [])]
        return tuple(wanted)

    def exist(self) -> bool:
        """Whether all of them exist."""
        return all(path.is_file() for path in self.paths)

    def write(
        self, stored: StoredFrames, video: VideoFile, *, batch_size: int, started: float, seconds: float | None
    ) -> None:
        """Write the files; each appears complete or not at all.

        Parameters
        ----------
        stored
            The predictions.
        batch_size
            Frames per forward pass.
        started
            When the analysis began, in seconds since 1970.
        seconds
            The time of all runs and parts together; None if it is not known.

        Raises
        ------
        DlcxError
            If a file cannot be written.
        """
        from dlcx.formats.predictions.analysis_pickles import AnalysisMeta, write_full_pickle, write_meta_pickle
        from dlcx.formats.predictions.assemblies import write_assemblies
        from dlcx.formats.predictions.frame_status import write_frame_status
        from dlcx.formats.predictions.video_predictions import write_predictions
        from dlcx.formats.shuffles.training_set import read_paf_best
        from dlcx.predictors.temporal import RESET_INTERVAL
        from dlcx.trackers.ctd import Ctd

        place, files, layout = self.net.shuffle, self.files, self.layout
        tracks = _tracker(layout).link(stored.predictions, layout, stored.first)
        write_full_pickle(
            stored.predictions,
            files.full_pickle,
            layout,
            frames=video.frames,
            first=stored.first,
            paf_edges=read_paf_best(place),
        )
        if layout.multi:
            write_assemblies(stored.predictions, files.assemblies, first=stored.first)
        meta = AnalysisMeta(
            scorer=files.scorer,
            layout=layout,
            start=started,
            stop=time.time(),
            fps=video.fps,
            size=(video.width, video.height),
            frames=video.frames,
            batch_size=batch_size,
            iteration=place.project.iteration,
            fraction=place.fraction,
            config=self.net.config.plain(),
            duration=seconds,
        )
        write_meta_pickle(meta, files.meta_pickle)
        write_frame_status(frame_status_of(stored, video), files.frames)
        write_predictions(tracks, files.h5, files.scorer, csv=self.csv, readable=stored.readable)
        if self.tracks is not None:
            linked = Ctd(RESET_INTERVAL).link(stored.predictions, layout, stored.first)
            write_predictions(linked, self.tracks, files.scorer, csv=self.csv)


def refuse_foreign_files(files: AnalysisFiles, *, overwrite: bool) -> None:
    """Refuse to replace files without a chunk store: another program may have written them.

    Raises
    ------
    DlcxError
        If there are such files, unless ``overwrite`` is given.
    """
    if overwrite or files.store.exists():
        return
    for path in (files.h5, files.full_pickle):
        if path.exists():
            raise DlcxError(
                f"{path} exists and is not known to be of this net and video",
                hint="Another program or a deleted chunk store; --overwrite analyzes again, --out DIR elsewhere.",
            )


def frame_status_of(stored: StoredFrames, video: VideoFile) -> FrameStatus:
    """The status of every frame: readable, repeated, missing."""
    from dlcx.formats.predictions.frame_status import FrameStatus

    return FrameStatus.of(stored.first, stored.time, stored.readable, stored.repeated, video.stored_frames)


def _tracker(layout: Layout) -> Tracker:
    from dlcx.trackers.keep_order import KeepOrder
    from dlcx.trackers.single_animal import SingleAnimal

    return SingleAnimal() if len(layout.individuals) == 1 else KeepOrder()
