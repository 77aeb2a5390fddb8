"""Check whether poses belong to a video. Every command that looks up poses compares the two through this module.

The chunk store of an analysis holds the fingerprint of the video, which identifies it even if it was moved, renamed, or
touched. Without a store, as for poses written by DeepLabCut, the frame count, frame size, and frame rate in
``_meta.pickle`` are compared with those of the video.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.analysis_files import AnalysisFiles
from dlcx.errors import DlcxError

if TYPE_CHECKING:
    from dlcx.data.video_identity import VideoHeader
    from dlcx.formats.predictions.analysis_pickles import AnalysisMeta
    from dlcx.poses import Tracks

logger = logging.getLogger(__name__)

#: Relative difference of two frame rates that count as the same: 29.97 and 30 do, 25 and 30 do not.
ROUNDED_RATE = 0.005
#: Fraction of the poses that may lie outside the frame: networks extrapolate animals that are partly out of view.
MOST_OUTSIDE = 0.1
#: The flag with which users confirm that poses belong to a changed video file.
FLAG = "--allow-changed-video"


@dataclass(frozen=True)
class Comparison:
    """The properties that were compared between a video and the analyzed one, and their differences."""

    compared: tuple[str, ...]
    differences: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether the content was compared."""
        return self.compared == ("content",)


def compare_video(video: Path, files: AnalysisFiles) -> Comparison:
    """Compare a video with the metadata of its analysis. Reads at most 2 MiB and one frame of the video.

    Raises
    ------
    DlcxError
        If the metadata cannot be read, or there is no store and the video cannot be opened.
    """
    if (stored := _stored_fingerprint(files)) is not None:
        return _by_content(video, stored)
    from dlcx.data.video_identity import read_header
    from dlcx.formats.predictions.analysis_pickles import read_meta_pickle

    if not files.stored_meta.is_file():
        return Comparison(())
    return _by_metadata(video, read_header(video), read_meta_pickle(files.stored_meta))


def check_video(
    video: Path, files: AnalysisFiles, poses: Path, hint: str, *, allow_changed: bool = False
) -> Comparison:
    """Refuse poses of another video, or log a warning if ``allow_changed``.

    ``hint`` explains how to analyze the video again.

    Raises
    ------
    DlcxError
        If this is not the analyzed video; the message names the poses, the video, and the differences.
    """
    from dlcx.data.video_identity import read_header

    found = compare_video(video, files)
    if found.differences:
        refuse(video, poses, "; ".join(found.differences), hint, allow_changed=allow_changed)
    elif not found.compared:
        try:
            read_header(video)
        except DlcxError:
            logger.warning("%s cannot be opened: whether %s holds its poses was not checked", video, poses.name)
            return found
        logger.warning(
            "%s: neither a chunk store nor %s says which video it is of: only its frames were compared with %s",
            poses.name,
            files.meta_pickle.name,
            video.name,
        )
    elif not found.certain:
        logger.info("%s: %s fit %s", poses.name, ", ".join(found.compared), video.name)
    return found


def check_frames(video: Path, tracks: Tracks, poses: Path, hint: str, *, allow_changed: bool) -> None:
    """Compare the number of frames and the positions of poses with the video, for poses without any metadata.

    The poses may cover fewer frames than the video has, because part of a video can be analyzed.

    Raises
    ------
    DlcxError
        If the poses cannot belong to this video.
    """
    import numpy as np

    from dlcx.data.video_identity import read_header

    try:
        header = read_header(video)
    except DlcxError:
        return
    differences = []
    stop = tracks.first + len(tracks)
    if stop > header.frames and stop > _frames(video):
        differences.append(f"it reaches to frame {stop - 1}, the video has {_frames(video)} frames")
    xy = np.concatenate([tracks.xy.reshape(-1, 2), tracks.unique_xy.reshape(-1, 2)])
    xy = xy[np.isfinite(xy).all(1)]
    width, height = (max(size[side] for size in header.sizes) for side in (0, 1))
    outside = (xy >= (width, height)).any(1)
    if len(xy) and outside.mean() > MOST_OUTSIDE:
        differences.append(f"{outside.mean():.0%} of its positions lie outside of frames of {width}x{height} pixels")
    if differences:
        refuse(video, poses, "; ".join(differences), hint, allow_changed=allow_changed)


