"""Options of ``dlcx evaluate-tracks``."""

from dataclasses import dataclass
from pathlib import Path

from dlcx.options.base import Options, argument, option
from dlcx.options.limits import MANY, Range, whole
from dlcx.options.video import FrameRange, frames_option


@dataclass(frozen=True, kw_only=True)
class EvaluateTracksOptions(Options):
    """Compare tracks with ground-truth tracks: HOTA, IDF1, MOTA, identity switches, fragmentations.

    Animals are matched by position, never by name. Poses are compared by object keypoint similarity: the mean over the
    true keypoints of exp(-d^2 / (2 scale^2 (2 sigma)^2)), with d in pixels; a keypoint without a prediction counts as
    0. The scale of an animal is the square root of its area. The area is 6 times the mean squared distance of its
    keypoints from their mean (median over the video). Frames in which TRUTH has no animal are skipped. An animal whose
    keypoints all have likelihood 0 in TRUTH counts as hidden, so it is neither missed nor a false positive.
    """

    predicted: Path = argument("Tracks to evaluate: h5, csv, or SLEAP's analysis.h5.", "PREDICTED")
    truth: Path = argument("True tracks, in any of these formats.", "TRUTH")
    frames: FrameRange | None = frames_option("Evaluate only frames A to B of TRUTH, B excluded.")
    offset: int = option(0, "Number to add to the frame numbers of PREDICTED.", limits=whole(-MANY, MANY))
    sigma: float = option(0.1, "Width of the similarity, relative to the scale.", limits=Range(0.0001, 100))
    threshold: float = option(
        0.5,
        "Similarity above which two poses match; HOTA averages over many thresholds.",
        limits=Range(0, 1, open=True),
    )
    scale: float | None = option(
        None,
        "Scale of an animal, in pixels.",
        metavar="PX",
        limits=Range(0.001, 10**6),
        show_default="estimated from TRUTH",
    )
