"""Measure the length and orientation of skeleton bones in videos."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.analysis.lookup.derived_files import is_there, origin_of
from dlcx.analysis.lookup.find_poses import FoundPoses, WantedPoses
from dlcx.analysis.many_videos import VideosResult, each_video, result_lines
from dlcx.errors import DlcxError
from dlcx.options.commands.analyze_skeleton import AnalyzeSkeletonOptions
from dlcx.options.entry_points import keyword_options
from dlcx.poses import Tracks

logger = logging.getLogger(__name__)

Bones = tuple[tuple[str, str], ...]

if TYPE_CHECKING:
    from dlcx.options.keywords import AnalyzeSkeletonKeywords


@dataclass(frozen=True)
class Bone:
    """Statistics of one bone over a video.

    ``length`` and ``deviation`` are the median length and its median absolute deviation in pixels, over the frames in
    which both ends of the bone reach ``pcutoff``.  ``sure`` is the fraction of these frames.
    """

    name: str
    length: float
    deviation: float
    sure: float


@dataclass(frozen=True)
class AnalyzedSkeleton:
    """The bones of one video and the files they are stored in."""

    video: Path
    poses: Path
    skeleton: Path
    csv: Path | None
    bones: tuple[Bone, ...]
    existed: bool

    def lines(self) -> list[str]:
        """Lines of the text output."""
        state = " (was there already)" if self.existed else ""
        width = max(4, *(len(bone.name) for bone in self.bones))
        lines = [f"skeleton: {self.skeleton}{state}", *([f"csv: {self.csv}"] if self.csv else [])]
        lines.append(f"{'bone':{width}}{'length px':>11}{'+-':>7}{'sure':>7}")
        for bone in self.bones:
            length, deviation = (
                f"{value:.1f}" if np.isfinite(value) else "-" for value in (bone.length, bone.deviation)
            )
            lines.append(f"{bone.name:{width}}{length:>11}{deviation:>7}{100 * bone.sure:>5.0f} %")
        return lines


@dataclass(frozen=True)
class AnalyzeSkeletonResult(VideosResult[AnalyzedSkeleton]):
    """The measured videos, and those that failed with the reason."""

    def lines(self) -> list[str]:
        """Lines of the text output."""
        return result_lines(self)


@keyword_options(AnalyzeSkeletonOptions)
def analyze_skeleton(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    **keywords: Unpack[AnalyzeSkeletonKeywords],
) -> AnalyzeSkeletonResult:
    """Write the length, orientation and likelihood of each skeleton bone in each frame.

    The bones are those under ``skeleton`` in config.yaml.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Files, folders and glob patterns.

    Returns
    -------
    AnalyzeSkeletonResult
        The bones and output files of each video, and the videos that failed.

    Raises
    ------
    DlcxError
        If config.yaml has no skeleton, or an option or the only video cannot be used.  If some of several videos
        cannot be used, the result names them.
    """
    options = AnalyzeSkeletonOptions.of(project=project, videos=videos, **keywords)
    wanted = WantedPoses.of(options)
    home = wanted.project
    if not home.skeleton:
        raise DlcxError(
            f"{home.config_path}: skeleton is empty", hint="List pairs of bodyparts there, such as [snout, tailbase]."
        )
    pcutoff = home.pcutoff if options.pcutoff is None else options.pcutoff
    found = wanted.videos(options.videos)
    done, failed = each_video(
        found,
        lambda video: _analyze(
            wanted.find(video), home.skeleton, pcutoff, csv=options.csv, overwrite=options.overwrite
        ),
    )
    return AnalyzeSkeletonResult(done, failed)


def _analyze(found: FoundPoses, skeleton: Bones, pcutoff: float, *, csv: bool, overwrite: bool) -> AnalyzedSkeleton:
    from dlcx.formats.predictions.skeleton import read_skeleton, write_skeleton

    target = found.file.skeleton_h5
    origin = origin_of(found.file.path, skeleton=[list(bone) for bone in skeleton])
    existed = is_there(target, origin, overwrite=overwrite)
    if existed:
        names, values = read_skeleton(target)
    else:
        tracks = found.stored()
        names, values = measure(tracks, skeleton)
        write_skeleton(names, values, target, first=tracks.first, csv=csv, origin=origin)
    csv_path = target.with_suffix(".csv")
    bones = tuple(_summary(name, values[:, number], pcutoff) for number, name in enumerate(names))
    return AnalyzedSkeleton(
        found.video, found.file.path, target, csv_path if csv_path.is_file() else None, bones, existed
    )


def measure(tracks: Tracks, skeleton: Bones) -> tuple[tuple[str, ...], np.ndarray]:
    """Measure the bones of all animals.

    Bones with a bodypart that the poses lack are skipped with a warning.

    Returns
    -------
    names : tuple of str
        Names of the B bones, prefixed by the individual in multi-animal projects.
    values : ndarray of shape (T, B, 3)
        Length in pixels, orientation in degrees in [0, 360), and likelihood (the lower one of both ends).

    Raises
    ------
    DlcxError
        If the poses have none of the bones.
    """
    layout = tracks.layout
    number = {part: index for index, part in enumerate(layout.bodyparts)}
    known = [bone for bone in skeleton if bone[0] in number and bone[1] in number]
    if not known:
        raise DlcxError(f"the poses have no bone of config.yaml's skeleton: {_joined(skeleton)}")
    if left_out := [bone for bone in skeleton if bone not in known]:
        logger.warning("the poses have no %s", _joined(left_out))
    start, stop = ([number[bone[end]] for bone in known] for end in (0, 1))
    arrow = (tracks.xy[:, :, stop] - tracks.xy[:, :, start]).astype(np.float64)  # (T, A, B, 2)
    angle = np.degrees(np.arctan2(arrow[..., 1], arrow[..., 0])) % 360
    likelihood = np.minimum(tracks.score[:, :, start], tracks.score[:, :, stop])
    values = np.stack([np.linalg.norm(arrow, axis=-1), angle, likelihood], -1)
    owners = [f"{animal}_" if layout.multi else "" for animal in layout.individuals]
    names = tuple(f"{owner}{one}_{other}" for owner in owners for one, other in known)
    return names, values.reshape(len(tracks), -1, 3)


def _summary(name: str, values: np.ndarray, pcutoff: float) -> Bone:
    reliable = (values[:, 2] >= pcutoff) & np.isfinite(values[:, 0])
    length = values[reliable, 0]
    median = float(np.median(length)) if len(length) else np.nan
    deviation = float(np.median(np.abs(length - median))) if len(length) else np.nan
    return Bone(name, median, deviation, float(reliable.mean()) if len(reliable) else 0.0)


def _joined(bones: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{one}-{other}" for one, other in bones)
