"""The files that an analysis leaves beside a video; the names are DeepLabCut 3.0.2's, so that other programs find them.

::

    <video stem><scorer>.h5 .csv            poses of every frame; several animals: in the net's order
    <video stem><scorer>_full.pickle        everything that the net found
    <video stem><scorer>_meta.pickle        how and when the video was analysed (2.1: ...includingmetadata.pickle)
    <video stem><scorer>_assemblies.pickle  the animals of every frame
    <video stem><scorer>_frames.csv         what became of every frame; dlcx's own
    <video stem><scorer>.dlcx/              chunk store; dlcx's own
    <video stem><scorer>.part2of8.dlcx/     chunk store of a share of the frames, until the shares are joined
    <video stem><scorer>.dlcx.lock          who is at work on it, until it is done
    <video stem><scorer>_el.h5 .csv         tracks of the ellipse tracker (_bx box, _sk skeleton, _ctd CTD)
    <video stem><scorer>_el.pickle          tracklets; _el_swaps.csv and _el_tracking.json are dlcx's own
    ...[_filtered].h5 .csv                  the same poses, filtered; without "_" by DeepLabCut 2.0 and 2.1
    ..._p60_labeled.mp4                     the video with poses drawn in; ..._labeled.mp4.json, dlcx's own: which, how
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

#: How the names of files of linked poses end, by what linked them.
TRACK_ENDINGS = {"ellipse": "_el", "box": "_bx", "skeleton": "_sk", "ctd": "_ctd", "transformer": "_tr"}

#: Suffixes of the files that an analysis leaves, but for videos.
ANALYSIS_SUFFIXES = (".h5", ".csv", ".pickle", ".json", ".html", ".nwb", ".lock")


@dataclass(frozen=True)
class VideoPart:
    """The share ``number`` (from 1) of ``count`` of a video's frames."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(f"VideoPart: expected 1 <= number <= count, got {self}")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True)
class AnalysisFiles:
    """What an analysis of a video writes: ``<video stem><scorer>`` and an ending, beside the video or in ``folder``."""

    video: Path
    scorer: str
    folder: Path
    ending: str = ""

    @property
    def stem(self) -> str:
        """``<video stem><scorer>``, without a separator as DeepLabCut has it; a share's ``ending`` follows."""
        return f"{self.video.stem}{self.scorer}{self.ending}"

    @property
    def h5(self) -> Path:
        """Poses of every frame."""
        return self.folder / f"{self.stem}.h5"

    @property
    def csv(self) -> Path:
        """The same as text."""
        return self.folder / f"{self.stem}.csv"

    @property
    def full_pickle(self) -> Path:
        """Everything that the net found, before it was linked."""
        return self.folder / f"{self.stem}_full.pickle"

    @property
    def meta_pickle(self) -> Path:
        """How and when the video was analysed."""
        return self.folder / f"{self.stem}_meta.pickle"

    @property
    def stored_meta(self) -> Path:
        """The same, or the file of DeepLabCut 2.0 and 2.1 where only that is there."""
        old = self.folder / f"{self.stem}includingmetadata.pickle"
        return old if old.is_file() and not self.meta_pickle.is_file() else self.meta_pickle

    @property
    def assemblies(self) -> Path:
        """The animals of every frame, for tracking."""
        return self.folder / f"{self.stem}_assemblies.pickle"

    @property
    def frames(self) -> Path:
        """What became of every frame; dlcx's own."""
        return self.folder / f"{self.stem}_frames.csv"

    def tracks(self, tracker: str) -> Path:
        """Poses of every frame, linked by a tracker: ``<video stem><scorer>_el.h5``."""
        return self.folder / f"{self.stem}{TRACK_ENDINGS[tracker]}.h5"

    @property
    def store(self) -> Path:
        """Folder of dlcx's own chunk store."""
        return self.folder / f"{self.stem}.dlcx"

    @property
    def lock(self) -> Path:
        """Who is at work on them."""
        return self.folder / f"{self.stem}.dlcx.lock"

    def of_part(self, share: VideoPart) -> AnalysisFiles:
        """Where the chunk store and lock of a share of the frames lie."""
        return replace(self, ending=f".part{share.number}of{share.count}")

    @property
    def parts(self) -> dict[VideoPart, Path]:
        """The chunk stores of shares that are there, in order."""
        found = {}
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            match = re.fullmatch(rf"{re.escape(self.stem)}\.part([1-9]\d*)of([1-9]\d*)\.dlcx", path.name)
            if match and path.is_dir() and int(match[1]) <= int(match[2]):
                found[VideoPart(int(match[1]), int(match[2]))] = path
        return dict(sorted(found.items(), key=lambda item: (item[0].count, item[0].number)))

    def track_files(self, tracker: str) -> TrackFiles:
        """What linking the animals leaves, by what followed them."""
        return TrackFiles(self.folder, f"{self.stem}{TRACK_ENDINGS[tracker]}")

    @property
    def pose_files(self) -> list[PoseFile]:
        """Every file of poses of this video in the folder, whichever net, tracker or filter made it, by name."""
        stem = self.video.stem
        names = sorted(os.listdir(self.folder)) if self.folder.is_dir() else []
        paths = [self.folder / name for name in names if name.startswith(stem)]  # a folder may hold thousands
        found = {path.stem: file for path in paths if (file := PoseFile.of(path, stem))}  # h5 wins
        return list(found.values())


