"""What is no regular file is refused wherever a file is read: a named pipe would keep the reader waiting forever."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from readers import READERS, Reader
from small_videos import write_video

from dlcx.data.images import image_size, read_image
from dlcx.data.video import open_video
from dlcx.errors import DlcxError
from dlcx.formats.predictions.pose_tables import read_origin
from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.formats.weights.snapshot import load_tensors
from dlcx.untrusted_files import read_text

pytestmark = [pytest.mark.posix, pytest.mark.filterwarnings("ignore")]

#: Seconds after which a reader counts as one that waits forever.
PATIENCE = 60


@pytest.fixture(autouse=True)
def _nobody_waits() -> Iterator[None]:
    def woken(*_: object) -> None:
        raise AssertionError("the reader waits for a pipe")

    before = signal.signal(signal.SIGALRM, woken)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def bound_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


KINDS: dict[str, Callable[[Path], None]] = {
    "named pipe": pipe,
    "socket": bound_socket,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
}
#: Files that are as good as absent where something else has their name, and what is read then.
OPTIONAL = {"dlcx.yaml", "inference_cfg", "metadata", "pose_cfg", "learning stats", "combined results", "store"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_every_reader(tmp_path: Path, reader: Reader, kind: str) -> None:
    reader.make(tmp_path)
    path = tmp_path / reader.file
    path.unlink()
    KINDS[kind](path)
    if reader.name in OPTIONAL:
        try:
            reader.read(path)
        except (DlcxError, OSError) as error:
            assert path.name in str(error)  # noqa: PT017
        return
    with pytest.raises(DlcxError, match=path.name.replace(".", r"\.")):
        reader.read(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "read",
    [read_image, image_size, open_video, load_plain_pickle, load_tensors, read_text],
    ids=lambda read: read.__name__,
)
def test_the_error_says_what_it_is(tmp_path: Path, read: Callable[[Path], object], kind: str) -> None:
    KINDS[kind](tmp_path / "x.mp4")
    said = {"device": "a device", "loop": "no such|symbolic links|no such file", "folder": "a folder|no such file"}
    with pytest.raises(DlcxError, match=said.get(kind, f"a {kind}|no such file")):
        read(tmp_path / "x.mp4")


def test_no_origin_of_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.h5")
    assert read_origin(tmp_path / "x.h5") == ""


def test_links_to_files_are_read(tmp_path: Path) -> None:
    write_video(tmp_path / "v.avi", 3)
    (tmp_path / "link.avi").symlink_to(tmp_path / "v.avi")
    assert open_video(tmp_path / "link.avi").frames == 3


def test_a_pipe_that_the_shell_hands_over_is_read() -> None:
    """``dlcx create-dataset --train-indices <(seq 0 5)``."""
    reading, writing = os.pipe()
    os.write(writing, b"0 1 2")
    os.close(writing)
    try:
        assert read_text(f"/dev/fd/{reading}") == "0 1 2"
    finally:
        os.close(reading)
