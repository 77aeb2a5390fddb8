"""Two commands that change one file at once keep each other's changes."""

from __future__ import annotations

import importlib
import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from interleaving import interleave
from small_videos import write_video

from dlcx import locks
from dlcx.analysis import tracking
from dlcx.analysis_files import TrackFiles
from dlcx.errors import DlcxError
from dlcx.formats import config_edits
from dlcx.formats.config_edits import add_train_fraction, set_iteration
from dlcx.formats.labels.collected_data import changing_labels, read_labels, write_labels
from dlcx.formats.labels.machine_labels import MachineLabels, read_machine_labels, write_machine_labels
from dlcx.formats.predictions.video_predictions import read_predictions, write_predictions
from dlcx.formats.project_config import open_project, read_project_config
from dlcx.formats.shuffles.metadata import read_metadata
from dlcx.formats.shuffles.model_config import (
    read_model_config,
    update_model_config,
    with_overrides,
    write_model_config,
)
from dlcx.locks import exclusive_edit, locked
from dlcx.poses import Layout, Tracks
from dlcx.workflow.add_videos import add_videos
from dlcx.workflow.create_dataset import create_dataset
from dlcx.workflow.import_labels import import_labels
from dlcx.workflow.merge_labels import merge_labels
from dlcx.workflow.swap_tracks import swap_tracks

TWO = Layout(("snout",), ("ann", "bob"), multi=True)


def module(name: str):
    return importlib.import_module(name)


@pytest.fixture
def config(tmp_path: Path, golden: Path) -> Path:
    shutil.copy(golden / "files" / "sa" / "config.yaml", tmp_path)
    return tmp_path / "config.yaml"


