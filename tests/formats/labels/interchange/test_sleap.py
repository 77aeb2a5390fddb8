"""SLEAP: files of SLEAP itself, what is refused, and the room that a new file needs."""

from __future__ import annotations

import errno
import sys

import numpy as np
import pytest
from label_examples import LAYOUTS, example_export

from dlcx.errors import DlcxError
from dlcx.formats.labels.interchange.sleap import read_slp, write_slp
from dlcx.poses import Labels


def test_a_file_that_sleap_wrote(shared):
    """101 frames that SLEAP's network predicted and nobody corrected."""
    path = shared / "data" / "fixtures" / "deepof" / "single" / "test2DLC_sleap.slp"
    with pytest.raises(DlcxError, match="none of its 101 frames has labels made by a person") as caught:
        read_slp(path)
    assert "--predicted" in caught.value.hint
    given = read_slp(path, predicted=True)
    assert given.layout.bodyparts[:3] == ("Nose", "Left_ear", "Right_ear")
    assert (given.layout.individuals, given.xy.shape) == (("track_0",), (101, 1, 14, 2))
    assert [image.frame for image in given.images] == list(range(101))
    assert given.images[0].file.endswith("test2DLC_video_circular_arena.mp4")


def test_what_is_no_sleap_file_and_no_sleap_io(tmp_path, monkeypatch):
    (tmp_path / "a.slp").write_bytes(b"no")
    with pytest.raises(DlcxError, match=r"a\.slp: cannot be read as a SLEAP file \(no HDF5 file\)"):
        read_slp(tmp_path / "a.slp")
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with pytest.raises(DlcxError, match="sleap-io") as caught:
        read_slp(tmp_path / "a.slp")
    assert "dlcx[sleap]" in caught.value.hint


def test_a_slp_is_refused_before_the_hdf5_library_crashes_for_lack_of_room(tmp_path, monkeypatch):
    """The room that is asked for suffices for the file."""
    layout = LAYOUTS["several"]
    images = tuple(("labeled-data", "v" * 99, f"img{number:05d}.png") for number in range(300))
    labels = Labels(layout, images, np.ones((300, 2, 2, 2)), np.ones((300, 2, 2)))
    path, asked = tmp_path / "labels.slp", []

    def reserve(_, size):
        asked.append(size)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("dlcx.formats.labels.interchange.sleap.reserve", reserve)
        with pytest.raises(DlcxError, match=r"^disk full: cannot write .*/labels\.slp: no space left"):
            write_slp(example_export(labels, tmp_path), path)
    assert list(tmp_path.iterdir()) == []
    write_slp(example_export(labels, tmp_path), path)
    assert path.stat().st_size < asked[0]
