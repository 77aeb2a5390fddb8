"""The poses of a video that an earlier command wrote. Every command that reads poses finds them through this module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.analysis.lookup.derived_files import is_outdated
from dlcx.analysis.lookup.same_video import check_frames, check_video
from dlcx.analysis.many_videos import refuse_shared_outputs
from dlcx.analysis.tracking import tracks_are_outdated
from dlcx.analysis_files import TRACK_ENDINGS, AnalysisFiles, PoseFile, is_pytorch_scorer
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project, read_project_config
from dlcx.formats.shuffles.tensorflow_shuffles import refuse_tensorflow
from dlcx.options.base import Options, items
from dlcx.options.command_line import command_after
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.filter_predictions import FilterPredictionsOptions
from dlcx.options.commands.track import TrackOptions
from dlcx.options.poses import AnalysisOptions, PosesOptions, UnfilteredPosesOptions
from dlcx.poses import Tracks
from dlcx.project import Project, Shuffle, net_name


@dataclass(frozen=True)
class FoundPoses:
    """The file with the poses of one video, and the analysis that it belongs to.

    ``again`` is the hint for analyzing the video again. If ``unchecked``, no metadata identifies the analyzed video, so
    the poses are compared with the video when they are read; ``allow_changed`` turns differences into a warning.
    """

    video: Path
    file: PoseFile
    again: str = ""
    unchecked: bool = False
    allow_changed: bool = False

    @property
    def files(self) -> AnalysisFiles:
        """All files of the analysis, under the name that the video had when it was analyzed."""
        video = self.video.with_name(f"{self.file.video}{self.video.suffix}")
        return AnalysisFiles(video, self.file.scorer, self.file.path.parent)

    def stored(self) -> Tracks:
        """The poses in the coordinates of the file, which start at the corner of the crop."""
        from dlcx.formats.predictions.video_predictions import read_predictions

        tracks = read_predictions(self.file.path)
        if self.unchecked:
            check_frames(self.video, tracks, self.file.path, self.again, allow_changed=self.allow_changed)
        return tracks

    def corner(self) -> tuple[int, int]:
        """x and y of the frame's pixel at which the coordinates of the file start."""
        from dlcx.formats.predictions.analysis_pickles import read_meta_pickle

        meta = self.files.stored_meta
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
    """The poses that a command asks for. ``snapshot`` is None if any snapshot will do, because none is left on disk.

    ``options`` are the options of the command; if they name a file of poses, their other options have no effect.
    """

    place: Shuffle
    net_type: str
    snapshot: str | None
    detector: str | None
    options: UnfilteredPosesOptions

    @classmethod
    def of(cls, options: UnfilteredPosesOptions) -> WantedPoses:
        """Return the poses that the options of a command ask for.

        Raises
        ------
        DlcxError
            If the project, shuffle, snapshot, or file does not exist, or ``poses`` conflicts with another option.
        """
        if options.poses is not None:
            return cls._of_file(options, options.poses)
        from dlcx.analysis.trained_network import TrainedNetwork
        from dlcx.formats.shuffles.model_config import shuffle_config

        place = open_project(options.project).shuffle(options.shuffle, options.trainset_index)
        refuse_tensorflow(place, also="Its poses of a video: --poses FILE.h5.")
        config = shuffle_config(place)
        net = TrainedNetwork.find_if_kept(
            place, config, snapshot=options.snapshot, detector_snapshot=options.detector_snapshot
        )
        detector = net.detector.uid if net and net.detector else None
        return cls(place, config.net_type, net.snapshot.uid if net else None, detector, options)

    @classmethod
    def _of_file(cls, options: UnfilteredPosesOptions, poses: Path) -> WantedPoses:
        """Return the poses in a file; refuse other options that select poses."""
        project = open_project(options.project)
        chosen = {"project", "poses", "allow_changed_video"}
        if given := [
            item.flag
            for item in items(PosesOptions)
            if item.name not in chosen and getattr(options, item.name, item.default) != item.default
        ]:
            raise DlcxError(
                f"--poses names the file of poses, so {given[0]} has no effect",
                hint=f"Leave out {' and '.join(given)}.",
            )
        if poses.suffix not in (".h5", ".csv") or not poses.is_file():
            what = "no such file" if not poses.is_file() else "expected a file of poses, .h5 or .csv"
            raise DlcxError(f"--poses {poses}: {what}")
        return cls(project.shuffle(1, 0), "", None, None, options)

    @property
    def tracker(self) -> str | None:
        """The requested tracker; None accepts any and prefers config.yaml's default_track_method."""
        return self.options.tracker

    @property
    def filtered(self) -> bool:
        """Whether the poses written by ``dlcx filter-predictions`` are requested."""
        return isinstance(self.options, PosesOptions) and self.options.filtered

    @property
    def out(self) -> Path | None:
        """Folder of the analysis; None is the folder of each video."""
        return self.options.out

    @property
    def given(self) -> Path | None:
        """The file of poses named by the user."""
        return self.options.poses

    @property
    def project(self) -> Project:
        """The project."""
        return self.place.project

    @cached_property
    def _preferred(self) -> str | None:
        return read_project_config(self.project.config_path).default_track_method

    def find(self, video: Path) -> FoundPoses:
        """Find the poses of a video.

        Raises
        ------
        DlcxError
            If there are none or several, or if they belong to another video or were made from poses that have changed.
            The hint lists the files found and the flags that select them.
        """
        if self.given is not None:
            return self._checked(video, _given_file(self.given, video))
        there = AnalysisFiles(video, "", self.out or video.parent).pose_files
        fitting = [file for file in there if not self._otherwise(file)]
        if len(fitting) > 1 and self.tracker is None:
            fitting = self._linked(fitting)
        if len(fitting) == 1:
            return self._checked(video, fitting[0])
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
        first = f"Run `{command_after(AnalyzeVideoOptions, self.options, videos=video)}` first."
        raise DlcxError(
            f"no poses of {video.name} in {folder} ({asked})",
            hint=f"There is {_listed(instead)}." if instead else first,
        )

    def videos(self, wanted: Sequence[str | Path] | str | Path) -> list[Path]:
        """Return the videos named by files, folders, and glob patterns.

        Raises
        ------
        DlcxError
            If there are none, if two of them share their poses (same name and folder), or if several are named together
            with one file of poses.
        """
        from dlcx.data.video import find_videos

        found = find_videos([wanted] if isinstance(wanted, str | Path) else wanted)
        if self.given is not None and len(found) != 1:
            raise DlcxError(
                f"--poses {self.given}: holds the poses of one video, {len(found)} are named",
                hint="Name one video in a call.",
            )
        refuse_shared_outputs([AnalysisFiles(video, "", self.out or video.parent) for video in found])
        return found

    def _checked(self, video: Path, file: PoseFile) -> FoundPoses:
        """Return the poses of a video after checking that they are of this video and up to date."""
        allow_changed = self.options.allow_changed_video
        found = FoundPoses(video, file, allow_changed=allow_changed)
        again = "Name the video that was analyzed." if self.given else self._again(AnalyzeVideoOptions, video)
        same = check_video(video, found.files, file.path, again, allow_changed=allow_changed)
        if file.tracker in TRACK_ENDINGS and tracks_are_outdated(found.files.track_files(file.tracker)):
            raise DlcxError(
                f"{file.path} links poses that have changed since",
                hint=self._again(
                    AnalyzeVideoOptions if file.tracker == "ctd" else TrackOptions, video, tracker=file.tracker
                ),
            )
        if file.filtered and is_outdated(file.path, file.source):
            raise DlcxError(
                f"{file.path} was made from poses that have changed since",
                hint=f"Run `{self._filtering(video, file)}`.",
            )
        return replace(found, again=again, unchecked=not same.compared)

    def _again(self, kind: type[Options], video: Path, **more: Any) -> str:
        """Return the hint for repeating an analysis."""
        analysis = AnalysisOptions(**self.options.values_of(AnalysisOptions))
        return f"Run `{command_after(kind, analysis, videos=video, overwrite=True, **more)}`."

    def _filtering(self, video: Path, file: PoseFile) -> str:
        """Return the command that filters the source of a file again."""
        source = {"poses": file.source} if self.given else {}
        return command_after(FilterPredictionsOptions, self.options, videos=video, overwrite=True, **source)

    def _linked(self, fitting: Sequence[PoseFile]) -> list[PoseFile]:
        """Select the linked files of one network, and among them those of config.yaml's tracker."""
        linked = [file for file in fitting if file.tracker] or list(fitting)
        return [file for file in linked if file.tracker == self._preferred] or linked

    def _otherwise(self, file: PoseFile) -> str:
        """Describe how a file differs from the request; empty if it matches."""
        made = file.made_by
        own = f"DLC_{net_name(self.net_type)}_{self.project.task}{self.project.date}shuffle{self.place.number}"
        if made is None or made["shuffle"] != own:
            number = made and made["shuffle"].rpartition("shuffle")[2]
            if number and number != str(self.place.number):
                return f"of another shuffle: --shuffle {number}"
            return "of another net: --poses FILE"
        if self.snapshot not in (None, made["snapshot"]):
            return f"of another snapshot: --snapshot {made['snapshot']}"
        if made["detector"] != self.detector and self.snapshot is not None:
            return f"of another detector: --detector-snapshot {made['detector']}"
        if self.tracker is not None and file.tracker != (None if self.tracker == "none" else self.tracker):
            return f"of another tracker: --tracker {file.tracker or 'none'}"
        if file.filtered and not self.filtered:
            return "filtered"
        if self.filtered and not file.filtered:
            return "not filtered: `dlcx filter-predictions` first"
        return ""


def _given_file(path: Path, video: Path) -> PoseFile:
    """Describe a file named by the user; tracks count as linked, and DeepLabCut 2.x wrote nothing else."""
    from dlcx.formats.predictions.pose_tables import stored_key
    from dlcx.formats.predictions.video_predictions import read_scorer

    scorer = read_scorer(path)
    linked = not is_pytorch_scorer(scorer) or (path.suffix == ".h5" and stored_key(path)[0] == "tracks")
    return PoseFile.from_path(path, video.stem, scorer, linked=linked)


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more
