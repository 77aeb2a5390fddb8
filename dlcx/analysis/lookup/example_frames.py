"""Frames to try a network on: labeled images of a project, test images first, or frames of a video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlcx.errors import DlcxError
from dlcx.user_paths import user_path

if TYPE_CHECKING:
    from dlcx.data.labeled_images import LabeledImage
    from dlcx.project import Shuffle


@dataclass(frozen=True)
class Frame:
    """An image (H, W, 3) uint8 RGB, with its labels if it has any."""

    image: np.ndarray
    labeled: LabeledImage | None = None


def real_frames(place: Shuffle, video: str | Path | None, count: int) -> Iterator[Frame]:
    """Yield at most ``count`` frames, spread evenly over the video or over the labeled images of a shuffle.

    Raises
    ------
    DlcxError
        If there are no frames.
    """
    return _of_labels(place, count) if video is None else _of_video(user_path(video), count)


def spread(total: int, count: int) -> list[int]:
    """Return at most ``count`` indices below ``total``, spaced evenly from first to last."""
    numbers: list[int] = np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int)).tolist()
    return numbers


def _of_video(path: Path, count: int) -> Iterator[Frame]:
    from dlcx.data.video import open_video, read_frame

    video = open_video(path)
    for number in spread(video.frames, count):
        if (image := read_frame(video, number)) is not None:
            yield Frame(image)


def _of_labels(place: Shuffle, count: int) -> Iterator[Frame]:
    from dlcx.data.images import read_image
    from dlcx.data.labeled_images import LabeledImage
    from dlcx.formats.shuffles.training_set import load_training_set

    labels, split = load_training_set(place)
    rows = [*split.test[spread(len(split.test), count)]] if len(split.test) else []
    rows += [*split.train[spread(len(split.train), count)]] if len(split.train) else []
    if not rows:
        raise DlcxError(f"{place.name} has no labeled images", hint="Name a video: --video FILE.")
    for row in rows[:count]:
        path = place.project.root.joinpath(*labels.images[row])
        image = read_image(path)
        yield Frame(image, LabeledImage(image, labels.pose(row), path))
