"""Frames and regions of a video that an analysis covers."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlcx.analysis.frame_range import checked_crop, frame_range, frames_to_write, requested_frames
from dlcx.analysis_files import AnalysisFiles
from dlcx.errors import DlcxError

FILES = AnalysisFiles(Path("v.mp4"), "DLC_x", Path())
VIDEO = SimpleNamespace(frames=50, width=64, height=48, path=Path("v.mp4"))


@pytest.mark.parametrize(
    ("asked", "written", "joined"),
    [
        ((10, 20), None, (10, 20)),
        ((10, 20), (20, 30), (10, 30)),  # ends where the existing frames begin
        ((20, 30), (10, 20), (10, 30)),  # begins where they end
        ((15, 25), (10, 20), (10, 25)),
        ((12, 15), (10, 20), (10, 20)),
        ((0, 50), (10, 20), (0, 50)),
    ],
)
def test_frames_that_touch_or_overlap_existing_ones_are_joined(asked, written, joined):
    assert frames_to_write(asked, written, FILES) == joined


@pytest.mark.parametrize(("asked", "hint"), [((21, 30), "--frames 10:30"), ((0, 9), "--frames 0:20")])
def test_a_gap_to_existing_frames_is_refused(asked, hint):
    with pytest.raises(DlcxError, match=f"--frames {asked[0]}:{asked[1]} would replace frames 10:20") as refused:
        frames_to_write(asked, (10, 20), FILES)
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("frames", "expected"), [(None, (0, 50)), ((10, None), (10, 50)), ((None, 7), (0, 7)), ((49, 50), (49, 50))]
)
def test_frames_within_the_video(frames, expected):
    assert requested_frames(frames, VIDEO) == expected


@pytest.mark.parametrize("frames", [(5, 5), (6, 5), (-1, 5), (50, 60)])
def test_frames_outside_the_video_are_refused(frames):
    with pytest.raises(DlcxError, match=f"--frames {frames[0]}:{frames[1]}"):
        requested_frames(frames, VIDEO)


def test_frames_beyond_the_end_are_cut_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING, "dlcx"):
        assert requested_frames((40, 60), VIDEO) == (40, 50)
    assert "ends at frame 50" in caplog.text


@pytest.mark.parametrize("frames", ["0:10", (1, 2, 3), (0.5, 2)])
def test_frames_that_are_no_pair_of_numbers(frames):
    with pytest.raises(DlcxError, match="expected"):
        frame_range(frames)


def test_a_crop_lies_within_the_frame():
    assert checked_crop((0, 64, 0, 48), VIDEO) is None
    assert checked_crop((1, 64, 0, 48), VIDEO) == (1, 64, 0, 48)
    for crop in ((0, 65, 0, 48), (0, 64, 0, 49), (-1, 64, 0, 48), (5, 5, 0, 48), (0, 64, 8, 8)):
        with pytest.raises(DlcxError, match="64x48"):
            checked_crop(crop, VIDEO)
