"""``dlcx evaluate-tracks``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.analyze_video import parse_frames
from dlcx.cli.options import Call, command


@command
def evaluate_tracks(
    call: Call,
    predicted: Annotated[Path, typer.Argument(metavar="PREDICTED", help="Tracks: h5, csv, or SLEAP's analysis.h5.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="True tracks, in any of these formats.")],
    frames: Annotated[
        str | None, typer.Option("--frames", metavar="A:B", help="Judge only frames A to B of TRUTH, B left out.")
    ] = None,
    offset: Annotated[int, typer.Option("--offset", help="Added to the frame numbers of PREDICTED.")] = 0,
    sigma: Annotated[float, typer.Option("--sigma", help="Width of the similarity relative to the scale.")] = 0.1,
    threshold: Annotated[
        float, typer.Option("--threshold", help="Similarity from which poses are of one animal; HOTA takes many.")
    ] = 0.5,
    scale: Annotated[
        float | None,
        typer.Option("--scale", metavar="PX", help="Root of an animal's area.", show_default="told from TRUTH"),
    ] = None,
) -> Any:
    """Compare tracks with true ones: HOTA, IDF1, MOTA, identity switches, fragmentations.

    Animals are paired by where they are, never by name. Poses are compared by object keypoint similarity, the mean over
    the true keypoints of exp(-d^2 / (2 scale^2 (2 sigma)^2)), d in pixels; a keypoint without prediction counts 0.
    The scale of an animal is the root of its area: 6 times the mean squared distance of its keypoints from their
    mean, median over the video. Frames in which TRUTH has no animal are not judged; an animal whose keypoints all
    have likelihood 0 in TRUTH is hidden, neither missed nor false.
    """
    from dlcx.workflow.evaluate_tracks import evaluate_tracks as workflow

    return workflow(
        predicted,
        truth,
        frames=parse_frames(frames),
        offset=offset,
        sigma=sigma,
        threshold=threshold,
        scale=scale,
    )
