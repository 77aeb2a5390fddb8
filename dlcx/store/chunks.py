"""The append-only chunk store of a video analysis.

::

    <video stem><scorer>.dlcx/
      manifest.json              settings and chunks, see dlcx.store.manifest
      frames-000000000.npz       poses of consecutive frames from this number on, see dlcx.store.packing;
      frames-000000512.npz       time (T,) s, readable (T,) and repeated (T,) bool
      overwrite.txt              restart marker, see dlcx.store.restart_marker

First a chunk is written, then the manifest that lists it is replaced; both appear completely or not at all.  Chunks
that a killed run wrote but did not list are removed, damaged chunks are dropped, and their frames are analyzed again.
The settings in the manifest include everything that the poses depend on; a run with other settings is refused.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.locks import Lock
from dlcx.outputs import atomic_file, remove_leftovers
from dlcx.poses import Prediction
from dlcx.store.manifest import MANIFEST, Chunk, Manifest, read_manifest, write_manifest
from dlcx.store.packing import pack, unpack
from dlcx.store.settings_check import check_settings

logger = logging.getLogger(__name__)

#: A chunk is closed after this many frames or seconds, whichever comes first.  A kill loses at most that much.
CHUNK_FRAMES, CHUNK_SECONDS = 2_000, 20.0


@dataclass(frozen=True)
class StoredFrames:
    """Poses of T consecutive frames.

    Attributes
    ----------
    first
        Number of the first frame.
    predictions
        One prediction per frame, in pixels of the full frame.
    time
        Times (T,) in seconds.
    readable, repeated
        Whether each frame (T,) was decoded, and whether it shows the same pixels as the frame before.
    """

    first: int
    predictions: list[Prediction]
    time: np.ndarray
    readable: np.ndarray
    repeated: np.ndarray

    def __len__(self) -> int:
        return len(self.predictions)


class ChunkStore:
    """The stored poses of one video under one set of settings; created by :func:`open_store`."""

    def __init__(self, folder: Path, manifest: Manifest, lock: Lock | None = None) -> None:
        self.folder = folder
        self.lock = lock
        self.settings = dict(manifest.settings)
        self.chunks = sorted(manifest.chunks, key=lambda chunk: chunk.first)
        #: First frame of the output files and the one after their last; None until the files are complete.
        self.written = manifest.written
        self._pending: list[tuple[Prediction, float, bool, bool]] = []
        self._first = 0
        self._since = 0.0
        self._clock = time.monotonic()

    def start_clock(self) -> None:
        """Start measuring the time of the next chunk."""
        self._clock = time.monotonic()

    def seconds(self, start: int, stop: int) -> float | None:
        """Return the seconds that the analysis of these frames took in all runs; None if they were not measured.

        Frames that are not stored count as 0.
        """
        spent, reached = 0.0, start
        for chunk in self.chunks:
            if chunk.stop <= reached or chunk.first >= stop:
                continue
            if chunk.seconds is None:
                return None
            frames = min(stop, chunk.stop) - max(reached, chunk.first)
            spent += chunk.seconds * frames / (chunk.stop - chunk.first)
            reached = min(stop, chunk.stop)
        return spent

    @property
    def frames(self) -> int:
        """Number of frames in the chunks on the disk."""
        if not self.chunks:
            return 0
        first, stop = self.chunks[0].first, max(chunk.stop for chunk in self.chunks)
        return stop - first - sum(end - begin for begin, end in self.missing(first, stop))

    def missing(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the ranges (first, stop) between ``start`` and ``stop`` that are not stored yet, in order."""
        gaps = []
        for chunk in self.chunks:
            if chunk.first > start:
                gaps.append((start, min(chunk.first, stop)))
            start = max(start, chunk.stop)
            if start >= stop:
                break
        if start < stop:
            gaps.append((start, stop))
        return [(begin, end) for begin, end in gaps if begin < end]

    def is_complete(self, start: int, stop: int) -> bool:
        """Return whether the output files hold exactly these frames and all of them are stored."""
        return self.written == (start, stop) and not self.missing(start, stop)

    def append(
        self,
        first: int,
        predictions: Sequence[Prediction],
        times: np.ndarray,
        readable: np.ndarray,
        repeated: np.ndarray | None = None,
    ) -> None:
        """Add the frames from ``first`` on.  They are on the disk when their chunk is closed.

        Parameters
        ----------
        first
            Number of the first frame.
        predictions
            One prediction per frame, in pixels of the full frame.
        times
            Times (T,) in seconds.
        readable, repeated
            Whether each frame (T,) was decoded, and whether it shows the same pixels as the frame before.
        """
        repeats = np.zeros(len(predictions), bool) if repeated is None else repeated
        if self._pending and first != self._first + len(self._pending):
            self.close_chunk()
        if not self._pending:
            self._first, self._since = first, time.monotonic()
        self._pending.extend(zip(predictions, times.tolist(), readable.tolist(), repeats.tolist(), strict=True))
        if len(self._pending) >= CHUNK_FRAMES or time.monotonic() - self._since >= CHUNK_SECONDS:
            self.close_chunk()

    def close_chunk(self) -> None:
        """Write the pending frames, if there are any, as a chunk and list it in the manifest."""
        if not self._pending:
            return
        first, stop = self._first, self._first + len(self._pending)
        if self.missing(first, stop) != [(first, stop)]:
            raise ValueError(f"ChunkStore: frames {first}:{stop} are already stored")
        predictions, times, readable, repeated = zip(*self._pending, strict=True)
        columns = {"time": np.array(times), "readable": np.array(readable), "repeated": np.array(repeated)}
        arrays = pack(predictions) | columns
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        seconds, self._clock = time.monotonic() - self._clock, time.monotonic()
        chunk = Chunk(first, stop, hashlib.sha256(content.getbuffer()).hexdigest(), round(seconds, 3))
        self.check_lock()
        with atomic_file(self.folder / chunk.file, content.getbuffer().nbytes) as temporary:
            temporary.write_bytes(content.getbuffer())
        self.chunks = sorted([*self.chunks, chunk], key=lambda chunk: chunk.first)
        self._pending = []
        self._write_manifest()

    def read(self, start: int, stop: int) -> StoredFrames:
        """Return the poses of the frames ``start`` to ``stop`` (excluded).

        Raises
        ------
        ValueError
            If frames are missing.
        DlcxError
            If a chunk is damaged.
        """
        self.close_chunk()
        if gaps := self.missing(start, stop):
            raise ValueError(f"ChunkStore: frames {gaps} are not stored yet")
        predictions: list[Prediction] = []
        reached = start
        times, readable, repeated = [np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0, bool)]
        for chunk in self.chunks:
            if chunk.stop <= reached or chunk.first >= stop:
                continue
            part = slice(max(reached - chunk.first, 0), min(stop, chunk.stop) - chunk.first)
            reached = chunk.stop
            content = chunk.read(self.folder)
            if content is None:
                raise DlcxError(
                    f"{self.folder / chunk.file} was damaged or changed by another process",
                    hint="Run `dlcx analyze-video` again.",
                )
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                predictions.extend(unpack(arrays)[part])
                times.append(arrays["time"][part])
                readable.append(arrays["readable"][part])
                known = "repeated" in arrays  # absent from stores of older versions
                repeated.append(arrays["repeated"][part] if known else np.zeros(len(times[-1]), bool))
        return StoredFrames(start, predictions, *(np.concatenate(column) for column in (times, readable, repeated)))

    def record_output_frames(self, start: int, stop: int) -> None:
        """Record that the output files hold the frames ``start`` to ``stop`` (excluded)."""
        self.written = (start, stop)
        self._write_manifest()

    def adopt(self, other: ChunkStore) -> None:
        """Copy the chunks that hold missing frames from another store of the same video and settings.

        Chunks may overlap afterward.
        """
        self.check_lock()
        for chunk in other.chunks:
            if not self.missing(chunk.first, chunk.stop):
                continue
            source = other.folder / chunk.file
            with atomic_file(self.folder / chunk.file, source.stat().st_size) as temporary:
                try:
                    os.link(source, temporary)
                except OSError:
                    shutil.copyfile(source, temporary)
            kept = [one for one in self.chunks if one.first != chunk.first]  # a shorter one has the same name
            self.chunks = sorted([*kept, chunk], key=lambda one: one.first)
        self._write_manifest()

    def check_lock(self) -> None:
        """Check that this process still holds the lock of the store.

        Raises
        ------
        DlcxError
            If another process took it over.
        """
        if self.lock is not None:
            self.lock.check()

    def _write_manifest(self) -> None:
        self.check_lock()
        write_manifest(Manifest(self.settings, self.chunks, self.written), self.folder)


