"""The append-only chunk store of a video analysis.

::

    <video stem><scorer>.dlcx/
      manifest.json              settings, the chunks with their checksums, the frames that the output files hold
      frames-000000000.npz       poses of consecutive frames from this number on, see dlcx.store.packing;
      frames-000000512.npz       time (T,) s, readable (T,) and repeated (T,) bool
      overwrite.txt              while a call replaces what was there, see dlcx.store.restart_marker

A chunk is written whole, then the manifest that names it is replaced whole: what the manifest says is always true.
Chunks that a killed run left unnamed are removed, broken ones are forgotten, and both are analyzed again.
The manifest's settings say all that the numbers depend on; a run with others is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.locks import Lock
from dlcx.outputs import atomic_file, remove_leftovers, write_text
from dlcx.poses import Prediction
from dlcx.store.packing import pack, unpack
from dlcx.untrusted_files import MAX_FRAMES, open_binary, read_json

logger = logging.getLogger(__name__)

FORMAT = 1
MANIFEST = "manifest.json"
#: Which call has begun anew here, see dlcx.store.restart_marker.
BEGUN = "overwrite.txt"
#: The setting that stands for all of the net's configuration that the numbers depend on, as a digest.
CONFIG = "pytorch_config.yaml (model, data.inference)"
#: The setting that holds the video's fingerprint, and what of it is no property of its content.
VIDEO, VIDEO_NAME = "video", "name"
#: A chunk is closed at this many frames or seconds, whatever comes first: what a kill can cost.
CHUNK_FRAMES, CHUNK_SECONDS = 2_000, 20.0


@dataclass(frozen=True)
class Chunk:
    """Frames first to stop in one file; ``seconds`` is the time of their analysis, None where it was not measured."""

    first: int
    stop: int
    sha256: str
    seconds: float | None = None

    @property
    def file(self) -> str:
        """Its name in the store's folder."""
        return f"frames-{self.first:09d}.npz"


@dataclass(frozen=True)
class StoredFrames:
    """Poses of the frames ``first``, ``first + 1``, ...; time (T,) s; readable (T,), repeated (T,) bool."""

    first: int
    predictions: list[Prediction]
    time: np.ndarray
    readable: np.ndarray
    repeated: np.ndarray

    def __len__(self) -> int:
        return len(self.predictions)


