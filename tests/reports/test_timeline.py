"""The timeline of a video's page: its data are the poses, its pictures the frames that they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from page_data import image_of, timeline_of
from small_videos import told_number, write_video

from dlcx.formats.predictions.video_predictions import read_predictions, write_predictions
from dlcx.poses import Layout, Tracks
from dlcx.reports import timeline
from dlcx.reports.frame_reader import FrameReader, spread_frames
from dlcx.reports.video_statistics import VideoStatistics
from dlcx.workflow.report import report


def test_the_data_are_the_poses(project: Path, tracked: Path) -> None:
    h5 = next(tracked.parent.glob("*_el.h5"))
    tracks = read_predictions(h5)
    tracks.xy[..., 1] -= 15.03
    write_predictions(tracks, h5, h5.stem.removeprefix("v").removesuffix("_el"), key="tracks")
    page = report(project, tracked).pages[0].page
    data = timeline_of(page)
    assert (data["frames"], data["first"], data["step"], data["fps"]) == (60, 0, 1, 25)
    assert data["animals"] == ["ann", "bob"]
    assert data["bodyparts"] == ["snout", "tail"]
    samples = data["samples"]
    np.testing.assert_array_equal(samples["frame"], np.arange(60))
    for axis, name in enumerate("xy"):
        expected = tracks.xy[..., axis].reshape(60, 4)
        np.testing.assert_allclose(samples[name], expected, atol=data["grid"]["unit"] / 2 + 1e-5)
    np.testing.assert_allclose(samples["score"], tracks.score.reshape(60, 4), atol=1 / 500)
    assert samples["low"][50] == pytest.approx(0.1, abs=1 / 500)  # both points of bob
    assert np.isnan(samples["low"][57:]).all()
    centers = np.median(tracks.xy, axis=2)
    np.testing.assert_allclose(
        samples["speed"][1:50], 25 * np.linalg.norm(np.diff(centers, axis=0), axis=-1)[:49], rtol=1e-5
    )
    assert [(mark["frame"], mark["kind"]) for mark in data["marks"]].count((12, "swap")) == 1


def test_pictures_show_the_frames_that_they_say(project: Path, tracked: Path) -> None:
    data = timeline_of(report(project, tracked).pages[0].page)
    frames = [picture["frame"] for picture in data["pictures"]]
    assert frames == sorted(set(frames))
    assert len(frames) > 50
    assert [told_number(image_of(picture["jpeg"])) for picture in data["pictures"]] == frames


def long_facts(count: int, tmp_path: Path, first: int = 0) -> VideoStatistics:
    """Poses of more frames than a small page holds: one unsure point in one frame, and one jump."""
    from dlcx.data.video import open_video

    steps = np.arange(count, dtype=float)[:, None, None]
    xy = np.stack([30 + steps % 7 * np.ones((1, 1, 3)), 20 + 0 * steps * np.ones((1, 1, 3))], -1)
    score = np.full((count, 1, 3), 0.9)
    score[1111, 0, 2] = 0.2
    xy[2222, 0, :, 0] += 500
    video = open_video(write_video(tmp_path / "long.avi", 20))
    found = type("Found", (), {"files": type("Files", (), {"frames": Path("missing")})})
    return VideoStatistics(found, 0.6, video, Tracks(Layout(("a", "b", "c")), xy, score, first=first))  # type: ignore[arg-type]


def test_a_long_video_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every n-th frame, all near the marks, and extremes that fall between the samples."""
    monkeypatch.setattr(timeline, "SAMPLE_BYTES", 0)
    monkeypatch.setattr(timeline, "MIN_SAMPLES", 300)
    facts = long_facts(5000, tmp_path, first=40)
    rows, step = timeline.sampled_rows(facts, [40 + 3000], [40 + 777])
    assert step == 25
    assert len(rows) <= 300
    assert set(range(0, 5000, step)) | {777, 4999} <= set(rows)
    assert set(range(2975, 3026)) <= set(rows)
    monkeypatch.setattr(VideoStatistics, "unreadable", None)
    held = timeline._samples(facts, rows, step)["samples"]
    import base64

    frames = np.frombuffer(base64.b64decode(held["frame"]), "<u4").astype(int)
    np.testing.assert_array_equal(frames, rows + 40)
    least = np.frombuffer(base64.b64decode(held["least"]), "u1").reshape(-1, 3)
    (sample,) = np.flatnonzero(least[:, 2] == 50)  # 0.2
    assert rows[sample - 1] < 1111 <= rows[sample]
    low = np.frombuffer(base64.b64decode(held["low"]), "u1")
    assert (low[sample], low[sample - 1]) == (50, 225)
    speed = np.frombuffer(base64.b64decode(held["speed"]), "<f4")
    jumped = np.flatnonzero(speed > 400 * facts.video.fps)
    assert rows[jumped[0] - 1] < 2222 <= rows[jumped[0]]
    assert len(jumped) == 1


def test_far_points_do_not_coarsen_the_grid(tmp_path: Path) -> None:
    facts = long_facts(3000, tmp_path)
    facts.tracks.xy[5] = 1e30
    facts.tracks.xy[6] = -1e30
    low, unit = timeline._grid(facts)
    assert (low, unit) == (-96.0, timeline.UNIT)
    held = timeline._samples(facts, np.arange(10), 1)
    assert held["grid"] == {"low": low, "unit": unit}


def test_pictures_are_thinned_to_the_size_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    timeline_pictures = timeline.TimelinePictures(None, others=(7, 91), pictures=dict.fromkeys(range(100), "x" * 100))  # type: ignore[arg-type]
    assert len(timeline_pictures.chosen()) == 100
    monkeypatch.setattr(timeline, "PICTURE_BYTES", 3000)
    kept = list(timeline_pictures.chosen())
    assert len(kept) == 30
    assert {0, 7, 91, 99} <= set(kept)
    assert kept == sorted(kept)


def test_frames_are_read_once_and_only_where_wanted(tmp_path: Path) -> None:
    from dlcx.data.video import open_video

    video = open_video(write_video(tmp_path / "v.avi", 120))
    seen: list[tuple[str, int, int]] = []
    reader = FrameReader(video)
    for name, frames in (("a", (3, 90, 5)), ("b", (90,))):
        for frame in frames:
            reader.add(frame, lambda number, image, name=name: seen.append((name, number, told_number(image))))
    reader.run()
    assert seen == [("a", 3, 3), ("a", 5, 5), ("a", 90, 90), ("b", 90, 90)]
    assert spread_frames(video, 10, 110, 5) == [10, 35, 60, 84, 109]  # each is a key frame: as good as another


def test_frames_beside_key_frames_are_preferred() -> None:
    packets = type("Packets", (), {"key": np.arange(1000) % 250 == 0})
    video = type("Video", (), {"order": type("Order", (), {"packets": packets, "number": np.arange(1000)})})
    assert spread_frames(video, 0, 1000, 4) == [1, 251, 751, 999]  # type: ignore[arg-type]
    dense = spread_frames(video, 0, 1000, 100)  # type: ignore[arg-type]
    assert len(dense) == 100
    assert {1, 251, 501, 751} <= set(dense)
