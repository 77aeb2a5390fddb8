from __future__ import annotations

from pathlib import Path

import pytest
from small_videos import write_video

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.workflow.add_videos import add_videos

CONFIG = """\
Task: reach   # ours
scorer: me
date: Jan1
video_sets:
    /gone/a.avi:
        crop: 0, 100, 0, 80   # all of it

    # what we label
bodyparts: [paw, 'wrist']
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "config.yaml").write_text(CONFIG)
    return tmp_path / "project"


def test_comments_and_order_stay(root, tmp_path):
    video = write_video(tmp_path / "new one.avi", 4)
    done = add_videos(root, video)
    linked = root / "videos" / "new one.avi"
    assert done.added == (linked,)
    assert linked.samefile(video)
    assert (root / "labeled-data" / "new one").is_dir()
    there = "        crop: 0, 100, 0, 80   # all of it\n"
    text = (root / "config.yaml").read_text()
    kept = text.replace(f"    {linked}:\n        crop: 0, 96, 0, 64\n", "")
    assert [line for line in kept.splitlines() if line] == [line for line in CONFIG.splitlines() if line]
    assert text.index(there) < text.index(str(linked)) < text.index("# what we label")
    assert [video.crop for video in open_project(root).videos] == [(0, 100, 0, 80), (0, 96, 0, 64)]


def test_asking_again_is_success_and_says_so(root, tmp_path, capsys):
    video = write_video(tmp_path / "b.avi", 4)
    call = ["add-videos", str(video), "-p", str(root), "--copy-videos", "--crop", "0,50,0,40"]
    assert run(call) == 0
    assert capsys.readouterr().out == f"added: {root / 'videos' / 'b.avi'}\n"
    before = (root / "config.yaml").read_bytes()
    assert run(call) == 0
    assert capsys.readouterr().out == f"already there: {video}\n"
    assert (root / "config.yaml").read_bytes() == before
    assert open_project(root).videos[1].crop == (0, 50, 0, 40)


def test_the_crop_of_a_listed_video_stays(root, tmp_path):
    video = write_video(tmp_path / "b.avi", 3)
    add_videos(root, video, crop=(0, 20, 0, 10))
    before = (root / "config.yaml").read_text()
    assert add_videos(root, video, crop=(0, 20, 0, 10)).existed == (video,)
    assert add_videos(root, video).existed == (video,)
    with pytest.raises(
        DlcxError, match=r"--crop 0,30,0,10: b\.avi is in the project, with the crop 0, 20, 0, 10"
    ) as told:
        add_videos(root, video, crop=(0, 30, 0, 10))
    assert "video_sets" in told.value.hint
    assert (root / "config.yaml").read_text() == before


def test_where_no_video_is_listed(root, tmp_path):
    head, tail = CONFIG.split("video_sets:")
    (root / "config.yaml").write_text(head + "video_sets: {}  # none yet\n# what we label\n" + tail.split("label\n")[1])
    done = add_videos(root, write_video(tmp_path / "b.avi", 4))
    assert [video.stored for video in open_project(root).videos] == [str(done.added[0])]
    text = (root / "config.yaml").read_text()
    assert "# none yet" in text
    assert "# what we label" in text


def test_another_video_of_a_known_name(root, tmp_path):
    add_videos(root, write_video(tmp_path / "b.avi", 4))
    with pytest.raises(DlcxError, match="another video of this name"):
        add_videos(root, write_video(tmp_path / "other" / "b.avi", 9))


def test_a_crop_beside_the_frame(root, tmp_path):
    with pytest.raises(DlcxError, match=r"b\.avi has 96 x 64 pixels"):
        add_videos(root, write_video(tmp_path / "b.avi", 4), crop=(0, 500, 0, 40))
    assert (root / "config.yaml").read_text() == CONFIG


def test_a_video_that_lies_in_the_project_already(root):
    video = write_video(root / "videos" / "b.avi", 4)
    assert add_videos(root, video).added == (video,)
    assert not video.is_symlink()


@pytest.mark.parametrize("name", ["a\x1b[31mb.avi", "two\nlines.avi", "caf\udce9.avi", "back\\slash.avi"])
def test_a_name_that_config_yaml_cannot_list_is_refused_first(root, tmp_path, name):
    video = write_video(tmp_path / "v.avi", 4)
    video = video.rename(tmp_path / name)
    before = sorted(root.rglob("*"))
    for copy_videos in (False, True):
        with pytest.raises(DlcxError, match="a video's name"):
            add_videos(root, video, copy_videos=copy_videos)
    assert sorted(root.rglob("*")) == before
    assert (root / "config.yaml").read_text() == CONFIG
    assert not open_project(root).video_of(video.stem)
