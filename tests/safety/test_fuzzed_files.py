"""Damaged files are refused by one line: whatever bytes or values change, a reader raises DlcxError or reads on."""

from __future__ import annotations

import contextlib
import json
import pickle
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import READERS, Reader

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import format_yaml, read_yaml

resource = pytest.importorskip("resource")  # Windows has none

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("memory_is_bounded"),
    pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded by means of Linux"),
]

#: Damaged files a reader: half of them in their bytes, half in their values where a file has such.
MANY = 2_000
FEW = 50


@pytest.fixture(scope="module")
def memory_is_bounded():
    """A reader that believes a damaged number fails here instead of taking the machine's memory."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


SPECIAL = [
    b"\0",
    b"\xff",
    b"-1",
    b"nan",
    b"1e999",
    b"../",
    b'"',
    b"'",
    b"\n",
    b",",
    b":",
    b"[",
    b"{",
    b"&a *a",
    b"\x80",
    b".",
]


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, put in, taken out, moved, or the end cut off."""
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.randrange(len(damaged) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            damaged[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            damaged[at:at] = rng.choice(SPECIAL)
        elif kind == 2:
            damaged[at : at + rng.choice([1, 4, 50])] = b""
        elif kind == 3:
            other = rng.randrange(len(damaged) + 1)
            damaged[at:at] = damaged[other : other + rng.choice([4, 50, 500])]
        elif kind == 4 and damaged:
            damaged[at % len(damaged)] ^= 1 << rng.randrange(8)
        elif kind == 5 and rng.random() < 0.2:
            del damaged[at:]
    return bytes(damaged)


STRANGE: list[Callable[[], Any]] = [
    lambda: None, lambda: True, lambda: -1, lambda: 0, lambda: 2**70, lambda: 1e308, lambda: float("nan"),
    lambda: float("inf"), lambda: "", lambda: "x", lambda: "../x", lambda: "-3", list, dict, lambda: [None],
    lambda: [[1, "a"]], lambda: {"a": {"b": []}}, lambda: ["a", "a"], lambda: "9" * 400, lambda: [1] * 9,
]  # fmt: skip


def damaged_value(value: Any, rng: random.Random) -> Any:
    """The same mappings and lists but for one to three values, which are others, gone or twice there."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        value = _damaged(value, rng)
    return value


def _damaged(value: Any, rng: random.Random) -> Any:
    if not isinstance(value, (dict, list, tuple)) or not value or rng.random() < 0.08:
        return rng.choice(STRANGE)()
    if isinstance(value, dict):
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: item for name, item in value.items() if name != key}
        if rng.random() < 0.1:
            return {(rng.choice(["x", 0, "../x"]) if name == key else name): item for name, item in value.items()}
        return {name: (_damaged(item, rng) if name == key else item) for name, item in value.items()}
    index = rng.randrange(len(value))
    items = list(value)
    if rng.random() < 0.1:
        del items[index]
    elif rng.random() < 0.1:
        items.insert(index, items[index])
    else:
        items[index] = _damaged(items[index], rng)
    return type(value)(items)


def damaged_file(path: Path, content: bytes, rng: random.Random) -> bytes:
    """The file's new content: other bytes, or for files that hold mappings other values."""
    if rng.random() < 0.5:
        return damaged_bytes(content, rng)
    with contextlib.suppress(Exception):
        if path.suffix == ".yaml":
            return format_yaml(damaged_value(read_yaml(path), rng)).encode()
        if path.suffix == ".json":
            return json.dumps(damaged_value(json.loads(content), rng)).encode()
        if path.suffix == ".pickle":
            return pickle.dumps(damaged_value(pickle.loads(content), rng))
        if path.suffix == ".pt":
            import torch

            torch.save(damaged_value(torch.load(path, weights_only=True), rng), beside := path.with_suffix(".new"))
            return beside.read_bytes()
    return damaged_bytes(content, rng)


def fuzz(reader: Reader, examples: int, **options: Any) -> int:
    """Damage the reader's file so many times; how often it refuses it."""
    refused = []
    with tempfile.TemporaryDirectory() as name:
        reader.make(Path(name))
        path = Path(name) / reader.file
        sound = path.read_bytes()

        @settings(
            max_examples=examples, database=None, deadline=None, suppress_health_check=list(HealthCheck), **options
        )
        @given(st.integers(0, 2**48))
        def check(seed: int) -> None:
            path.write_bytes(sound)
            path.write_bytes(damaged_file(path, sound, random.Random(seed)))
            try:
                reader.read(path)
            except DlcxError as error:
                refused.append(str(error))

        check()
    assert all(0 < len(message) < 2_000 for message in refused)
    return len(refused)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_sound_files_are_read(reader: Reader, tmp_path: Path) -> None:
    reader.make(tmp_path)
    reader.read(tmp_path / reader.file)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_damaged_files(reader: Reader) -> None:
    assert fuzz(reader, FEW, derandomize=True)


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_many_damaged_files(reader: Reader) -> None:
    assert fuzz(reader, MANY)