class ChunkStore:
    """What is known of one video under one set of settings; made by :func:`open_store`."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        chunks: Sequence[Chunk],
        written: tuple[int, int] | None,
        lock: Lock | None = None,
    ) -> None:
        self.folder = folder
        self.lock = lock
        self.settings = dict(settings)
        self.chunks = sorted(chunks, key=lambda chunk: chunk.first)
        #: The frames (first, stop) that the output files hold, None before they are whole.
        self.written = written
        self._open: list[tuple[Prediction, float, bool, bool]] = []
        self._first = 0
        self._since = 0.0
        self._clock = time.monotonic()

    def start_clock(self) -> None:
        """Count the seconds of the next chunk from here."""
        self._clock = time.monotonic()

    def seconds(self, start: int, stop: int) -> float | None:
        """Seconds that the analysis of these frames took, in all runs together; None where they are not known.

        Frames that are not there count as nothing.
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
        """How many frames are safe."""
        if not self.chunks:
            return 0
        first, stop = self.chunks[0].first, max(chunk.stop for chunk in self.chunks)
        return stop - first - sum(end - begin for begin, end in self.missing(first, stop))

    def missing(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The stretches between ``start`` and ``stop`` that no chunk holds yet, in order."""
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

    def done(self, start: int, stop: int) -> bool:
        """Whether these frames were all that it was for, and are whole."""
        return self.written == (start, stop) and not self.missing(start, stop)

    def append(
        self,
        first: int,
        predictions: Sequence[Prediction],
        times: np.ndarray,
        readable: np.ndarray,
        repeated: np.ndarray | None = None,
    ) -> None:
        """Add the frames from ``first`` on; they are safe when their chunk closes."""
        again = np.zeros(len(predictions), bool) if repeated is None else repeated
        if self._open and first != self._first + len(self._open):
            self.close_chunk()
        if not self._open:
            self._first, self._since = first, time.monotonic()
        self._open.extend(zip(predictions, times.tolist(), readable.tolist(), again.tolist(), strict=True))
        if len(self._open) >= CHUNK_FRAMES or time.monotonic() - self._since >= CHUNK_SECONDS:
            self.close_chunk()

    def close_chunk(self) -> None:
        """Write the open chunk, if there is one, and name it in the manifest."""
        if not self._open:
            return
        first, stop = self._first, self._first + len(self._open)
        if self.missing(first, stop) != [(first, stop)]:
            raise ValueError(f"ChunkStore: frames {first}:{stop} are there already")
        predictions, times, readable, repeated = zip(*self._open, strict=True)
        seen = {"time": np.array(times), "readable": np.array(readable), "repeated": np.array(repeated)}
        arrays = pack(predictions) | seen
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        seconds, self._clock = time.monotonic() - self._clock, time.monotonic()
        chunk = Chunk(first, stop, hashlib.sha256(content.getbuffer()).hexdigest(), round(seconds, 3))
        self.check_lock()
        with atomic_file(self.folder / chunk.file, content.getbuffer().nbytes) as beside:
            beside.write_bytes(content.getbuffer())
        self.chunks = sorted([*self.chunks, chunk], key=lambda chunk: chunk.first)
        self._open = []
        self._write_manifest()

    def read(self, start: int, stop: int) -> StoredFrames:
        """Everything from frame ``start`` to ``stop``.

        Raises
        ------
        ValueError
            When frames are missing.
        DlcxError
            When a chunk is no longer what was written.
        """
        self.close_chunk()
        if gaps := self.missing(start, stop):
            raise ValueError(f"ChunkStore: frames {gaps} are not there yet")
        predictions: list[Prediction] = []
        reached = start
        times, readable, repeated = [np.zeros(0)], [np.zeros(0, bool)], [np.zeros(0, bool)]
        for chunk in self.chunks:
            if chunk.stop <= reached or chunk.first >= stop:
                continue
            part = slice(max(reached - chunk.first, 0), min(stop, chunk.stop) - chunk.first)
            reached = chunk.stop
            content = _whole_content(self.folder, chunk)
            if content is None:
                raise DlcxError(
                    f"{self.folder / chunk.file} was damaged or changed by another process",
                    hint="Run `dlcx analyze-video` again.",
                )
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                predictions.extend(unpack(arrays)[part])
                times.append(arrays["time"][part])
                readable.append(arrays["readable"][part])
                known = "repeated" in arrays  # not in stores of older versions
                repeated.append(arrays["repeated"][part] if known else np.zeros(len(times[-1]), bool))
        return StoredFrames(start, predictions, *(np.concatenate(column) for column in (times, readable, repeated)))

    def record_output_frames(self, start: int, stop: int) -> None:
        """Remember that the output files hold the frames ``start`` to ``stop``."""
        self.written = (start, stop)
        self._write_manifest()

    def adopt(self, other: ChunkStore) -> None:
        """Take over what is missing here from another store of the same video and settings; chunks may overlap then."""
        self.check_lock()
        for chunk in other.chunks:
            if not self.missing(chunk.first, chunk.stop):
                continue
            theirs = other.folder / chunk.file
            with atomic_file(self.folder / chunk.file, theirs.stat().st_size) as beside:
                try:
                    os.link(theirs, beside)
                except OSError:
                    shutil.copyfile(theirs, beside)
            kept = [one for one in self.chunks if one.first != chunk.first]  # a shorter one, of the same name
            self.chunks = sorted([*kept, chunk], key=lambda one: one.first)
        self._write_manifest()

    def check_lock(self) -> None:
        """Make sure that the store is still this process's.

        Raises
        ------
        DlcxError
            When another process took it over.
        """
        if self.lock is not None:
            self.lock.check()

    def _write_manifest(self) -> None:
        self.check_lock()
        manifest = {
            "format": FORMAT,
            "settings": self.settings,
            "written": self.written,
            "chunks": [asdict(chunk) for chunk in self.chunks],
        }
        write_text(self.folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")


def stored_settings(folder: Path) -> dict[str, Any] | None:
    """The settings of the store in ``folder``, None where there is none."""
    manifest = _read_manifest(folder)
    return None if manifest is None else dict(manifest["settings"])


def written_frames(folder: Path) -> tuple[int, int] | None:
    """First frame and the one after the last of the output files, as a store says; None where it does not."""
    manifest = _manifest_of(folder)
    return manifest["written"] if manifest else None


def analysis_seconds(folder: Path) -> float | None:
    """Seconds that the frames of the output files took, in all runs and parts; None where a store does not say it.

    Raises
    ------
    DlcxError
        When its manifest cannot be read.
    """
    manifest = _manifest_of(folder)
    if manifest is None or manifest["written"] is None:
        return None
    return ChunkStore(folder, manifest["settings"], manifest["chunks"], manifest["written"]).seconds(
        *manifest["written"]
    )


def inspect_store(folder: Path) -> ChunkStore | None:
    """The store in ``folder`` to look at, damaged chunks left out; None where there is none.

    Raises
    ------
    DlcxError
        When its manifest cannot be read.
    """
    manifest = _manifest_of(folder)
    if manifest is None:
        return None
    whole = [chunk for chunk in manifest["chunks"] if _is_whole(folder, chunk)]
    return ChunkStore(folder, manifest["settings"], whole, manifest["written"])


def read_store(folder: Path) -> StoredFrames | None:
    """What a finished analysis has left in ``folder``, None where there is no store.

    Raises
    ------
    DlcxError
        When the analysis was not finished, or a chunk is damaged.
    """
    store = inspect_store(folder)
    if store is None:
        return None
    again = "Run `dlcx analyze-video` again."
    if store.written is None:
        raise DlcxError(f"{folder}: the analysis was not finished", hint=again)
    if store.missing(*store.written):
        raise DlcxError(f"{folder}: chunks are damaged or missing", hint=again)
    return store.read(*store.written)


@contextmanager
def open_store(
    folder: Path, settings: Mapping[str, Any], *, overwrite: bool = False, lock: Lock | None = None
) -> Iterator[ChunkStore]:
    """The store in ``folder``, new or continued; the frames appended are safe when the body ends, however it ends.

    Every change asks first whether the ``lock`` is still held.

    Raises
    ------
    DlcxError
        When the store was made with other settings and ``overwrite`` is False; the message names the difference.
    """
    if lock is not None:
        lock.check()
    if overwrite:
        (folder / MANIFEST).unlink(missing_ok=True)
    manifest = _read_manifest(folder)
    if manifest is None:
        chunks, written = [], None
    else:
        check_settings(folder.name, manifest["settings"], settings)
        chunks = manifest["chunks"]
        good = [chunk for chunk in chunks if _is_whole(folder, chunk)]
        if len(good) < len(chunks):
            logger.warning("%s: %d damaged chunk(s) are analyzed again", folder, len(chunks) - len(good))
        chunks, written = good, manifest["written"]
    for path in folder.glob("*.npz"):
        if path.name not in {chunk.file for chunk in chunks}:
            path.unlink()
    remove_leftovers(folder, "")
    store = ChunkStore(folder, settings, chunks, written, lock)
    try:
        yield store
    finally:
        store.close_chunk()


def _manifest_of(folder: Path) -> dict[str, Any] | None:
    """The manifest of a store that may not exist."""
    return _read_manifest(folder) if folder.is_dir() else None


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST
    try:
        if not os.path.lexists(path):
            raise FileNotFoundError
        manifest = read_json(path)
        if manifest["format"] == FORMAT and isinstance(manifest["settings"], dict):
            chunks = [_chunk(each) for each in manifest["chunks"]]
            written = manifest["written"] and tuple(map(_count, manifest["written"]))
            if written and (len(written) != 2 or written[0] > written[1]):
                raise ValueError(f"written {written}")
            return {**manifest, "chunks": chunks, "written": written or None}
        found = f"format {manifest['format']}, this dlcx reads {FORMAT}"
    except FileNotFoundError:
        if folder.exists() and any(not _is_own(entry.name) for entry in folder.iterdir()):
            raise DlcxError(f"{folder} exists and is no chunk store", hint="Move it away, or name --out.") from None
        return None
    except (DlcxError, ValueError, KeyError, TypeError, OSError, OverflowError, RecursionError) as error:
        found = f"it cannot be read ({error})"
    raise DlcxError(f"{path}: {found}", hint="--overwrite analyses the video again.")


def _chunk(entry: Any) -> Chunk:
    if not isinstance(entry, dict):
        raise TypeError(f"chunk {entry!r:.60}")
    seconds = entry.get("seconds")  # not in stores of older versions
    if seconds is not None and not 0 <= float(seconds) < math.inf:
        raise ValueError(f"seconds {seconds}")
    known = None if seconds is None else float(seconds)
    first, stop = _count(entry["first"]), _count(entry["stop"])
    if first >= stop:
        raise ValueError(f"chunk of frames {first} to {stop}")
    return Chunk(first, stop, str(entry["sha256"]), known)


def _count(value: Any) -> int:
    """A number of frames as a manifest has it."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_FRAMES:
        raise ValueError(f"frame {value!r:.60}")
    return value


def _is_own(name: str) -> bool:
    """Whether a run that was killed before its first manifest may have left the file."""
    beside = name.startswith((".manifest.", ".overwrite.")) and ".part" in name
    return name == BEGUN or name.endswith(".npz") or beside


def _is_whole(folder: Path, chunk: Chunk) -> bool:
    return _whole_content(folder, chunk) is not None


def _whole_content(folder: Path, chunk: Chunk) -> bytes | None:
    """What a chunk's file holds, None where that is not what was written."""
    try:
        with open_binary(folder / chunk.file) as file:
            content = file.read()
    except (OSError, DlcxError):
        return None
    return content if hashlib.sha256(content).hexdigest() == chunk.sha256 else None


def check_settings(name: str, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuse settings other than those of the store ``name``, by naming the difference.

    Raises
    ------
    DlcxError
        When they differ.
    """
    other = [key for key in sorted({*stored, *asked}) if _compared(stored, key) != _compared(asked, key)]
    if VIDEO in other:
        there, here = (_said_video(settings.get(VIDEO)) for settings in (stored, asked))
        if there == here:
            here = f"another {here}"
        raise DlcxError(
            f"{name} is the analysis of another video: of {there}; this one is {here}",
            hint="Add --overwrite to analyze this video in its place, or --out DIR to keep both.",
        )
    if other:
        differences = [
            f"{key}: changed since, by hand or by prune-skeleton"
            if key == CONFIG and stored.get(key)
            else f"{key}: {stored.get(key)} there, {asked.get(key)} asked for"
            for key in other
        ]
        way = "Give the same settings to go on, --overwrite to analyse again, or another --out."
        if other == [CONFIG]:
            way = "--overwrite analyses again with the net as it is now, --out DIR elsewhere."
            way += " `dlcx track` links several animals from what is stored."
        raise DlcxError(f"{name} was made with other settings: {'; '.join(differences)}", hint=way)


def _compared(settings: Mapping[str, Any], key: str) -> Any:
    """A setting as far as it matters: a video may have been renamed since."""
    value = settings.get(key)
    if key == VIDEO and isinstance(value, Mapping):
        return {part: item for part, item in value.items() if part != VIDEO_NAME}
    return value


def _said_video(video: Any) -> str:
    if not isinstance(video, Mapping):
        return "an unknown one"
    return f"{video.get(VIDEO_NAME)} ({video.get('frames')} frames, {video.get('bytes')} bytes)"
