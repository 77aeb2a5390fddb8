"""The engine and the batch size that ``auto`` means for a video, tried on its first frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from dlcx.analysis.frame_range import Crop
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.analysis.video_analysis import VideoAnalysis
    from dlcx.data.video_file import VideoFile


def with_automatic_choices(
    analysis: VideoAnalysis,
    video: VideoFile,
    frames: tuple[int, int],
    crop: Crop | None,
    earlier: Mapping[str, Any],
) -> VideoAnalysis:
    """Replace ``auto`` by an engine and a number of frames per forward pass.

    Parameters
    ----------
    frames
        The requested frames (first, stop) of the video.
    crop
        The region of the frames that the network sees.
    earlier
        The settings of the run that is resumed, whose choices are kept.
    """
    if analysis.net.engine == "auto":
        analysis = analysis.with_network(_fastest_engine(analysis, video, frames, crop, earlier))
    if analysis.batch_size == "auto":
        analysis = replace(analysis, batch_size=_fastest_batch_size(analysis, video, frames, crop, earlier))
    return analysis


def _fastest_engine(
    analysis: VideoAnalysis,
    video: VideoFile,
    frames: tuple[int, int],
    crop: Crop | None,
    earlier: Mapping[str, Any],
) -> TrainedNetwork:
    net, size = analysis.net, analysis.batch_size
    if engine := earlier.get("--engine"):
        return net.with_engine(engine)
    if analysis.temporal and analysis.temporal.dynamic_crop:  # crops of many sizes: slow to start in other engines
        return net.with_engine("torch")
    count = size if isinstance(size, int) else net.shuffle.project.batch_size
    images = _first_images(video, frames, crop, count)
    if images is None:
        return net.with_engine("torch")
    return net.with_fastest_engine(images, net.conditions_of_frames(frames[0], len(images), _corner(crop)))


def _fastest_batch_size(
    analysis: VideoAnalysis,
    video: VideoFile,
    frames: tuple[int, int],
    crop: Crop | None,
    earlier: Mapping[str, Any],
) -> int | None:
    """None if no size can be tried."""
    from dlcx.analysis.auto_batch_size import MAX_BATCH_SIZE, choose_batch_size

    if size := earlier.get("--batch-size"):
        return int(size)
    images = _first_images(video, frames, crop, MAX_BATCH_SIZE)
    if images is None:
        return None
    net = analysis.net
    return choose_batch_size(net.predictor, images, net.conditions_of_frames(frames[0], len(images), _corner(crop)))


def _corner(crop: Crop | None) -> tuple[int, int]:
    return (0, 0) if crop is None else (crop[0], crop[2])


def _first_images(video: VideoFile, frames: tuple[int, int], crop: Crop | None, count: int) -> np.ndarray | None:
    """At most ``count`` images (B, H, W, 3) from the first frame on; None if one of them is unreadable."""
    from dlcx.data.video import read_frames

    first, stop = frames
    batches = list(read_frames(video, 1, start=first, stop=min(first + count, stop), crop=crop))
    if not batches or not all(batch.readable.all() for batch in batches):
        return None
    return np.concatenate([batch.images for batch in batches])
