"""The chunk store: what is appended is on the disk, and is read back exactly."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from stored_predictions import assert_same, prediction

from dlcx.errors import DlcxError
from dlcx.store import chunks, open_store

SETTINGS = {"snapshot": "snapshot-010.pt", "--batch-size": 8, "video": {"name": "a.avi", "frames": 40}}


def fill(store: chunks.ChunkStore, first: int, stop: int, size: int = 4) -> None:
    for begin in range(first, stop, size):
        frames = range(begin, min(begin + size, stop))
        store.append(
            begin, [prediction(n) for n in frames], np.array(frames) / 25, np.array([n % 7 > 0 for n in frames])
        )


def test_what_is_read_is_what_was_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_FRAMES", 10)
    with open_store(tmp_path / "v.dlcx", SETTINGS) as store:
        fill(store, 0, 40)
        assert len(store.chunks) == 3  # the last one is open
    with open_store(tmp_path / "v.dlcx", SETTINGS) as store:
        assert len(store.chunks) == 4
        assert store.frames == 40
        stored = store.read(5, 33)
    assert (stored.first, len(stored)) == (5, 28)
    np.testing.assert_array_equal(stored.time, np.arange(5, 33) / 25)
    assert stored.readable.tolist() == [number % 7 > 0 for number in range(5, 33)]
    for number, one in enumerate(stored.predictions, 5):
        assert_same(one, prediction(number))


def test_missing_stretches(tmp_path: Path) -> None:
    with open_store(tmp_path / "v.dlcx", SETTINGS) as store:
        assert store.missing(0, 40) == [(0, 40)]
        fill(store, 8, 16)
        fill(store, 24, 28)
        store.close_chunk()
        assert store.missing(0, 40) == [(0, 8), (16, 24), (28, 40)]
        assert store.missing(10, 26) == [(16, 24)]
        assert store.missing(8, 16) == []
        with pytest.raises(ValueError, match="not stored yet"):
            store.read(0, 40)
        fill(store, 12, 16)
        with pytest.raises(ValueError, match="already stored"):
            store.close_chunk()
        store._pending = []


def test_frames_are_safe_whatever_ends_the_body(tmp_path: Path) -> None:
    def interrupted() -> None:
        with open_store(tmp_path / "v.dlcx", SETTINGS) as store:
            fill(store, 0, 12)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with open_store(tmp_path / "v.dlcx", SETTINGS) as store:
        assert store.missing(0, 40) == [(12, 40)]


def test_a_chunk_closes_after_some_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_SECONDS", 0.0)
    with open_store(tmp_path / "v.dlcx", SETTINGS) as store:
        fill(store, 0, 12)
        assert [(chunk.first, chunk.stop) for chunk in store.chunks] == [(0, 4), (4, 8), (8, 12)]


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    with open_store(tmp_path / "v.dlcx", SETTINGS) as store:
        fill(store, 0, 8)
    other = SETTINGS | {"--batch-size": 4}
    with pytest.raises(DlcxError, match="--batch-size: 8 stored, 4 requested"), open_store(tmp_path / "v.dlcx", other):
        pass
    with open_store(tmp_path / "v.dlcx", other, overwrite=True) as store:
        assert store.frames == 0
        assert not list((tmp_path / "v.dlcx").glob("*.npz"))


@pytest.mark.parametrize("damage", ["changed", "shorter", "gone"])
def test_damaged_chunks_are_missing_again(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "v.dlcx"
    with open_store(folder, SETTINGS) as store:
        fill(store, 0, 8)
        store.close_chunk()
        fill(store, 8, 16)
    path = folder / "frames-000000000.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content if damage == "changed" else content[:-9])
    if damage == "gone":
        path.unlink()
    with caplog.at_level(logging.WARNING, "dlcx"), open_store(folder, SETTINGS) as store:
        assert store.missing(0, 16) == [(0, 8)]
        fill(store, 0, 8)
        assert len(store.read(0, 16)) == 16
    assert "damaged" in caplog.text


def test_a_chunk_that_no_manifest_names_is_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "v.dlcx"
    with open_store(folder, SETTINGS) as store:
        fill(store, 0, 8)
    (folder / "frames-000000008.npz").write_bytes(b"left by a killed run")
    with open_store(folder, SETTINGS) as store:
        assert store.missing(0, 16) == [(8, 16)]
        assert not (folder / "frames-000000008.npz").exists()


def test_foreign_and_newer_folders_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "v.dlcx"
    folder.mkdir()
    (folder / "letters.txt").write_text("dear mother")
    with pytest.raises(DlcxError, match="is not a chunk store"), open_store(folder, SETTINGS):
        pass
    (folder / "manifest.json").write_text(json.dumps({"format": 99, "settings": {}, "chunks": [], "written": None}))
    with pytest.raises(DlcxError, match="format 99"), open_store(folder, SETTINGS):
        pass
    (folder / "manifest.json").write_text("{")
    with pytest.raises(DlcxError, match="cannot be read"), open_store(folder, SETTINGS):
        pass
    assert (folder / "letters.txt").exists()


def test_written_range_is_remembered(tmp_path: Path) -> None:
    with open_store(tmp_path / "v.dlcx", SETTINGS) as store:
        fill(store, 0, 8)
        store.close_chunk()
        assert store.written is None
        store.record_output_frames(2, 7)
    with open_store(tmp_path / "v.dlcx", SETTINGS) as store:
        assert store.written == (2, 7)


def test_a_store_that_was_taken_over_is_left_alone(tmp_path: Path) -> None:
    """A process that was asleep for long wakes up while another one, which took over, is at the same frames."""
    from dlcx.locks import locked

    folder, lock_file = tmp_path / "v.dlcx", tmp_path / "v.dlcx.lock"

    def wake_up() -> None:
        with locked(lock_file, "it") as lock, open_store(folder, SETTINGS, lock=lock) as store:
            fill(store, 0, 8)
            lock_file.write_text("{}")
            with open_store(folder, SETTINGS) as other:
                fill(other, 0, 12)
            store.close_chunk()

    with pytest.raises(DlcxError, match="was taken over"):
        wake_up()
    with open_store(folder, SETTINGS) as store:
        assert store.missing(0, 12) == []
        assert len(store.read(0, 12)) == 12

    def adopt() -> None:
        with locked(lock_file, "it") as lock, open_store(tmp_path / "w.dlcx", SETTINGS, lock=lock) as mine:
            lock_file.write_text("{}")
            mine.adopt(store)

    lock_file.unlink()
    with pytest.raises(DlcxError, match="was taken over"):
        adopt()
    assert not (tmp_path / "w.dlcx").exists()


def test_a_chunk_that_changed_since_is_not_read(tmp_path: Path) -> None:
    """Fewer rows would shift all that follow."""
    folder = tmp_path / "v.dlcx"
    with open_store(folder, SETTINGS) as store:
        fill(store, 0, 8)
        store.close_chunk()
        fill(store, 8, 16)
        store.close_chunk()
        with open_store(tmp_path / "w.dlcx", SETTINGS) as other:
            fill(other, 0, 4)
        (tmp_path / "w.dlcx" / "frames-000000000.npz").replace(folder / "frames-000000000.npz")
        with pytest.raises(DlcxError, match=r"frames-000000000.npz was damaged or changed"):
            store.read(0, 16)
        assert len(store.read(8, 16)) == 8
