"""Images from files: decoded, in RGB, and kept in memory up to a budget."""

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

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

#: Gray levels by which areas of 4 x 4 pixels may differ in two images of one picture: decoders round differently.
MOST_COMPRESSION_ERROR = 12

Item = TypeVar("Item")


def find_images(wanted: Sequence[str | Path]) -> list[Path]:
    """The images that files, folders and glob patterns name, each once, sorted within a folder or pattern.

    Raises
    ------
    DlcxError
        When a path does not exist, or nothing is found at all.
    """
    return find_files(wanted, IMAGE_SUFFIXES, "image", made=lambda entry: entry.stem.endswith("labeled"))


def same_size_batches(
    items: Iterable[Item], batch_size: int, size: Callable[[Item], tuple[int, ...]]
) -> Iterator[list[Item]]:
    """Runs of at most ``batch_size`` consecutive items of one size, in order: what can share a forward pass."""
    run: list[Item] = []
    for item in items:
        if len(run) == batch_size or (run and size(item) != size(run[0])):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def read_image(path: Path) -> np.ndarray:
    """The image as (H, W, 3) uint8 in RGB order; grey images become three equal channels.

    Raises
    ------
    DlcxError
        When the file is missing or holds no image that OpenCV can read.
    """
    # Not imread: it cannot open non-ASCII paths on Windows, and only warns when a file is missing.
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
    """Width and height of an image, without decoding it.

    Raises
    ------
    DlcxError
        When the file is missing or no image.
    """
    header = image_header(path)
    if header is None:
        raise DlcxError(f"{path}: not an image")
    return header.width, header.height


def is_same_image(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two images (H, W, 3) uint8 are of one size and show the same, but for what compression makes of it."""
    if one.shape != other.shape:
        return False
    size = max(1, one.shape[1] // 4), max(1, one.shape[0] // 4)  # compression errors are smaller over some pixels
    small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (one, other)]
    gray = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(int) for image in small]  # and larger in colors
    return bool(np.abs(gray[0] - gray[1]).max() <= MOST_COMPRESSION_ERROR)


class ImageCache:
    """Decoded images by index, kept in memory until ``budget`` bytes are in use.

    Nothing is ever evicted: an epoch visits every image once, so the images that are kept are hits in every epoch
    while a least-recently-used cache that is too small would miss always.  Several threads may read at once.

    Parameters
    ----------
    paths
        The image files.
    prepare
        Applied once to each decoded image, before it is kept (e.g. a resize to fixed size).
    budget
        Bytes of pixels to keep at most; 0 keeps nothing.
    """

    def __init__(
        self, paths: Sequence[Path], *, prepare: Callable[[np.ndarray], np.ndarray] | None = None, budget: int = 0
    ) -> None:
        self.paths = list(paths)
        self._prepare = prepare
        self._free = budget
        self._kept: dict[int, tuple[np.ndarray, tuple[int, int]]] = {}
        self._lock = threading.Lock()

    def read(self, index: int) -> tuple[np.ndarray, tuple[int, int]]:
        """The prepared image (H, W, 3) uint8, read-only, and (width, height) of the file's own image."""
        if index in self._kept:
            return self._kept[index]
        image = read_image(self.paths[index])
        size = image.shape[1], image.shape[0]
        if self._prepare is not None:
            image = self._prepare(image)
        image.setflags(write=False)
        with self._lock:
            if index not in self._kept and image.nbytes <= self._free:
                self._free -= image.nbytes
                self._kept[index] = image, size
        return image, size
