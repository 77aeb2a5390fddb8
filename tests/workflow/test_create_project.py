from __future__ import annotations

import datetime
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_videos import write_video

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.file_transaction import folder_lock
from dlcx.formats.project_config import open_project, read_project_config
from dlcx.outputs import process_namespace
from dlcx.workflow.create_project import create_project


@pytest.fixture
def video(golden: Path) -> Path:
    return golden / "analysis" / "sa" / "vid.avi"


@pytest.mark.parametrize(("name", "multi"), [("sa", False), ("ma", True)])
def test_config_is_deeplabcuts_byte_for_byte(name, multi, golden, video, tmp_path):
    done = create_project(f"gold{name}", "me", video, folder=tmp_path, date="2025-11-22", multi=multi)
    assert done.project == tmp_path / f"gold{name}-me-2025-11-22"
    expected = (golden / "files" / name / "config_as_created.yaml").read_text()
    assert done.config.read_text() == expected.replace("PROJECT", str(done.project))
    assert sorted(path.name for path in done.project.iterdir()) == [
        "config.yaml",
        "dlc-models",
        "labeled-data",
        "training-datasets",
        "videos",
    ]
    assert (done.project / "labeled-data" / "vid").is_dir()
    assert done.videos[0].is_symlink()
    assert done.videos[0].samefile(video)


def test_own_names_from_the_command_line(video, tmp_path, capsys):
    call = ["create-project", "mice", "Bob", str(video), "--dir", str(tmp_path), "--date", "2026-10-05"]
    call += ["--bodyparts", "snout, tail", "--individuals", "anne,bert", "--unique", "lamp", "--copy-videos"]
    assert run(call) == 0
    said = capsys.readouterr()
    root = tmp_path / "mice-Bob-2026-10-05"
    assert said.out.splitlines()[0] == f"project: {root}"
    assert "extract-frames" in said.err
    assert "Name your bodyparts" not in said.err
    project = open_project(root)
    assert (project.layout.bodyparts, project.layout.individuals) == (("snout", "tail"), ("anne", "bert"))
    assert (project.layout.unique, project.layout.multi, project.date) == (("lamp",), True, "Oct5")
    assert project.skeleton == ()
    copied = root / "videos" / "vid.avi"
    assert not copied.is_symlink()
    assert copied.read_bytes() == video.read_bytes()

    before = (root / "config.yaml").read_bytes()
    assert run(call) == 0
    assert "there already, unchanged" in capsys.readouterr().out
    call[call.index("anne,bert")] = "anne"
    assert run(call) == 3
    assert "other bodyparts or individuals" in capsys.readouterr().err
    assert (root / "config.yaml").read_bytes() == before


def test_today_is_the_date(video, tmp_path):
    done = create_project("a", "b", video, folder=tmp_path)
    today = datetime.date.today()
    assert read_project_config(done.config).date == f"{today:%b}{today.day}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "a/b"}, "NAME 'a/b'"),
        ({"scorer": " "}, "SCORER"),
        ({"date": "5.10.2026"}, "expected YYYY-MM-DD"),
        ({"bodyparts": ["x", "x"]}, "--bodyparts: 'x' is named more than once"),
        ({"bodyparts": ["x"], "unique": ["x"]}, "also one of multianimalbodyparts"),
        ({"videos": "gone.avi"}, "no such video"),
    ],
)
def test_what_cannot_be_used_leaves_nothing_behind(change, message, video, tmp_path):
    given = {"name": "a", "scorer": "b", "videos": video, "folder": tmp_path / "here", **change}
    with pytest.raises(DlcxError, match=message):
        create_project(**given)
    assert not (tmp_path / "here").exists()


def test_a_folder_or_an_unreadable_video_in_the_way(video, tmp_path):
    broken = tmp_path / "broken.avi"
    broken.write_text("no video")
    with pytest.raises(DlcxError, match="cannot be opened as a video"):
        create_project("a", "b", [video, broken], folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.avi"]
    (tmp_path / "a-b-2026-01-01").mkdir()
    with pytest.raises(DlcxError, match="exists and is no project"):
        create_project("a", "b", video, folder=tmp_path, date="2026-01-01")


def test_videos_of_one_name_and_videos_of_an_existing_project(video, tmp_path):
    other = write_video(tmp_path / "vid.avi", 3)
    with pytest.raises(DlcxError, match="have the same name"):
        create_project("a", "b", [video, other], folder=tmp_path)
    create_project("a", "b", video, folder=tmp_path, date="2026-01-01")
    more = write_video(tmp_path / "more.avi", 3)
    with pytest.raises(DlcxError, match=r"without more\.avi") as caught:
        create_project("a", "b", [video, more], folder=tmp_path, date="2026-01-01")
    assert "add-videos" in caught.value.hint


def test_what_killed_calls_have_left_is_removed_and_that_of_running_ones_stays(video, tmp_path):
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    place = process_namespace()[1]
    for day, pid in (("2026-10-05", ended.pid), ("2026-10-04", ended.pid), ("2026-10-03", os.getppid())):
        (tmp_path / f".mice-Bob-{day}.{place}-{pid}.part" / "videos").mkdir(parents=True)
    create_project("mice", "Bob", video, folder=tmp_path, date="2026-10-05")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f".mice-Bob-2026-10-03.{place}-{os.getppid()}.part",
        "mice-Bob-2026-10-05",
    ]


def test_a_project_that_another_process_makes_meanwhile_stays(video, tmp_path, monkeypatch):
    """It is found when the folder is free to be made, and nothing of it is replaced."""
    made = []

    @contextmanager
    def second(root):
        if not made:
            made.append(root)
            create_project("mice", "Bob", video, folder=tmp_path, date="2026-10-05")
            (root / "labeled-data" / "vid" / "note.txt").write_text("labels")
        with folder_lock(root):
            yield

    monkeypatch.setattr("dlcx.workflow.create_project.folder_lock", second)
    done = create_project("mice", "Bob", video, folder=tmp_path, date="2026-10-05")
    assert done.existed
    assert (done.project / "labeled-data" / "vid" / "note.txt").read_text() == "labels"


@pytest.mark.parametrize("name", ["a\x1b[31mb.avi", "caf\udce9.avi"])
def test_a_video_of_a_name_that_config_yaml_cannot_list(name, video, tmp_path):
    (tmp_path / name).write_bytes(video.read_bytes())
    with pytest.raises(DlcxError, match="a video's name"):
        create_project("gold", "me", tmp_path / name, folder=tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_a_folder_that_links_to_itself(video, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    assert run(["create-project", "gold", "me", str(video), "--dir", "loop"]) == 3
    assert "loop" in capsys.readouterr().err
    assert run(["demo", "loop"]) == 3
    assert "loop" in capsys.readouterr().err
