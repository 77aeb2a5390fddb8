from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_videos import told_number, write_video

from dlcx.cli.app import run
from dlcx.data.images import read_image
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.workflow.add_videos import add_videos
from dlcx.workflow.create_project import create_project
from dlcx.workflow.extract_frames import extract_frames


@pytest.fixture
def root(tmp_path: Path) -> Path:
    videos = [write_video(tmp_path / "a.avi", 120), write_video(tmp_path / "b.avi", 9)]
    return create_project("reach", "me", videos, folder=tmp_path, date="2026-01-01").project


def images(root: Path, stem: str) -> list[str]:
    return sorted(path.name for path in (root / "labeled-data" / stem).iterdir())


@pytest.mark.parametrize("method", ["uniform", "kmeans"])
def test_images_are_the_frames_of_their_names(root, method):
    done = extract_frames(root, method=method, frames=6)
    assert [len(one.frames) for one in done.videos] == [6, 6]
    assert done.exit_code == 0
    assert images(root, "a") == [f"img{number:03d}.png" for number in sorted(done.videos[0].frames)]
    assert images(root, "b") == [f"img{number}.png" for number in sorted(done.videos[1].frames)]
    for number in done.videos[0].frames:
        assert told_number(read_image(root / "labeled-data" / "a" / f"img{number:03d}.png")) == number


def test_the_draw_is_deeplabcuts(root):
    done = extract_frames(root, "a", method="uniform", frames=7, seed=3)
    expected = np.random.RandomState(3).choice(120, size=7, replace=False)
    assert done.videos[0].frames == tuple(expected.tolist())


def test_what_is_there_stays(root):
    first = extract_frames(root, "a", method="uniform", frames=4)
    folder = root / "labeled-data" / "a"
    (folder / "CollectedData_me.h5").write_bytes(b"labels")
    kept = folder / f"img{first.videos[0].frames[0]:03d}.png"
    kept.write_bytes(b"corrected by hand")
    again = extract_frames(root, "a", method="uniform", frames=4)
    assert again.videos[0].written == ()
    assert "another --seed" in again.next_steps[0]
    more = extract_frames(root, "a", method="uniform", frames=6)
    assert more.videos[0].existed == first.videos[0].frames
    assert len(more.videos[0].written) == 2
    assert kept.read_bytes() == b"corrected by hand"
    assert (folder / "CollectedData_me.h5").read_bytes() == b"labels"


def test_an_image_with_other_zeros_is_the_same_frame(root):
    numbers = extract_frames(root, "a", method="uniform", frames=2).videos[0].frames
    folder = root / "labeled-data" / "a"
    (folder / f"img{numbers[0]:03d}.png").rename(folder / f"img{numbers[0]:05d}.png")
    assert extract_frames(root, "a", method="uniform", frames=2).videos[0].written == ()


def test_a_part_of_video_and_frame(root, tmp_path):
    add_videos(root, write_video(tmp_path / "c.avi", 40), crop=(0, 50, 0, 30))
    done = extract_frames(root, "c", method="uniform", frames=5, start=0.5, stop=0.75, crop=True)
    assert all(20 <= number < 30 for number in done.videos[0].frames)
    for name in images(root, "c"):
        assert read_image(root / "labeled-data" / "c" / name).shape == (30, 50, 3)


def test_from_the_command_line(root, capsys):
    assert run(["extract-frames", "-p", str(root), "--method", "uniform", "--frames", "2", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [Path(one["folder"]).name for one in said["videos"]] == ["a", "b"]
    open_project(root).videos_dir.joinpath("a.avi").unlink()
    assert run(["extract-frames", "-p", str(root), "--method", "uniform", "--frames", "2"]) == 4
    out, err = capsys.readouterr()
    assert "0 new images, 2 were there" in out
    assert "failed" in out
    assert "no such video" in err


def test_a_video_of_which_only_labels_exist_is_no_failure(root, caplog):
    home = open_project(root)
    home.videos_dir.joinpath("a.avi").unlink()
    (home.labeled_data / "a").mkdir(exist_ok=True)
    home.labels_path("a").with_name("CollectedData_me.h5").write_bytes(b"labels")
    done = extract_frames(root, method="uniform", frames=2)
    assert [one.video.name for one in done.videos] == ["b.avi"]
    assert (done.failed, done.exit_code) == ((), 0)
    assert "a.avi" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "kmean"}, "--method kmean"),
        ({"videos": "z.avi"}, "no such video"),
        ({"start": 0.8, "stop": 0.2}, "expected shares of the video"),
    ],
)
def test_what_cannot_be_used(options, message, root):
    with pytest.raises(DlcxError, match=message):
        extract_frames(root, **options)


def test_a_video_that_is_not_of_the_project(root, tmp_path):
    with pytest.raises(DlcxError, match="is not in") as caught:
        extract_frames(root, write_video(tmp_path / "z.avi", 3))
    assert "add-videos" in caught.value.hint


def test_pixels_are_the_videos(root):
    done = extract_frames(root, "b", method="uniform", frames=1)
    (number,) = done.videos[0].frames
    reader = cv2.VideoCapture(str(root / "videos" / "b.avi"))
    for _ in range(number + 1):
        _, frame = reader.read()
    reader.release()
    saved = read_image(done.videos[0].folder / images(root, "b")[0])
    np.testing.assert_array_equal(saved, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