def analysis_seconds(folder: Path) -> float | None:
    """Return the seconds that the frames of the output files took in all runs and parts.

    Returns
    -------
    float or None
        None if there is no store, the output files are not complete, or the time was not measured.

    Raises
    ------
    DlcxError
        If the manifest cannot be read.
    """
    manifest = read_manifest(folder) if folder.is_dir() else None
    if manifest is None or manifest.written is None:
        return None
    return ChunkStore(folder, manifest).seconds(*manifest.written)


def inspect_store(folder: Path) -> ChunkStore | None:
    """Return the store in ``folder`` for reading, without damaged chunks; None if there is none.

    Raises
    ------
    DlcxError
        If the manifest cannot be read.
    """
    manifest = read_manifest(folder) if folder.is_dir() else None
    return None if manifest is None else ChunkStore(folder, _without_damaged(manifest, folder))


def _without_damaged(manifest: Manifest, folder: Path) -> Manifest:
    return replace(manifest, chunks=[chunk for chunk in manifest.chunks if chunk.is_intact(folder)])


def read_store(folder: Path) -> StoredFrames | None:
    """Return the poses of a finished analysis; None if there is no store.

    Raises
    ------
    DlcxError
        If the analysis was not finished, or a chunk is damaged.
    """
    store = inspect_store(folder)
    if store is None:
        return None
    hint = "Run `dlcx analyze-video` again."
    if store.written is None:
        raise DlcxError(f"{folder}: the analysis was not finished", hint=hint)
    if store.missing(*store.written):
        raise DlcxError(f"{folder}: chunks are damaged or missing", hint=hint)
    return store.read(*store.written)