@pytest.mark.parametrize("name", ["TrainingFraction", "video_sets", "iteration"])
def test_config_yaml_keeps_both_changes(config: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = read_project_config(config)
    change = {
        "TrainingFraction": lambda: add_train_fraction(config, 0.31),
        "video_sets": lambda: config_edits.add_videos(config, {"/v/a.mp4": (0, 4, 0, 4)}),
        "iteration": lambda: set_iteration(config, 7),
    }[name]
    other = lambda: config_edits.add_videos(config, {"/v/b.mp4": (0, 8, 0, 8)})  # noqa: E731
    interleave(monkeypatch, config_edits, "read_text", change, other)
    after = read_project_config(config)
    assert "/v/b.mp4" in after.video_sets
    assert {
        "TrainingFraction": after.TrainingFraction == [*before.TrainingFraction, 0.31],
        "video_sets": "/v/a.mp4" in after.video_sets,
        "iteration": after.iteration == 7,
    }[name]
    assert list(config.parent.glob(".*")) == []


def test_an_editor_that_saves_meanwhile_wins(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = config_edits.read_text

    def read_then_edit(path: Path) -> str:
        text = reader(path)
        path.write_text(text.replace("dotsize: ", "dotsize: 1"))
        return text

    monkeypatch.setattr(config_edits, "read_text", read_then_edit)
    with pytest.raises(DlcxError, match=r"config.yaml was changed by another program"):
        set_iteration(config, 7)
    text = config.read_text()
    assert "dotsize: 1" in text
    assert "iteration: 7" not in text


def test_the_second_video_of_a_name_is_refused(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both calls have seen that the project has no such video."""
    for day in ("day1", "day2"):
        (tmp_path / day).mkdir()
    one = write_video(tmp_path / "day1" / "cam.avi", 4)
    other = write_video(tmp_path / "day2" / "cam.mp4", 5)
    with pytest.raises(DlcxError, match=r"already lists a video of this name: .*cam\.(avi|mp4), so .* is not added"):
        interleave(
            monkeypatch,
            module("dlcx.workflow.add_videos"),
            "frame_crops",
            lambda: add_videos(project, one),
            lambda: add_videos(project, other),
        )
    assert [video.stem for video in open_project(project).videos].count("cam") == 1


def test_labels_of_both_imports_are_there(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = open_project(project)
    labels = read_labels(home.labels_path("vid"), home.layout, home.scorer)
    for path in (project / "labeled-data" / "vid").glob("CollectedData*"):
        path.unlink()
    for name, rows in (("a", slice(0, 3)), ("b", slice(3, 8))):
        part = replace(labels, images=labels.images[rows], xy=labels.xy[rows], unique_xy=labels.unique_xy[rows])
        write_labels(part, tmp_path / name, home.scorer)
    interleave(
        monkeypatch,
        module("dlcx.workflow.import_labels"),
        "empty_labels",
        lambda: import_labels(project, tmp_path / "a.h5"),
        lambda: import_labels(project, tmp_path / "b.h5"),
    )
    after = read_labels(home.labels_path("vid"), home.layout, home.scorer)
    assert after.images == labels.images
    np.testing.assert_array_equal(after.xy, labels.xy)


def machine_labels(project: Path, *numbers: int) -> tuple[MachineLabels, Path]:
    home = open_project(project)
    count = len(numbers)
    images = tuple(("labeled-data", "vid", f"img{number:02d}.png") for number in numbers)
    poses = np.full((count, 1, 3, 2), 5, np.float32), np.ones((count, 1, 3), np.float32)
    unique = np.zeros((count, 0, 2), np.float32), np.zeros((count, 0), np.float32)
    return MachineLabels("net", home.layout, images, *poses, *unique), home.machine_labels_path("vid")


def test_merging_labels_twice_begins_one_iteration(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels, target = machine_labels(project, 20, 21)
    write_machine_labels(labels, target)
    for image in labels.images:
        shutil.copyfile(target.with_name("img00.png"), project.joinpath(*image))
    call = lambda: merge_labels(project, accept_machine_labels=True)  # noqa: E731
    interleave(monkeypatch, module("dlcx.workflow.merge_labels"), "read_machine_labels", call, call)
    home = open_project(project)
    assert home.iteration == 1
    assert len(read_labels(home.labels_path("vid"), home.layout, home.scorer)) == 10


def test_labels_saved_in_an_editor_meanwhile_stay(project: Path) -> None:
    home = open_project(project)
    base = home.labels_path("vid")
    labels = read_labels(base, home.layout, home.scorer)
    with changing_labels(base), pytest.raises(DlcxError, match=r"CollectedData_me\.csv was changed by another program"):
        base.with_suffix(".csv").write_text("edited")
        write_labels(labels, base, home.scorer)
    assert base.with_suffix(".csv").read_text() == "edited"


def test_machine_labels_of_both_calls_are_there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the same steps as `extract-outliers`, which is slow to begin."""
    workflow, formats = module("dlcx.workflow.extract_outliers"), module("dlcx.formats.labels.machine_labels")
    first, target = machine_labels(project, 1)
    write_machine_labels(first, target)

    found_by: dict[threading.Thread, MachineLabels] = {}
    video = SimpleNamespace(frames=100, path=Path("vid.avi"))
    saved = SimpleNamespace(names={}, written=())
    monkeypatch.setattr(workflow, "add_videos", lambda *_, **__: SimpleNamespace(added=()))
    monkeypatch.setattr(workflow, "save_frames", lambda *_: saved)
    monkeypatch.setattr(workflow, "_machine_labels", lambda *_: found_by[threading.current_thread()])
    monkeypatch.setattr("dlcx.data.video.open_video", lambda _: video)

    def extract(*numbers: int) -> None:
        found_by[threading.current_thread()] = machine_labels(project, *numbers)[0]
        pick = workflow._Pick(open_project(project), "uniform", None, 1, False, False, None)
        search = SimpleNamespace(algorithm="list")
        found = SimpleNamespace(
            video=Path("vid.avi"),
            in_frame=lambda: SimpleNamespace(layout=open_project(project).layout),
            file=SimpleNamespace(path=Path("x"), scorer="net"),
        )
        pick(found, type("Search", (), {"algorithm": search.algorithm, "__call__": lambda *_: list(numbers)})())

    interleave(monkeypatch, formats, "read_machine_labels", lambda: extract(2), lambda: extract(3), after=2)
    images = [image[2] for image in read_machine_labels(target).images]
    assert sorted(images) == ["img01.png", "img02.png", "img03.png"]


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """Tracks of two animals in twelve frames, linked by dlcx."""
    xy = np.arange(12 * 2 * 2, dtype=np.float64).reshape(12, 2, 1, 2)
    path = tmp_path / "vDLC_el.h5"
    none = np.zeros((12, 0, 2)), np.zeros((12, 0))
    write_predictions(Tracks(TWO, xy, np.ones((12, 2, 1)), *none), path, "DLC", csv=True, key="tracks")
    record = {"settings": {}, "frames": [0, 12], "found": {}, "mended": []}
    TrackFiles(tmp_path, "vDLC_el").record.write_text(json.dumps(record))
    return path


def test_both_swaps_are_made_and_noted(tracks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_predictions(tracks).xy
    interleave(
        monkeypatch,
        module("dlcx.formats.predictions.swap_individuals"),
        "read_h5",
        lambda: swap_tracks(tracks, "ann", "bob", first=2, last=4),
        lambda: swap_tracks(tracks, "ann", "bob", first=8),
    )
    expected = before.copy()
    for rows in (slice(2, 5), slice(8, 12)):
        expected[rows] = before[rows, ::-1]
    for path in (tracks, tracks.with_suffix(".csv")):
        np.testing.assert_array_equal(read_predictions(path).xy, expected)
    noted = json.loads(TrackFiles(tracks.parent, tracks.stem).record.read_text())["mended"]
    assert sorted((one["first"], one["last"]) for one in noted) == [(2, 4), (8, 11)]


def test_notes_of_swaps_are_kept_when_tracks_are_forgotten(tracks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = TrackFiles(tracks.parent, tracks.stem)
    files = SimpleNamespace(track_files=lambda _: own)
    mended = {"one": "ann", "other": "bob", "first": 1, "last": 2, "token": "t"}
    interleave(
        monkeypatch,
        tracking,
        "_read_record",
        lambda: tracking.forget_tracks(files),
        lambda: tracking.note_mended(own, mended),
    )
    record = json.loads(own.record.read_text())
    assert record["frames"] is None
    assert record["mended"] == [mended]


@pytest.fixture
def shuffle_config(project: Path) -> Path:
    return create_dataset(project, weights="none", shuffle=5).shuffles[0].config


def test_pytorch_config_is_not_taken_back(project: Path, shuffle_config: Path) -> None:
    """A training that has read the file must not write over what was edited meanwhile, hours later perhaps."""
    place = open_project(project).shuffle(5)
    before = read_model_config(shuffle_config)
    asked = with_overrides(before, ["train_settings.epochs=3"])
    update_model_config(before, asked, place)
    assert read_model_config(shuffle_config).train_settings.epochs == 3
    edited = with_overrides(asked, ["train_settings.batch_size=2"])
    write_model_config(edited, shuffle_config)
    with pytest.raises(DlcxError, match=r"pytorch_config.yaml was changed since dlcx read it") as refused:
        update_model_config(asked, with_overrides(asked, ["train_settings.epochs=9"]), place)
    assert refused.value.hint == "Run the same command again."
    assert read_model_config(shuffle_config).plain() == edited.plain()


def test_shuffles_made_at_once_count_the_same_labels(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = module("dlcx.workflow.create_dataset")
    monkeypatch.setattr(workflow, "_check_nets", lambda _: None)
    interleave(
        monkeypatch,
        workflow,
        "read_all_labels",
        lambda: create_dataset(project, weights="none", shuffle=6),
        lambda: create_dataset(project, weights="none", shuffle=7),
    )
    home = open_project(project)
    entries = read_metadata(home)
    for number in (6, 7):
        assert home.shuffle(number).model_config_path.is_file()
        assert entries[home.shuffle(number).name]["index"] == number


def test_whoever_waits_says_for_whom_and_gives_up(
    config: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter(range(0, 1000, 1))
    monkeypatch.setattr(locks.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(locks.time, "sleep", lambda _: None)
    with (
        locked(config.with_name(".config.yaml.lock"), "it"),
        pytest.raises(DlcxError, match=r"config.yaml is held by process \d+ on \S+ since \d{4}-") as refused,
    ):
        set_iteration(config, 7)
    assert refused.value.exit_code == 3
    assert refused.value.hint.startswith("Wait for that process. If it no longer exists, delete ")
    assert caplog.text.count("waiting for ") == 1
    with exclusive_edit(config):
        pass


def test_locks_of_many_files_are_taken_in_one_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    monkeypatch.setattr(locks, "exclusive_edit", lambda path, *_: (taken.append(path.name), exclusive_edit(path))[1])
    paths = [tmp_path / name for name in ("c", "a", "b")]
    with changing_labels(*paths), changing_labels():
        pass
    assert taken == ["a.h5", "b.h5", "c.h5"]