@dataclass(frozen=True)
class TrackFiles:
    """What linking the animals of a video leaves: ``<video stem><scorer>_<tracker>`` and an ending."""

    folder: Path
    stem: str

    @property
    def h5(self) -> Path:
        """Tracks: poses of every frame, by individual."""
        return self.folder / f"{self.stem}.h5"

    @property
    def csv(self) -> Path:
        """The same as text."""
        return self.folder / f"{self.stem}.csv"

    @property
    def tracklets(self) -> Path:
        """What was linked before stitching."""
        return self.folder / f"{self.stem}.pickle"

    @property
    def swaps(self) -> Path:
        """Where two tracks may have changed animals."""
        return self.folder / f"{self.stem}_swaps.csv"

    @property
    def record(self) -> Path:
        """How the animals were linked, and which swaps were mended by hand."""
        return self.folder / f"{self.stem}_tracking.json"


@dataclass(frozen=True)
class PoseFile:
    """A file of a video's poses: ``<video stem><scorer>[_<tracker>][_filtered].h5``, or a csv of that name.

    ``linked`` says that its animals are tracks, where the name does not say by which tracker.
    """

    path: Path
    video: str
    scorer: str
    tracker: str | None = None
    filtered: bool = False
    linked: bool = False

    @classmethod
    def from_path(cls, path: Path, stem: str, scorer: str, *, linked: bool) -> PoseFile:
        """A file that the user names, of any name; ``scorer`` is the one of its columns.

        ``stem`` is the video's; where the file's name begins otherwise (the video was renamed since) the name counts.
        """
        before, found, _ = path.stem.partition(scorer) if scorer else (stem, "", "")
        own = cls.of(path, before if found else stem) or cls(
            path, stem, scorer, filtered=path.stem.endswith("filtered")
        )
        return replace(own, linked=linked)

    @classmethod
    def of(cls, path: Path, stem: str) -> PoseFile | None:
        """Read the name of a file beside the video ``stem``; None when it holds no poses of it."""
        endings = "|".join(TRACK_ENDINGS.values())
        pattern = rf"{re.escape(stem)}((?:DLC|DeepCut).+?)({endings})?(_filtered|(?<=\d)filtered)?\.(?:h5|csv)"
        match = re.fullmatch(pattern, path.name)
        if match is None or match[1].endswith(("_skeleton", "_swaps", "_frames")):
            return None
        by_ending = {ending: name for name, ending in TRACK_ENDINGS.items()}
        return cls(path, stem, match[1], by_ending.get(match[2]), bool(match[3]))

    @property
    def is_linked(self) -> bool:
        """Whether each individual is one animal in all frames."""
        return self.linked or self.tracker is not None

    @property
    def made_by(self) -> re.Match[str] | None:
        """The groups ``shuffle`` (net, project and number), ``detector`` and ``snapshot`` of the scorer's name."""
        uid = r"(?:best-)?\d+"
        name = rf"(?P<shuffle>DLC_.+shuffle\d+)_(?:detector_(?P<detector>{uid})_)?snapshot_(?P<snapshot>{uid})"
        return re.fullmatch(name, self.scorer)

    @property
    def source(self) -> Path:
        """The poses that filtered ones were made from."""
        return self.path.with_name(f"{re.sub('_?filtered$', '', self.path.stem)}{self.path.suffix}")

    @property
    def filtered_h5(self) -> Path:
        """The same poses, filtered."""
        return self.path.with_name(f"{self.path.stem}_filtered.h5")

    @property
    def skeleton_h5(self) -> Path:
        """Lengths and angles of the bones."""
        return self.path.with_name(f"{self.path.stem}_skeleton.h5")

    def labeled_video(self, pcutoff: float, colors: str = "", suffix: str = ".mp4") -> Path:
        """The video with the poses drawn in; ``colors`` is ``_bp`` or ``_id`` for several animals."""
        return self.path.with_name(f"{self.path.stem}{colors}_p{int(100 * pcutoff)}_labeled{suffix}")

    def plot(self, kind: str, owner: str, suffix: str) -> Path:
        """A picture of plot-trajectories: ``plot-poses/<video>/<kind>[_filtered][<individual>].png``."""
        folder = self.path.parent / "plot-poses" / self.video
        return folder / f"{kind}{'_filtered' if self.filtered else ''}{owner}{suffix}"


def is_pytorch_scorer(scorer: str) -> bool:
    """Whether a scorer's name is that of a network of PyTorch; DeepLabCut 2.x wrote ``DLC_resnet50_...shuffle1_10``."""
    return "_snapshot_" in scorer


def origin_note(made: Path) -> Path:
    """Where it is written what a file that holds no text was made of; dlcx's own."""
    return made.with_name(f"{made.name}.json")