@contextmanager
def open_store(
    folder: Path, settings: Mapping[str, Any], *, overwrite: bool = False, lock: Lock | None = None
) -> Iterator[ChunkStore]:
    """Open the store in ``folder``, or create it; all frames are on the disk when the body ends or raises.

    Parameters
    ----------
    folder
        Folder of the store.
    settings
        All settings that the poses depend on.
    overwrite
        Whether to discard an existing store.
    lock
        The lock of the analysis; every change first checks that it is still held.

    Raises
    ------
    DlcxError
        If the store was made with other settings and ``overwrite`` is False.
    """
    if lock is not None:
        lock.check()
    if overwrite:
        (folder / MANIFEST).unlink(missing_ok=True)
    found = read_manifest(folder) or Manifest(settings, [], None)
    check_settings(folder.name, found.settings, settings)
    intact = _without_damaged(found, folder)
    if damaged := len(found.chunks) - len(intact.chunks):
        logger.warning("%s: %d damaged chunk(s) are analyzed again", folder, damaged)
    manifest = replace(intact, settings=settings)
    for path in folder.glob("*.npz"):
        if path.name not in {chunk.file for chunk in manifest.chunks}:
            path.unlink()
    remove_leftovers(folder, "")
    store = ChunkStore(folder, manifest, lock)
    try:
        yield store
    finally:
        store.close_chunk()
