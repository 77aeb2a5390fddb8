"""Find, read, compare and cache image files; pixels are RGB uint8."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from dlcx.data.find_files import find_files
from dlcx.errors import DlcxError
from dlcx.untrusted_files import MAX_IMAGE_BYTES, image_header, read_bytes

#: Suffixes of the files that count as images in folders.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

#: Maximum difference in gray levels, averaged over 4 x 4 pixels, that lossy compression causes.
MAX_COMPRESSION_ERROR = 12

Item = TypeVar("Item")


def find_images(wanted: Sequence[str | Path]) -> list[Path]:
    """Find the images that paths, folders and glob patterns name.

    Images with drawn labels (``*labeled.*``) are skipped, see :func:`dlcx.data.find_files.find_files`.

    Returns
    -------
    list of Path
        Each image once, in the order of ``wanted``, sorted within a folder or pattern.

    Raises
    ------
    DlcxError
        If a path does not exist, or no image is found.
    """
    return find_files(wanted, IMAGE_SUFFIXES, "image", is_output=lambda entry: entry.stem.endswith("labeled"))


def same_size_batches(
    items: Iterable[Item], batch_size: int, size: Callable[[Item], tuple[int, ...]]
) -> Iterator[list[Item]]:
    """Group consecutive items of equal size, so that each group can share a forward pass.

    Parameters
    ----------
    items
        Images, or anything that has a size.
    batch_size
        Maximum number of items per group.
    size
        Returns the size of an item.

    Yields
    ------
    list
        Consecutive items of equal size, in order.

    Examples
    --------
    >>> list(same_size_batches(["a", "b", "cc", "d"], 2, lambda text: (len(text),)))
    [['a', 'b'], ['cc'], ['d']]
    """
    run: list[Item] = []
    for item in items:
        if len(run) == batch_size or (run and size(item) != size(run[0])):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def read_image(path: Path) -> np.ndarray:
    """Read an image file.

    Parameters
    ----------
    path
        An image in a format that OpenCV reads.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8 RGB; gray images get three equal channels.

    Raises
    ------
    DlcxError
        If the file is missing or too large, or if OpenCV cannot decode it.
    """
    # imread cannot open non-ASCII paths on Windows, and only warns about missing files
    image_header(path)
    data = np.frombuffer(read_bytes(path, MAX_IMAGE_BYTES), np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise DlcxError(f"cannot read image {path}: not an image that OpenCV can decode")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def image_size(path: Path) -> tuple[int, int]:
    """Read the size of an image without decoding it.

    Returns
    -------
    tuple of int
        Width and height in pixels.

    Raises
    ------
    DlcxError
        If the file is missing or not an image.
    """
    header = image_header(path)
    if header is None:
        raise DlcxError(f"{path}: not an image")
    return header.width, header.height


def is_same_image(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two images have equal size and equal content, apart from compression artifacts.

    Parameters
    ----------
    one, other
        (H, W, 3) uint8 RGB.
    """
    if one.shape != other.shape:
        return False
    size = max(1, one.shape[1] // 4), max(1, one.shape[0] // 4)  # averaging over pixels reduces compression errors
    small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (one, other)]
    gray = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(int) for image in small]  # colors suffer more
    return bool(np.abs(gray[0] - gray[1]).max() <= MAX_COMPRESSION_ERROR)


class ImageCache:
    """Reads images by index and keeps decoded images in memory up to a budget.

    Images are never evicted.  Every epoch visits each image once, so the cached images are hits in every epoch, whereas
    a least-recently-used cache that is too small would never hit.  Several threads may read at the same time.

    Parameters
    ----------
    paths
        The image files.
    prepare
        Applied once to each decoded image before it is cached, for example a resize.
    budget
        Maximum number of bytes of pixels in the cache; 0 disables it.
    """

    def __init__(
        self, paths: Sequence[Path], *, prepare: Callable[[np.ndarray], np.ndarray] | None = None, budget: int = 0
    ) -> None:
        self.paths = list(paths)
        self._prepare = prepare
        self._free = budget
        self._cached: dict[int, tuple[np.ndarray, tuple[int, int]]] = {}
        self._lock = threading.Lock()

    def read(self, index: int) -> tuple[np.ndarray, tuple[int, int]]:
        """Read an image.

        Parameters
        ----------
        index
            Index into ``paths``.

        Returns
        -------
        tuple
            The prepared image (H, W, 3) uint8 RGB, read-only, and (width, height) of the image in the file.

        Raises
        ------
        DlcxError
            If the file cannot be read as an image.
        """
        if index in self._cached:
            return self._cached[index]
        image = read_image(self.paths[index])
        size = image.shape[1], image.shape[0]
        if self._prepare is not None:
            image = self._prepare(image)
        image.setflags(write=False)
        with self._lock:
            if index not in self._cached and image.nbytes <= self._free:
                self._free -= image.nbytes
                self._cached[index] = image, size
        return image, size
