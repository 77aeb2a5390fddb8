"""The manifest of a store: what is written is read, and what does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlcx.errors import DlcxError
from dlcx.store.manifest import Chunk, Manifest, read_manifest, stored_settings, write_manifest, written_frames

CHUNK = {"first": 0, "stop": 8, "sha256": "ab", "seconds": 1.5}
CONTENT = {"format": 1, "settings": {"a": 1}, "written": None, "chunks": [CHUNK]}


@pytest.mark.parametrize("written", [None, (2, 7)])
def test_round_trip(tmp_path: Path, written: tuple[int, int] | None) -> None:
    manifest = Manifest({"a": [1, None]}, [Chunk(0, 8, "ab", 1.5), Chunk(8, 9, "cd")], written)
    write_manifest(manifest, tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert stored_settings(tmp_path) == {"a": [1, None]}
    assert written_frames(tmp_path) == written


def test_a_manifest_of_version_0_1(tmp_path: Path) -> None:
    """Chunks had no time then."""
    chunk = {name: value for name, value in CHUNK.items() if name != "seconds"}
    (tmp_path / "manifest.json").write_text(json.dumps(CONTENT | {"chunks": [chunk], "written": [0, 8]}))
    assert read_manifest(tmp_path) == Manifest({"a": 1}, [Chunk(0, 8, "ab", None)], (0, 8))


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"settings": [1]},
        {"written": [3, 2]},
        {"written": [1]},
        {"written": [-1, 2]},
        {"chunks": [CHUNK | {"stop": 0}]},
        {"chunks": [CHUNK | {"first": True}]},
        {"chunks": [CHUNK | {"stop": 20_000_001}]},
        {"chunks": [CHUNK | {"seconds": -1}]},
        {"chunks": [{"first": 0, "stop": 8}]},
        {"chunks": ["frames"]},
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(CONTENT | change))
    with pytest.raises(DlcxError, match=r"manifest\.json: (it cannot be read|format 2, this dlcx reads 1)") as caught:
        read_manifest(tmp_path)
    assert caught.value.hint == "Add --overwrite to analyze the video again."


def test_only_leftovers_of_a_killed_run_count_as_no_store(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "absent") is None
    for name in ("frames-000000000.npz", "overwrite.txt", ".manifest.12-3.part.json"):
        (tmp_path / name).touch()
    assert read_manifest(tmp_path) is None
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DlcxError, match="exists and is not a chunk store"):
        read_manifest(tmp_path)


def test_a_file_in_the_place_of_a_store(tmp_path: Path) -> None:
    (tmp_path / "v.dlcx").touch()
    assert written_frames(tmp_path / "v.dlcx") is None
    with pytest.raises(DlcxError, match=r"v\.dlcx exists and is not a chunk store"):
        stored_settings(tmp_path / "v.dlcx")


def test_a_chunk_is_intact_as_long_as_its_digest_fits(tmp_path: Path) -> None:
    chunk = Chunk(7, 9, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")
    assert not chunk.is_intact(tmp_path)
    (tmp_path / "frames-000000007.npz").write_bytes(b"x")
    assert chunk.read(tmp_path) == b"x"
    (tmp_path / "frames-000000007.npz").write_bytes(b"y")
    assert not chunk.is_intact(tmp_path)
