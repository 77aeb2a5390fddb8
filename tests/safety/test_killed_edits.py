"""Commands that edit a project are killed at every change of a file and run again: nothing is lost or left behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from killing import Killed, killed_at

from dlcx.analysis.lookup.derived_files import is_there
from dlcx.analysis_files import TrackFiles
from dlcx.errors import DlcxError
from dlcx.file_transaction import atomic_folder, folder_lock, recover
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.labels.machine_labels import MachineLabels, write_machine_labels
from dlcx.formats.predictions.video_predictions import read_predictions, write_predictions
from dlcx.formats.project_config import open_project
from dlcx.outputs import write_text
from dlcx.poses import Labels, Layout, Tracks
from dlcx.training.start_stage import replace_outdated
from dlcx.workflow.import_labels import import_labels
from dlcx.workflow.merge_labels import merge_labels
from dlcx.workflow.swap_tracks import swap_tracks

FILES = Path(__file__).parents[1] / "golden" / "files"


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


def kills(root: Path, call: Callable[[], object], step: int = 1) -> Iterator[int]:
    """Kill the call at a later change of a file each time, in the same folder ``root``; ends when it is not killed."""
    backup = root.with_name(f"{root.name} backup")
    shutil.copytree(root, backup)
    for event in range(0, 1000, step):
        shutil.rmtree(root)
        shutil.copytree(backup, root)
        try:
            with killed_at(event, root):
                call()
        except Killed:
            yield event
        else:
            return


def hidden(root: Path) -> list[Path]:
    return list(root.rglob(".*"))


@pytest.mark.parametrize("again", ["the same call", "another call"])
def test_swap_tracks(tmp_path: Path, again: str) -> None:
    root = tmp_path / "tracks"
    root.mkdir()
    path, own = root / "vDLC_el.h5", TrackFiles(root, "vDLC_el")
    before = np.arange(9 * 2 * 2, dtype=np.float64).reshape(9, 2, 1, 2)
    tracks = Tracks(Layout(("snout",), ("ann", "bob"), multi=True), before, np.ones((9, 2, 1)), *empty(9))
    write_predictions(tracks, path, "DLC", csv=True, key="tracks")
    own.record.write_text(json.dumps({"settings": {}, "frames": [0, 9], "found": {}, "mended": []}))
    swapped = before.copy()
    swapped[3:] = before[3:, ::-1]
    count = 0
    for event in kills(
        root, lambda: swap_tracks(path, "ann", "bob", first=3), step=1 if again == "the same call" else 3
    ):
        count += 1
        if again == "the same call":
            complete = bool(json.loads(own.record.read_text())["mended"]) and hidden(root) == []
            swap_tracks(path, "ann", "bob", first=3)
            expected, calls = [swapped], [[(3, 8)]]
            if complete:  # killed after the last change: the same call takes the swap back
                expected, calls = [before], [[(3, 8)] * 2]
        else:
            swap_tracks(path, "ann", "bob", last=0)
            expected = [before.copy(), swapped.copy()]
            for one in expected:
                one[0] = before[0, ::-1]
            calls = [[(0, 0)], [(3, 8), (0, 0)]]
        found = read_predictions(path).xy
        index = next(index for index, one in enumerate(expected) if np.array_equal(one, found))
        np.testing.assert_array_equal(read_predictions(path.with_suffix(".csv")).xy, found)
        noted = json.loads(own.record.read_text())["mended"]
        assert [(one["first"], one["last"]) for one in noted] == calls[index], event
        assert hidden(root) == []
    assert count > 8


def empty(frames: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((frames, 0, 2)), np.zeros((frames, 0))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with eight labeled images."""
    import cv2

    root = tmp_path / "project"
    folder = root / "labeled-data" / "vid"
    folder.mkdir(parents=True)
    shutil.copy(FILES / "sa" / "config.yaml", root)
    for path in (FILES / "sa" / "training-datasets").rglob("CollectedData_me.*"):
        shutil.copy(path, folder)
    for number in (*range(8), 20, 21):
        cv2.imwrite(str(folder / f"img{number:02}.png"), np.zeros((128, 160, 3), np.uint8))
    return root


def labels_of(root: Path) -> Labels:
    home = open_project(root)
    return read_labels(home.labels_path("vid"), home.layout, home.scorer)


def same_files(root: Path) -> bool:
    """Whether h5 and csv say the same."""
    base = open_project(root).labels_path("vid")
    h5, csv = (read_labels(base.with_name(base.name + suffix)) for suffix in (".h5", ".csv"))
    return h5.images == csv.images and np.allclose(h5.xy, csv.xy, equal_nan=True)


def test_import_labels_overwrite(project: Path, tmp_path: Path) -> None:
    old = labels_of(project)
    new = Labels(old.layout, old.images[:4], old.xy[:4] + 1, old.unique_xy[:4])
    write_labels(new, tmp_path / "new", "me")
    count = 0
    for event in kills(project, lambda: import_labels(project, tmp_path / "new.h5", overwrite=True), step=3):
        count += 1
        found = labels_of(project)  # old or new, never fewer
        assert found.images == old.images
        moved = (found.xy - old.xy)[:4].round(6)
        assert set(np.unique(moved[np.isfinite(moved)])) in ({0.0}, {1.0}), event
        import_labels(project, tmp_path / "new.h5", overwrite=True)
        found = labels_of(project)
        np.testing.assert_array_equal(found.xy[:4], new.xy)
        np.testing.assert_array_equal(found.xy[4:], old.xy[4:])
        assert same_files(project)
        assert hidden(project) == []
    assert count > 4


