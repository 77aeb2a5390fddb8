"""Names of the files that an analysis writes beside a video.

They are the names of DeepLabCut 3.0.2, so that other programs find the files.  Those marked * are specific to dlcx.

::

    <video stem><scorer>.h5 .csv            poses of every frame; several animals: in the order of the network
    <video stem><scorer>_full.pickle        all detections of the network
    <video stem><scorer>_meta.pickle        settings and time of the analysis (2.1: ...includingmetadata.pickle)
    <video stem><scorer>_assemblies.pickle  the animals of every frame
    <video stem><scorer>_frames.csv         * status of every frame
    <video stem><scorer>.dlcx/              * chunk store
    <video stem><scorer>.part2of8.dlcx/     * chunk store of a part of the video, until the parts are merged
    <video stem><scorer>.dlcx.lock          * lock of the running analysis
    <video stem><scorer>_el.h5 .csv         tracks of the ellipse tracker (_bx box, _sk skeleton, _ctd CTD)
    <video stem><scorer>_el.pickle          tracklets
    <video stem><scorer>_el_swaps.csv       * likely swaps of individuals
    <video stem><scorer>_el_tracking.json   * settings of the tracking
    ...[_filtered].h5 .csv                  the same poses, filtered; without "_" by DeepLabCut 2.0 and 2.1
    ..._p60_labeled.mp4                     the labeled video
    ..._p60_labeled.mp4.json                * what the labeled video shows
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

#: Endings of the names of track files, by tracker.
TRACK_ENDINGS = {"ellipse": "_el", "box": "_bx", "skeleton": "_sk", "ctd": "_ctd", "transformer": "_tr"}

#: Suffixes of the files that an analysis writes, except for videos.
ANALYSIS_SUFFIXES = (".h5", ".csv", ".pickle", ".json", ".html", ".nwb", ".lock")


@dataclass(frozen=True)
class VideoPart:
    """Part ``number`` (from 1) of a video that is divided into ``count`` parts."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(f"VideoPart: expected 1 <= number <= count, got {self}")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True)
class AnalysisFiles:
    """Paths of the files that an analysis of a video writes: ``<video stem><scorer>`` and an ending in ``folder``."""

    video: Path
    scorer: str
    folder: Path
    ending: str = ""

    @property
    def stem(self) -> str:
        """``<video stem><scorer>``, without a separator as in DeepLabCut, and the ending of a part of the video."""
        return f"{self.video.stem}{self.scorer}{self.ending}"

    @property
    def h5(self) -> Path:
        """Poses of every frame."""
        return self.folder / f"{self.stem}.h5"

    @property
    def csv(self) -> Path:
        """The same poses as text."""
        return self.folder / f"{self.stem}.csv"

    @property
    def full_pickle(self) -> Path:
        """All detections of the network, before assembly and tracking."""
        return self.folder / f"{self.stem}_full.pickle"

    @property
    def meta_pickle(self) -> Path:
        """Settings and time of the analysis."""
        return self.folder / f"{self.stem}_meta.pickle"

    @property
    def stored_meta(self) -> Path:
        """The metadata file that exists: :attr:`meta_pickle`, or the one of DeepLabCut 2.0 and 2.1."""
        old = self.folder / f"{self.stem}includingmetadata.pickle"
        return old if old.is_file() and not self.meta_pickle.is_file() else self.meta_pickle

    @property
    def assemblies(self) -> Path:
        """The animals of every frame, for tracking."""
        return self.folder / f"{self.stem}_assemblies.pickle"

    @property
    def frames(self) -> Path:
        """Status of every frame; specific to dlcx."""
        return self.folder / f"{self.stem}_frames.csv"

    def tracks(self, tracker: str) -> Path:
        """Tracks of a tracker: ``<video stem><scorer>_el.h5``."""
        return self.folder / f"{self.stem}{TRACK_ENDINGS[tracker]}.h5"

    @property
    def store(self) -> Path:
        """Folder of the chunk store; specific to dlcx."""
        return self.folder / f"{self.stem}.dlcx"

    @property
    def lock(self) -> Path:
        """Lock of the running analysis."""
        return self.folder / f"{self.stem}.dlcx.lock"

    def of_part(self, part: VideoPart) -> AnalysisFiles:
        """Return the paths for one part of the video, which has a chunk store and a lock of its own."""
        return replace(self, ending=f".part{part.number}of{part.count}")

    @property
    def parts(self) -> dict[VideoPart, Path]:
        """The chunk stores of parts of the video that exist, in order."""
        found = {}
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            match = re.fullmatch(rf"{re.escape(self.stem)}\.part([1-9]\d*)of([1-9]\d*)\.dlcx", path.name)
            if match and path.is_dir() and int(match[1]) <= int(match[2]):
                found[VideoPart(int(match[1]), int(match[2]))] = path
        return dict(sorted(found.items(), key=lambda item: (item[0].count, item[0].number)))

    def track_files(self, tracker: str) -> TrackFiles:
        """Return the paths of the files that a tracker writes."""
        return TrackFiles(self.folder, f"{self.stem}{TRACK_ENDINGS[tracker]}")

    @property
    def pose_files(self) -> list[PoseFile]:
        """All pose files of this video in the folder, of any network, tracker and filter, sorted by name."""
        stem = self.video.stem
        names = sorted(os.listdir(self.folder)) if self.folder.is_dir() else []
        paths = [self.folder / name for name in names if name.startswith(stem)]  # a folder may hold thousands
        found = {path.stem: file for path in paths if (file := PoseFile.of(path, stem))}  # h5 replaces csv
        return list(found.values())