def refuse(video: Path, poses: Path, difference: str, hint: str, *, allow_changed: bool) -> None:
    """Raise the error for poses of another video, or log it as a warning if ``allow_changed``.

    Raises
    ------
    DlcxError
        Unless ``allow_changed``.
    """
    message = f"{poses} holds the poses of another video than {video}: {difference}"
    if not allow_changed:
        raise DlcxError(message, hint=f"{hint} Add {FLAG} only if every frame shows the same picture as before.")
    logger.warning("%s; used because of %s", message, FLAG)


def _stored_fingerprint(files: AnalysisFiles) -> Mapping[str, Any] | None:
    """Return the fingerprint of the analyzed video; None if no store holds it."""
    from dlcx.store.manifest import stored_settings, written_frames
    from dlcx.store.settings_check import VIDEO

    try:
        written, settings = written_frames(files.store), stored_settings(files.store) if files.store.is_dir() else None
    except DlcxError as error:
        logger.warning("%s", error)
        return None
    video = (settings or {}).get(VIDEO)
    if not isinstance(video, Mapping):
        return None
    if written is None:  # the existing files may come from an earlier analysis
        logger.warning("%s: an analysis was started and did not finish", files.store)
        return None
    return video


def _by_content(video: Path, stored: Mapping[str, Any]) -> Comparison:
    from dlcx.data.video_identity import fingerprint, same_content

    own = fingerprint(video)
    if same_content(own, stored):
        return Comparison(("content",))
    there, here = stored.get("bytes"), own["bytes"]
    sizes = f"{there} bytes were analyzed, the file has {here}" if there != here else "the content has changed"
    return Comparison(("content",), (sizes,))


def _by_metadata(video: Path, header: VideoHeader, meta: AnalysisMeta) -> Comparison:
    differences = []
    if not _has_frames(video, header, int(meta.frames)):
        differences.append(f"{meta.frames} frames were analyzed, the file has {_frames(video)}")
    if not any(_fits(size, meta) for size in header.sizes):
        width, height = sorted(header.sizes)[-1]
        what = f"frames of {meta.size[0]}x{meta.size[1]} pixels"
        if meta.crop is not None:
            x1, x2, y1, y2 = meta.crop
            what = f"the part {x1},{x2},{y1},{y2} of its frames"
        differences.append(f"{what} were analyzed, those of the file have {width}x{height}")
    if _other_rate(float(meta.fps), header.fps):
        differences.append(f"{meta.fps:g} frames a second were analyzed, the file has {header.fps:g}")
    return Comparison(("frame count", "frame size", "frame rate"), tuple(differences))


def _has_frames(video: Path, header: VideoHeader, count: int) -> bool:
    """Return whether a video has ``count`` frames according to its header or, if that differs, to an actual count."""
    return count == header.frames or count == _frames(video)


def _frames(video: Path) -> int:
    from dlcx.data.video import open_video

    return open_video(video).frames


def _fits(size: tuple[int, int], meta: AnalysisMeta) -> bool:
    """Return whether the analyzed frames had this size or were cropped from frames of this size."""
    if meta.crop is None:
        return size == tuple(meta.size)
    _, x2, _, y2 = meta.crop
    return x2 <= size[0] and y2 <= size[1]


def _other_rate(analyzed: float, here: float) -> bool:
    known = math.isfinite(analyzed) and math.isfinite(here) and analyzed > 0
    return known and abs(analyzed - here) > ROUNDED_RATE * analyzed
