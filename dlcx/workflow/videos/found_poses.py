"""The poses of a video that an earlier command has written: the one place where commands look for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from dlcx.analysis_files import TRACK_ENDINGS, AnalysisFiles, PoseFile
from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.project_config import open_project, read_project_config
from dlcx.poses import Tracks
from dlcx.project import Project, Shuffle, net_name

#: What ``--tracker`` takes here; "none" means poses that are not linked.
TRACKERS = (*TRACK_ENDINGS, "none")


@dataclass(frozen=True)
class FoundPoses:
    """One video's poses: the file, and the analysis that it belongs to."""

    video: Path
    file: PoseFile

    @property
    def files(self) -> AnalysisFiles:
        """Everything that the analysis has written."""
        return AnalysisFiles(self.video, self.file.scorer, self.file.path.parent)

    def stored(self) -> Tracks:
        """The poses with the file's own coordinates, which DeepLabCut counts from the corner of a crop."""
        from dlcx.formats.predictions import read_predictions

        return read_predictions(self.file.path)

    def corner(self) -> tuple[int, int]:
        """x and y of the pixel of the frame from which the file's coordinates count."""
        from dlcx.formats.analysis_pickles import read_meta_pickle

        meta = self.files.meta_pickle
        crop = read_meta_pickle(meta).crop if meta.is_file() else None
        return (0, 0) if crop is None else (int(crop[0]), int(crop[2]))

    def in_frame(self) -> Tracks:
        """The poses in pixels of the whole frame."""
        tracks, corner = self.stored(), np.array(self.corner())
        if not corner.any():
            return tracks
        corner = corner.astype(tracks.xy.dtype)
        return replace(tracks, xy=tracks.xy + corner, unique_xy=tracks.unique_xy + corner)


@dataclass(frozen=True)
class WantedPoses:
    """Whose poses are asked for; ``snapshot`` None takes any, where no snapshot is left to say which."""

    place: Shuffle
    net_type: str
    snapshot: str | None
    detector: str | None
    tracker: str | None
    filtered: bool
    out: Path | None

    @classmethod
    def of(
        cls,
        project: str | Path | None,
        *,
        shuffle: int = 1,
        trainset_index: int = 0,
        snapshot: str = "best",
        detector_snapshot: str = "best",
        tracker: str | None = None,
        filtered: bool = False,
        out: str | Path | None = None,
    ) -> WantedPoses:
        """What the flags of a call ask for.

        Parameters
        ----------
        tracker
            What linked the poses of several animals (``ellipse``, ``box``, ...), ``none`` for those that are not
            linked; default: whatever did, and of several config.yaml's default_track_method.
        filtered
            Take the poses that ``filter-predictions`` wrote.
        out
            Folder of the analysis; default: each video's own.

        Raises
        ------
        DlcxError
            When the project, shuffle, a snapshot or the tracker does not exist.
        """
        from dlcx.formats.model_config import shuffle_config
        from dlcx.workflow.analysis.loading import chosen_detector

        if tracker is not None and tracker not in TRACKERS:
            raise DlcxError(f"--tracker {tracker}: no such tracker", hint=did_you_mean(tracker, TRACKERS))
        place = open_project(project).shuffle(shuffle, trainset_index)
        config = shuffle_config(place)
        detector = chosen_detector(place, config, detector_snapshot)
        lost = snapshot in ("best", "last") and not place.snapshots()
        return cls(
            place,
            config.net_type,
            None if lost else place.snapshot(snapshot).uid,
            detector.uid if detector else None,
            tracker,
            filtered,
            Path(out).expanduser() if out else None,
        )

    @property
    def project(self) -> Project:
        """The project."""
        return self.place.project

    @cached_property
    def _preferred(self) -> str | None:
        return read_project_config(self.project.config_path).default_track_method

    def find(self, video: Path) -> FoundPoses:
        """The poses of a video.

        Raises
        ------
        DlcxError
            When there are none, or several; the hint says what was found instead, and which flag means it.
        """
        there = AnalysisFiles(video, "", self.out or video.parent).pose_files
        fitting = [file for file in there if not self._otherwise(file)]
        if len(fitting) > 1 and self.tracker is None:
            fitting = self._linked(fitting)
        if len(fitting) == 1:
            return FoundPoses(video, fitting[0])
        flags = " ".join(self.place.flags)
        asked = f"shuffle {self.place.number}, snapshot {self.snapshot or 'any'}"
        asked += f", tracker {self.tracker}" if self.tracker else ""
        asked += ", filtered" if self.filtered else ""
        folder = self.out or video.parent
        if fitting:
            raise DlcxError(
                f"several poses of {video.name} fit ({asked}): {_listed([file.path.name for file in fitting])}",
                hint="Choose with --tracker." if len({file.scorer for file in fitting}) == 1 else "Name a --snapshot.",
            )
        instead = [f"{file.path.name} ({self._otherwise(file)})" for file in there]
        first = f"Run 'dlcx analyze-video {f'{flags} ' if flags else ''}{video}' first."
        raise DlcxError(
            f"no poses of {video.name} in {folder} ({asked})",
            hint=f"There is {_listed(instead)}." if instead else first,
        )

    def _linked(self, fitting: Sequence[PoseFile]) -> list[PoseFile]:
        """Of several files of one net the linked ones; of those the one by config.yaml's tracker."""
        linked = [file for file in fitting if file.tracker] or list(fitting)
        return [file for file in linked if file.tracker == self._preferred] or linked

    def _otherwise(self, file: PoseFile) -> str:
        """In what a file is not what is asked for; nothing for one that is."""
        made = file.made_by
        own = f"DLC_{net_name(self.net_type)}_{self.project.task}{self.project.date}shuffle{self.place.number}"
        if made is None or made["shuffle"] != own:
            number = made and made["shuffle"].rpartition("shuffle")[2]
            if number and number != str(self.place.number):
                return f"of another shuffle: --shuffle {number}"
            return "of another net"
        if self.snapshot not in (None, made["snapshot"]):
            return f"of another snapshot: --snapshot {made['snapshot']}"
        if made["detector"] != self.detector and self.snapshot is not None:
            return f"of another detector: --detector-snapshot {made['detector']}"
        if self.tracker is not None and file.tracker != (None if self.tracker == "none" else self.tracker):
            return f"of another tracker: --tracker {file.tracker or 'none'}"
        if file.filtered and not self.filtered:
            return "filtered"
        if self.filtered and not file.filtered:
            return "not filtered: 'dlcx filter-predictions' first"
        return ""


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more
