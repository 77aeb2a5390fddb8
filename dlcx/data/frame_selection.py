"""Which frames of a video are worth a label: drawn at random, or one out of each cluster of frames that look alike.

Nath et al., "Using DeepLabCut for 3D markerless pose estimation across species and behaviors", Nature Protocols 2019.
The draws are those of DeepLabCut 3.0.2 on the same processor when numpy's generator has the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from dlcx.data.video import read_frames
from dlcx.data.video_file import VideoFile
from dlcx.errors import DlcxError, did_you_mean
from dlcx.progress import Task

METHODS = ("kmeans", "uniform")
_BATCH = 16  # frames decoded together


def check_method(method: str) -> None:
    """Whether frames can be chosen by a method, before a video is read.

    Raises
    ------
    DlcxError
        When there is no such method, or what it needs is not installed.
    """
    if method not in METHODS:
        raise DlcxError(f"--method {method}: no such method", hint=did_you_mean(method, METHODS))
    if method == "kmeans":
        try:
            import sklearn.cluster  # noqa: F401
        except ImportError as error:
            raise DlcxError(
                f"--method kmeans needs scikit-learn, which cannot be imported: {error}",
                hint="Install it with: pip install scikit-learn, or use --method uniform.",
            ) from error


def candidate_frames(frames: int, start: float, stop: float, among: Sequence[int] | None = None) -> np.ndarray:
    """Numbers of the frames between shares ``start`` and ``stop`` of a video, or those ``among`` given ones.

    Of given frames the one at the very start is left out, as in DeepLabCut.
    """
    first, last = math.floor(frames * start), math.ceil(frames * stop)
    if among is None:
        return np.arange(first, last)
    given = np.asarray(sorted(among), int)
    return given[(given > first) & (given < last)]


def sample_uniform(numbers: np.ndarray, count: int, draw: np.random.RandomState) -> list[int]:
    """``count`` of the frames ``numbers``, in the order drawn; all of them, shuffled, when there are no more."""
    return draw.choice(numbers, size=min(count, len(numbers)), replace=False).tolist() if len(numbers) else []


def sample_from_clusters(images: np.ndarray, numbers: np.ndarray, count: int, draw: np.random.RandomState) -> list[int]:
    """One frame of each of ``count`` clusters of images (N, D) that look alike; of no more frames than that, all.

    Where two clusters start from the same image, rounding decides which of them takes it, so that processors may
    disagree on the frames.
    """
    if len(numbers) <= count:
        return numbers.tolist()
    from sklearn.cluster import MiniBatchKMeans

    batch = 100 if len(numbers) >= 100 else len(numbers) // 2
    finder = MiniBatchKMeans(count, tol=1e-3, batch_size=batch, max_iter=50, n_init=1, random_state=draw)
    labels = finder.fit(images - images.mean(0)).labels_
    members = (np.flatnonzero(labels == cluster) for cluster in range(count))
    return [int(numbers[own[draw.randint(len(own))]]) for own in members if len(own)]


def downsampled_frames(
    video: VideoFile,
    numbers: np.ndarray,
    *,
    width: int = 30,
    color: bool = False,
    crop: tuple[int, int, int, int] | None = None,
    task: Task | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The frames ``numbers`` (ascending) as rows (N, D) of shrunken pixels, and which of them can be decoded (N,).

    Nearest pixels, ``width`` of them a line; grey by the mean of the channels, or with ``color`` all three.
    """
    rows: list[np.ndarray] = []
    readable = np.zeros(len(numbers), bool)
    wanted = {int(number): place for place, number in enumerate(numbers)}
    for batch in read_frames(video, _BATCH, start=int(numbers[0]), stop=int(numbers[-1]) + 1, crop=crop):
        for offset in range(len(batch)):
            place = wanted.get(batch.first + offset)
            if place is None or not batch.readable[offset]:
                continue
            image = batch.images[offset]
            ratio = width / image.shape[1]
            small = cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_NEAREST)
            rows.append(np.hstack(np.moveaxis(small, -1, 0)).ravel() if color else small.mean(-1).ravel())
            readable[place] = True
        if task:
            task.advance(len(batch))
    return np.array(rows, np.float64), readable
