"""Evaluate tracks against ground truth."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.analysis.frame_range import frame_range
from dlcx.errors import DlcxError
from dlcx.metrics.tracks import TrackMetrics
from dlcx.metrics.tracks import evaluate_tracks as compare
from dlcx.options.commands.evaluate_tracks import EvaluateTracksOptions
from dlcx.options.entry_points import keyword_options
from dlcx.poses import Tracks

logger = logging.getLogger(__name__)

#: Maximum number of identity switches to print; ``--json`` lists all of them.
MOST = 10

if TYPE_CHECKING:
    from dlcx.options.keywords import EvaluateTracksKeywords


@dataclass(frozen=True)
class EvaluateTracksResult:
    """Tracking metrics of ``predicted``, computed on the ``bodyparts`` that both files contain."""

    predicted: Path
    truth: Path
    bodyparts: tuple[str, ...]
    sigma: float
    threshold: float
    metrics: TrackMetrics

    def lines(self) -> list[str]:
        """Return the lines to print: metrics, counts, a table of the true animals, the first identity switches."""
        m = self.metrics
        empty = f" ({m.empty} more without a true animal)" if m.empty else ""
        width = max([6, *(len(one.name) for one in m.animals)]) + 2
        columns = f"{'frames':>7}{'found':>7}{'IDF1':>8}{'switches':>10}{'fragm.':>8}{'error px':>10}  track"
        lines = [
            f"frames: {m.frames}{empty}, animals: {len(m.animals)}, bodyparts: {len(self.bodyparts)}",
            f"similarity: scale {m.scale:.1f} px, sigma {self.sigma:g}, from {self.threshold:g} on the same animal",
            f"HOTA: {m.HOTA:.4f} (DetA {m.DetA:.4f}, AssA {m.AssA:.4f}, LocA {m.LocA:.4f})",
            f"IDF1: {m.IDF1:.4f} (IDP {m.IDP:.4f}, IDR {m.IDR:.4f})",
            f"MOTA: {m.MOTA:.4f} ({m.missed} missed and {m.false} false of {m.found + m.missed} poses)",
            f"identity switches: {m.switches}",
            f"fragmentations: {m.fragmentations}",
            f"{'animal':{width}}{columns}",
        ]
        lines += [
            f"{one.name:{width}}{one.frames:>7}{one.found:>7}{one.IDF1:>8.4f}{one.switches:>10}{one.fragmentations:>8}"
            f"{'-' if np.isnan(one.error) else format(one.error, '.2f'):>10}  {one.track or '-'}"
            for one in m.animals
        ]
        lines += [f"switch: frame {one.frame}, {one.animal}, {one.before} -> {one.after}" for one in m.switched[:MOST]]
        left = len(m.switched) - MOST
        return lines + ([f"switch: {left} more"] if left > 0 else [])


@keyword_options(EvaluateTracksOptions)
def evaluate_tracks(
    predicted: str | Path,
    truth: str | Path,
    **keywords: Unpack[EvaluateTracksKeywords],
) -> EvaluateTracksResult:
    """Compare tracks with ground-truth tracks; animals are matched by position, not by name.

    HOTA, IDF1 and MOTA are based on object keypoint similarity: the mean over an animal's true keypoints of
    exp(-d^2 / (2 * scale^2 * (2 * sigma)^2)), with d in pixels, and 0 for a keypoint without a prediction.  The scale
    of an animal is the square root of its area: 6 times the mean squared distance of its keypoints from their mean,
    median over the video.  For IDF1, MOTA, switches and fragmentations, poses match if their similarity is at least
    ``threshold``; HOTA averages over thresholds from 0.05 to 0.95.

    Frames are matched by number and bodyparts by name.  Bodyparts that only one file contains are ignored, and so are
    frames without a true animal; true animals in frames without predictions count as missed.  True keypoints count if
    their likelihood is above 0; an animal whose keypoints all have likelihood 0 is hidden, neither missed nor false.

    Parameters
    ----------
    predicted, truth
        Tracks written by DeepLabCut or dlcx, as h5 (any key) or csv, or SLEAP's ``analysis.h5``.

    Returns
    -------
    EvaluateTracksResult
        HOTA, IDF1, MOTA, their components, and errors of each animal.

    Raises
    ------
    DlcxError
        If a file cannot be read as tracks, or the files have no bodypart or frame in common.
    """
    options = EvaluateTracksOptions.of(predicted=predicted, truth=truth, **keywords)
    found, true = options.predicted, options.truth
    mine, theirs = read_tracks(found), _part(read_tracks(true), options.frames)
    mine = replace(mine, first=mine.first + options.offset)
    parts = tuple(part for part in theirs.layout.bodyparts if part in mine.layout.bodyparts)
    if not parts:
        raise DlcxError(
            f"{found} and {true} share no bodypart: {', '.join(mine.layout.bodyparts[:6])} ..."
            f" and {', '.join(theirs.layout.bodyparts[:6])} ...",
        )
    if min(mine.first + len(mine), theirs.first + len(theirs)) <= max(mine.first, theirs.first):
        raise DlcxError(
            f"{found} and {true} share no frame: {_range(mine)} and {_range(theirs)}",
            hint="--offset N is added to the frame numbers of the first file.",
        )
    _warn_of_missing(mine, theirs, found)
    if not np.isfinite(theirs.xy).any():
        raise DlcxError(f"{true}: no animal in {_range(theirs)}")
    try:
        metrics = compare(mine, theirs, sigma=options.sigma, threshold=options.threshold, scale=options.scale)
    except ValueError as error:
        raise DlcxError(f"{true}: {error}", hint="Name the animals' size in pixels with --scale.") from error
    return EvaluateTracksResult(found, true, parts, options.sigma, options.threshold, metrics)


def read_tracks(path: Path) -> Tracks:
    """Read tracks written by DeepLabCut, dlcx or SLEAP.

    Returns
    -------
    Tracks
        Positions in pixels of the full frame.

    Raises
    ------
    DlcxError
        If the file is missing or has an unknown format.
    """
    from dlcx.formats.predictions.sleap_analysis import is_sleap_analysis, read_sleap_analysis
    from dlcx.formats.predictions.video_predictions import read_predictions

    if path.suffix not in (".h5", ".csv"):
        raise DlcxError(
            f"{path}: not a file of tracks",
            hint="Expected an h5 or csv of DeepLabCut or dlcx, or SLEAP's analysis.h5 ",
        )
    return read_sleap_analysis(path) if is_sleap_analysis(path) else read_predictions(path)


def _part(tracks: Tracks, frames: tuple[int | None, int | None] | None) -> Tracks:
    """Select a range of frames by their numbers in the video."""
    if frames is None:
        return tracks
    first, stop = frame_range(frames)
    start = max((first or 0) - tracks.first, 0)
    rows = slice(start, None if stop is None else max(stop - tracks.first, start))
    part = replace(
        tracks,
        xy=tracks.xy[rows],
        score=tracks.score[rows],
        unique_xy=tracks.unique_xy[rows],
        unique_score=tracks.unique_score[rows],
        first=tracks.first + start,
    )
    if not len(part):
        raise DlcxError(
            f"--frames {'' if first is None else first}:{'' if stop is None else stop}: the truth has {_range(tracks)}"
        )
    return part


def _warn_of_missing(mine: Tracks, theirs: Tracks, found: Path) -> None:
    """Warn that frames without predictions count as missed."""
    first, stop = max(mine.first, theirs.first), min(mine.first + len(mine), theirs.first + len(theirs))
    outside = np.isfinite(theirs.xy).any((1, 2, 3))
    outside[first - theirs.first : stop - theirs.first] = False
    if missing := int(outside.sum()):
        logger.warning(
            "%s has %s, the truth %s: animals of the %d frames that it lacks count as missed; --frames %d:%d judges "
            "the others alone",
            found,
            _range(mine),
            _range(theirs),
            missing,
            first,
            stop,
        )


def _range(tracks: Tracks) -> str:
    return f"frames {tracks.first}:{tracks.first + len(tracks)}"