def test_merge_labels(project: Path) -> None:
    home, old = open_project(project), labels_of(project)
    images = tuple(("labeled-data", "vid", f"img{number:02d}.png") for number in (20, 21))
    poses = np.full((2, 1, 3, 2), 5, np.float32), np.ones((2, 1, 3), np.float32)
    machine = MachineLabels("net", home.layout, images, *poses, *(one.astype(np.float32) for one in empty(2)))
    write_machine_labels(machine, home.machine_labels_path("vid"))
    count = 0
    for event in kills(project, lambda: merge_labels(project, accept_machine_labels=True), step=2):
        count += 1
        assert labels_of(project).images[:8] == old.images
        merge_labels(project, accept_machine_labels=True)
        found = labels_of(project)
        assert found.images == (*old.images, *images), event
        np.testing.assert_array_equal(found.xy[8:], poses[0])
        assert open_project(project).iteration == home.iteration + 1
        assert same_files(project)
        assert hidden(project) == []
    assert count > 6


@pytest.mark.parametrize("settles", ["the same call", "a look"])
def test_a_folder_that_is_replaced(tmp_path: Path, settles: str) -> None:
    place = tmp_path / "place"
    write_text(place / "demo" / "old.txt", "hours")

    def replace() -> None:
        with folder_lock(place / "demo"), atomic_folder(place / "demo") as part:
            write_text(part / "new.txt", "new")

    seen, kept = [], 0
    for _ in kills(place, replace):
        with folder_lock(place / "demo"):
            pass
        seen.append([path.name for path in (place / "demo").iterdir()])
        if (place / ".demo.before").exists():  # killed between two renames: nobody can tell which one counts
            assert (seen[-1], (place / ".demo.before" / "old.txt").read_text()) == (["new.txt"], "hours")
            kept += 1
        elif settles == "the same call":
            replace()
            assert [path.name for path in (place / "demo").iterdir()] == ["new.txt"]
            assert hidden(place) == []
        else:
            assert hidden(place) == []
    assert kept == 1
    assert len(seen) > 6
    assert seen == sorted(seen, reverse=True)
    assert (seen[0], seen[-1]) == (["old.txt"], ["new.txt"])


def test_a_folder_that_fails_to_be_replaced_stays(tmp_path: Path) -> None:
    write_text(tmp_path / "demo" / "old.txt", "hours")
    with pytest.raises(DlcxError, match="no"), folder_lock(tmp_path / "demo"), atomic_folder(tmp_path / "demo") as part:
        write_text(part / "new.txt", "new")
        raise DlcxError("no")
    assert [path.name for path in tmp_path.rglob("*")] == ["demo", "old.txt"]


def test_files_of_a_training_that_is_given_up_go_together(project: Path) -> None:
    """`train --resume none --overwrite`: no later call goes on with a part of them."""
    shuffle = open_project(project).shuffle(1)
    outdated = [shuffle.train_dir / name for name in ("snapshot-005.pt", "snapshot-best-003.pt", "dlcx-resume.pt")]
    for path in outdated:
        write_text(path, "hours")
    stage = type("Stage", (), {"shuffle": shuffle})()
    point = type("Point", (), {"source": Path("elsewhere")})()
    seen = []
    for _ in kills(project, lambda: replace_outdated(stage, point, None, outdated)):
        recover(project)
        seen.append(sum(path.exists() for path in outdated))
        assert [path for path in hidden(project) if ".part" not in path.name] == []
    assert set(seen) == {0, 3}
    assert seen == sorted(seen, reverse=True)


def test_a_csv_that_a_killed_filter_has_not_replaced_is_replaced_by_the_same_call(tmp_path: Path) -> None:
    root = tmp_path / "videos"
    root.mkdir()
    path = root / "vDLC_filtered.h5"
    layout = Layout(("snout",))
    old, new = (Tracks(layout, np.full((9, 1, 1, 2), value), np.ones((9, 1, 1)), *empty(9)) for value in (3.0, 4.0))
    write_predictions(old, path, "DLC", origin='{"window": 5}')
    seen = []
    for _ in kills(root, lambda: write_predictions(new, path, "DLC", origin='{"window": 7}')):
        replaced = read_predictions(path).xy[0, 0, 0, 0] == 4
        complete = replaced and is_there(path, '{"window": 7}', overwrite=False)
        if not complete:
            write_predictions(new, path, "DLC", origin='{"window": 7}')
            assert hidden(root) == []
        for one in (path, path.with_suffix(".csv")):
            np.testing.assert_array_equal(read_predictions(one).xy, 4)
        seen.append((replaced, complete))
    assert (True, False) in seen
    assert (True, True) in seen