@dataclass(frozen=True)
class TrackFiles:
    """Paths of the files that a tracker writes for a video: ``<video stem><scorer>_<tracker>`` and an ending."""

    folder: Path
    stem: str

    @property
    def h5(self) -> Path:
        """Tracks: the poses of every individual in every frame."""
        return self.folder / f"{self.stem}.h5"

    @property
    def csv(self) -> Path:
        """The same poses as text."""
        return self.folder / f"{self.stem}.csv"

    @property
    def tracklets(self) -> Path:
        """Tracklets, before stitching."""
        return self.folder / f"{self.stem}.pickle"

    @property
    def swaps(self) -> Path:
        """Frames in which two tracks may have been swapped."""
        return self.folder / f"{self.stem}_swaps.csv"

    @property
    def record(self) -> Path:
        """Settings of the tracking, and swaps that were corrected by hand."""
        return self.folder / f"{self.stem}_tracking.json"


@dataclass(frozen=True)
class PoseFile:
    """A file of a video's poses: ``<video stem><scorer>[_<tracker>][_filtered].h5``, or a csv of that name.

    Attributes
    ----------
    path
        The file.
    video
        Stem of the video.
    scorer
        Name of the network that predicted the poses.
    tracker
        The tracker, if the file holds tracks and its name tells which one.
    filtered
        Whether the poses are filtered.
    linked
        Whether the file holds tracks although its name does not tell of which tracker.
    """

    path: Path
    video: str
    scorer: str
    tracker: str | None = None
    filtered: bool = False
    linked: bool = False

    @classmethod
    def from_path(cls, path: Path, stem: str, scorer: str, *, linked: bool) -> PoseFile:
        """Return a file that the user names, whatever it is called.

        Parameters
        ----------
        path
            The file.
        stem
            Stem of the video; the beginning of the file name takes precedence, because the video may have been renamed.
        scorer
            Scorer in the columns of the file.
        linked
            Whether the file holds tracks.
        """
        beginning, found, _ = path.stem.partition(scorer) if scorer else (stem, "", "")
        file = cls.of(path, beginning if found else stem)
        file = file or cls(path, stem, scorer, filtered=path.stem.endswith("filtered"))
        return replace(file, linked=linked)

    @classmethod
    def of(cls, path: Path, stem: str) -> PoseFile | None:
        """Parse the name of a file; return None if it is not a pose file of the video ``stem``."""
        endings = "|".join(TRACK_ENDINGS.values())
        pattern = rf"{re.escape(stem)}((?:DLC|DeepCut).+?)({endings})?(_filtered|(?<=\d)filtered)?\.(?:h5|csv)"
        match = re.fullmatch(pattern, path.name)
        if match is None or match[1].endswith(("_skeleton", "_swaps", "_frames")):
            return None
        by_ending = {ending: name for name, ending in TRACK_ENDINGS.items()}
        return cls(path, stem, match[1], by_ending.get(match[2]), bool(match[3]))

    @property
    def is_linked(self) -> bool:
        """Whether the file holds tracks: each individual is the same animal in all frames."""
        return self.linked or self.tracker is not None

    @property
    def made_by(self) -> re.Match[str] | None:
        """Match of the scorer's name with the groups ``shuffle``, ``detector`` and ``snapshot``.

        ``shuffle`` comprises network, project and number.
        """
        uid = r"(?:best-)?\d+"
        name = rf"(?P<shuffle>DLC_.+shuffle\d+)_(?:detector_(?P<detector>{uid})_)?snapshot_(?P<snapshot>{uid})"
        return re.fullmatch(name, self.scorer)

    @property
    def source(self) -> Path:
        """The unfiltered poses that these were computed from."""
        return self.path.with_name(f"{re.sub('_?filtered$', '', self.path.stem)}{self.path.suffix}")

    @property
    def filtered_h5(self) -> Path:
        """The same poses, filtered."""
        return self.path.with_name(f"{self.path.stem}_filtered.h5")

    @property
    def skeleton_h5(self) -> Path:
        """Lengths and orientations of the bones."""
        return self.path.with_name(f"{self.path.stem}_skeleton.h5")

    def labeled_video(self, pcutoff: float, colors: str = "", suffix: str = ".mp4") -> Path:
        """Return the path of the labeled video; ``colors`` is ``_bp`` or ``_id`` for several animals."""
        return self.path.with_name(f"{self.path.stem}{colors}_p{int(100 * pcutoff)}_labeled{suffix}")

    def plot(self, kind: str, owner: str, suffix: str) -> Path:
        """Return the path of a trajectory plot: ``plot-poses/<video>/<kind>[_filtered][<individual>].png``."""
        folder = self.path.parent / "plot-poses" / self.video
        return folder / f"{kind}{'_filtered' if self.filtered else ''}{owner}{suffix}"


def is_pytorch_scorer(scorer: str) -> bool:
    """Return whether a scorer is a PyTorch network; those of DeepLabCut 2.x are ``DLC_resnet50_...shuffle1_10``."""
    return "_snapshot_" in scorer


def origin_note(made: Path) -> Path:
    """Return the path of the JSON file that records what a binary file was made from; specific to dlcx."""
    return made.with_name(f"{made.name}.json")
