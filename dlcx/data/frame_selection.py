"""Select frames of a video for labeling: at random, or one from each cluster of similar frames.

Nath et al., "Using DeepLabCut for 3D markerless pose estimation across species and behaviors", Nature Protocols 2019.
With the same seed of numpy's generator, the selection equals that of DeepLabCut 3.0.2 on the same processor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from dlcx.data.video import read_frames
from dlcx.data.video_file import VideoFile
from dlcx.errors import DlcxError
from dlcx.progress import Task

_BATCH_SIZE = 16


def check_method(method: str) -> None:
    """Check that a method of selection can be used, before a video is read.

    Raises
    ------
    DlcxError
        If the dependency of the method is not installed.
    """
    if method == "kmeans":
        try:
            import sklearn.cluster  # noqa: F401
        except ImportError as error:
            raise DlcxError(
                f"--method kmeans requires scikit-learn, which cannot be imported: {error}",
                hint="Install it with `pip install scikit-learn`, or use --method uniform.",
            ) from error


def candidate_frames(frames: int, start: float, stop: float, among: Sequence[int] | None = None) -> np.ndarray:
    """List the frames that may be selected.

    Parameters
    ----------
    frames
        Number of frames of the video.
    start, stop
        Part of the video, as fractions of its length.
    among
        Frame numbers to choose from; default: all.  Those at the very start or end of the part are left out, as in
        DeepLabCut.

    Returns
    -------
    numpy.ndarray
        Frame numbers in ascending order.

    Examples
    --------
    >>> candidate_frames(10, 0.25, 0.5)
    array([2, 3, 4])
    """
    first, last = math.floor(frames * start), math.ceil(frames * stop)
    if among is None:
        return np.arange(first, last)
    given = np.asarray(sorted(among), int)
    return given[(given > first) & (given < last)]


def sample_uniform(numbers: np.ndarray, count: int, random: np.random.RandomState) -> list[int]:
    """Sample ``count`` of the frames ``numbers`` without replacement, in random order; all if there are fewer."""
    return random.choice(numbers, size=min(count, len(numbers)), replace=False).tolist() if len(numbers) else []


def sample_from_clusters(
    images: np.ndarray, numbers: np.ndarray, count: int, random: np.random.RandomState
) -> list[int]:
    """Cluster images by k-means and sample one frame from each cluster.

    If two clusters start from the same image, rounding decides which of them keeps it, so the result may depend on the
    processor.

    Parameters
    ----------
    images
        (N, D), see :func:`downsampled_frames`.
    numbers
        Frame numbers (N,) of the images.
    count
        Number of clusters.
    random
        Source of random numbers.

    Returns
    -------
    list of int
        Frame numbers, at most one per cluster; all frames if there are no more than ``count``.
    """
    if len(numbers) <= count:
        result: list[int] = numbers.tolist()
        return result
    from sklearn.cluster import MiniBatchKMeans

    batch = 100 if len(numbers) >= 100 else len(numbers) // 2
    clustering = MiniBatchKMeans(count, tol=1e-3, batch_size=batch, max_iter=50, n_init=1, random_state=random)
    labels = clustering.fit(images - images.mean(0)).labels_
    members = (np.flatnonzero(labels == cluster) for cluster in range(count))
    return [int(numbers[own[random.randint(len(own))]]) for own in members if len(own)]


def downsampled_frames(
    video: VideoFile,
    numbers: np.ndarray,
    *,
    width: int = 30,
    color: bool = False,
    crop: tuple[int, int, int, int] | None = None,
    task: Task | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Decode frames and downsample them for clustering, with nearest-neighbor interpolation.

    Parameters
    ----------
    video
        See :func:`dlcx.data.video.open_video`.
    numbers
        Frame numbers in ascending order.
    width
        Width of the downsampled images in pixels.
    color
        Keep all three channels instead of their mean.
    crop
        x1, x2, y1, y2 in pixels; default: the full frame.
    task
        Advances with every decoded frame.

    Returns
    -------
    tuple of numpy.ndarray
        Pixels (N, D) of the decodable frames, and whether each of ``numbers`` can be decoded.
    """
    rows: list[np.ndarray] = []
    readable = np.zeros(len(numbers), bool)
    wanted = {int(number): index for index, number in enumerate(numbers)}
    for batch in read_frames(video, _BATCH_SIZE, start=int(numbers[0]), stop=int(numbers[-1]) + 1, crop=crop):
        for offset in range(len(batch)):
            index = wanted.get(batch.first + offset)
            if index is None or not batch.readable[offset]:
                continue
            image = batch.images[offset]
            ratio = width / image.shape[1]
            small = cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_NEAREST)
            rows.append(np.hstack(np.moveaxis(small, -1, 0)).ravel() if color else small.mean(-1).ravel())
            readable[index] = True
        if task:
            task.advance(len(batch))
    return np.array(rows, np.float64), readable
