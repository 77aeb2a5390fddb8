from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from project_configs import OLD, write

from dlcx.errors import DlcxError
from dlcx.formats.project_config import (
    open_project,
    read_project_config,
    write_project_config,
)
from dlcx.project import Video

FILES = Path(__file__).parents[1] / "golden" / "files"


@pytest.mark.parametrize("name", ["sa", "ma", "mui"])
@pytest.mark.parametrize("file", ["config.yaml", "config_as_created.yaml"])
def test_files_of_deeplabcut_are_written_back_byte_for_byte(name, file, tmp_path):
    write_project_config(read_project_config(FILES / name / file), tmp_path / "config.yaml")
    assert (tmp_path / "config.yaml").read_bytes() == (FILES / name / file).read_bytes()


def test_a_project_of_several_animals():
    project = open_project(FILES / "mui")
    assert project.layout.multi
    assert project.layout.individuals == ("ann", "bob")
    assert project.layout.bodyparts == ("snout", "back", "tail")
    assert project.layout.unique == ("lamp", "door")
    assert project.identity
    assert project.train_fractions == (0.75,)
    assert project.videos == (Video("PROJECT/videos/vid.avi", (0, 160, 0, 128)),)
    assert project.skeleton == (("snout", "back"),)
    assert project.crop is None


def test_files_of_deeplabcut_2_are_read(tmp_path):
    project = open_project(write(tmp_path, OLD))
    assert project.layout.bodyparts == ("paw", "2")
    assert not project.layout.multi
    assert project.videos[0].stem == "left paw"
    assert (project.pcutoff, project.dotsize, project.batch_size) == (0.6, 12, 8)


def test_every_real_project_opens(shared):
    configs = [*(shared / "data" / "projects").rglob("config.yaml"), *(shared / "data").rglob("*-dlc-*/config.yaml")]
    assert len(configs) >= 6
    for path in configs:
        project = open_project(path)
        assert project.root == path.parent
        assert project.layout.bodyparts
        assert project.labels_path(project.videos[0].stem).with_suffix(".h5").is_file()


def test_the_project_is_searched(tmp_path, monkeypatch):
    here = write(tmp_path / "one", OLD).parent
    other = write(tmp_path / "two", OLD).parent
    (here / "videos").mkdir()
    # A config.yaml of another program on the way up is passed over.
    (here / "videos" / "config.yaml").write_text("name: x\n")
    monkeypatch.chdir(here / "videos")
    assert open_project().root == here
    monkeypatch.setenv("DLCX_PROJECT", str(other))
    assert open_project().root == other
    assert open_project(here / "config.yaml").root == here
    assert open_project("..").root.resolve() == here


def test_no_project_says_how_to_name_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DlcxError) as caught:
        open_project()
    assert "--project" in caught.value.hint
    with pytest.raises(DlcxError, match=r"no config\.yaml"):
        open_project(tmp_path)
    monkeypatch.setenv("DLCX_PROJECT", str(tmp_path / "gone"))
    with pytest.raises(DlcxError, match=r"\$DLCX_PROJECT"):
        open_project()


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (("bodyparts:", "bodypart:"), "config.yaml: bodypart: unknown key", "'bodyparts'"),
        (("iteration: 0", "iteration: zero"), "iteration: should be a valid integer", ""),
        (("Task: reaching", "Task:"), "Task: required, but missing", ""),
        (("- 2\n", "- paw\n"), "bodyparts: names must be distinct, got paw more than once", ""),
        (("- paw\n- 2\n", ""), "bodyparts: expected at least one name", ""),
        (("crop: 0, 832", "crop: 832"), "expected four integers", ""),
        (("- 0.95", "- 95"), "TrainingFraction: each fraction must lie between 0 and 1, got 95", ""),
        (("cropping: false", "cropping: true\nx2:"), "cropping is true, so x1, x2, y1 and y2 must be set", ""),
        (("date: Jan30", "date: Jan30\nmultianimalproject: true"), "'MULTI!'", ""),
        (("date: Jan30", "date: Jan30\nskeleton: [[paw]]"), "skeleton: each bone must join two", ""),
        (("date: Jan30", "date: Jan30\nstart: 1\nstop: 0.5"), "start must be less than stop", ""),
    ],
)
def test_what_does_not_fit_is_one_line_with_the_key(change, message, hint, tmp_path):
    assert change[0] in OLD
    path = write(tmp_path, OLD.replace(*change))
    with pytest.raises(DlcxError) as caught:
        open_project(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_empty_values_mean_the_default_and_aliases_are_read(tmp_path):
    shutil.copy(FILES / "mui" / "config.yaml", tmp_path / "config.yaml")
    text = (tmp_path / "config.yaml").read_text()
    text = text.replace("identity: true", "with_identity: true").replace("uniquebodyparts:", "unique_bodyparts:")
    text = text.replace("bodyparts: MULTI!", "bodyparts:").replace("pcutoff: 0.6", "pcutoff:")
    write(tmp_path, text)
    config = read_project_config(tmp_path / "config.yaml")
    assert config == read_project_config(FILES / "mui" / "config.yaml")
