"""Whether the poses in a file are those of a video: the one place where commands that look poses up compare the two.

The chunk store of an analysis knows the video's fingerprint, so a video that was moved, renamed or touched is known
again.  Without a store, as of poses that DeepLabCut wrote, the frame count, frame size and frame rate of
``_meta.pickle`` are compared with the video's.
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
#: Share of the poses that may lie outside of the frame: nets guess points of an animal that is partly out of sight.
MOST_OUTSIDE = 0.1
#: The flag by which a user says that the poses fit although the file is another one.
FLAG = "--allow-changed-video"


@dataclass(frozen=True)
class Comparison:
    """What was compared of a video and of the one that was analyzed, and in what the two differ."""

    compared: tuple[str, ...]
    differences: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether the content was compared."""
        return self.compared == ("content",)


def compare_video(video: Path, files: AnalysisFiles) -> Comparison:
    """Compare a video with what its analysis says of it; at most 2 MiB and one frame of it are read.

    Raises
    ------
    DlcxError
        When the metadata cannot be read, or there is no store and the video cannot be opened.
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
    """Refuse poses of another video; warn about them where a changed video is allowed.

    ``hint`` says how the video is analyzed again.

    Raises
    ------
    DlcxError
        When the video is not the one that was analyzed; names the poses, the video and what differs.
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
    """Where nothing else says which video poses are of: compare their frames and positions with the video.

    There may be fewer frames than the video has: part of a video can be analyzed.

    Raises
    ------
    DlcxError
        When they cannot be of this video.
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
    """Raise the error that poses are of another video, or say it where that is allowed."""
    message = f"{poses} holds the poses of another video than {video}: {difference}"
    if not allow_changed:
        raise DlcxError(message, hint=f"{hint} Add {FLAG} only if every frame shows the same picture as before.")
    logger.warning("%s; used because of %s", message, FLAG)


def _stored_fingerprint(files: AnalysisFiles) -> Mapping[str, Any] | None:
    """The fingerprint of the video whose poses the files hold; None where no store says it."""
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
    if written is None:  # the files that are there may be those of an earlier analysis
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
    """Whether a video has so many frames, as its header says or as counted where that says something else."""
    return count == header.frames or count == _frames(video)


def _frames(video: Path) -> int:
    from dlcx.data.video import open_video

    return open_video(video).frames


def _fits(size: tuple[int, int], meta: AnalysisMeta) -> bool:
    """Whether frames of a size are those that were analyzed, or hold the part that was."""
    if meta.crop is None:
        return size == tuple(meta.size)
    _, x2, _, y2 = meta.crop
    return x2 <= size[0] and y2 <= size[1]


def _other_rate(analyzed: float, here: float) -> bool:
    known = math.isfinite(analyzed) and math.isfinite(here) and analyzed > 0
    return known and abs(analyzed - here) > ROUNDED_RATE * analyzed
