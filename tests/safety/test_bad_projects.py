"""Projects that are damaged, half done, moved or old: one clear line with the way out, or a stated handling."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlcx.cli.app import run
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.serialization.yaml_files import read_yaml, write_yaml
from dlcx.outputs import write_text
from dlcx.poses import Labels

Change = Callable[[Path], object]


@pytest.fixture
def project(golden: Path, tmp_path: Path) -> Path:
    """Eight labeled images, no shuffle."""
    return _made(golden, tmp_path / "goldsa-me-2025-11-22")


def _made(golden: Path, root: Path) -> Path:
    root.mkdir(parents=True)
    shutil.copy(golden / "files" / "sa" / "config.yaml", root)
    images = root / "labeled-data" / "vid"
    shutil.copytree(golden / "evaluation" / "sa" / "images", images)
    for suffix in (".h5", ".csv"):
        shutil.copy(golden / "evaluation" / "sa" / f"CollectedData_me{suffix}", images)
    return root


def labels_file(root: Path) -> Path:
    return root / "labeled-data" / "vid" / "CollectedData_me"


def with_config(**changes: object) -> Change:
    """Other values of config.yaml; None takes the key away."""

    def change(root: Path) -> None:
        config = {**read_yaml(root / "config.yaml"), **changes}
        write_yaml({key: value for key, value in config.items() if value is not None}, root / "config.yaml")

    return change


def with_labels(change: Callable[[Labels], Labels], scorer: str = "me") -> Change:
    def changed(root: Path) -> None:
        write_labels(change(read_labels(labels_file(root))), labels_file(root), scorer)

    return changed


def moved(labels: Labels, xy: np.ndarray) -> Labels:
    return Labels(labels.layout, labels.images, xy, labels.unique_xy)


def twice(root: Path) -> None:
    table = pd.read_hdf(labels_file(root).with_suffix(".h5"))
    both = pd.concat([table, table.iloc[:1]])
    both.to_hdf(labels_file(root).with_suffix(".h5"), key="df_with_missing", format="fixed", mode="w")


def text(root: Path, content: str | bytes) -> None:
    (root / "config.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())


def first_image(root: Path) -> Path:
    return sorted((root / "labeled-data" / "vid").glob("*.png"))[0]


def misspelt(labels: Labels, old: str, new: str) -> Labels:
    parts = tuple(new if part == old else part for part in labels.layout.bodyparts)
    return Labels(type(labels.layout)(parts), labels.images, labels.xy, labels.unique_xy)


def without_labels(root: Path) -> None:
    for suffix in (".h5", ".csv"):
        labels_file(root).with_suffix(suffix).unlink()


def file_in_place_of_folder(root: Path) -> None:
    (root / "training-datasets").write_text("a file, not a folder")


def no_config(root: Path) -> None:
    (root / "config.yaml").unlink()


@dataclass(frozen=True)
class Bad:
    """``change`` spoils a sound project; create-dataset then ends with ``code``, and says ``says`` on stderr."""

    name: str
    change: Change
    code: int
    says: str


BAD = (
    Bad("labels outside of the image", with_labels(lambda labels: moved(labels, labels.xy + 40)), 0, ""),
    Bad(
        "all labels outside",
        with_labels(lambda labels: moved(labels, labels.xy + 9_000)),
        3,
        "has a label inside the image",
    ),
    Bad(
        "nan everywhere",
        with_labels(lambda labels: moved(labels, np.full_like(labels.xy, np.nan))),
        3,
        "has a label inside the image",
    ),
    Bad(
        "infinite labels",
        with_labels(lambda labels: moved(labels, np.where(labels.xy > 60, np.inf, labels.xy))),
        3,
        "expected a position in the image for snout x, got inf",
    ),
    Bad("an image twice", twice, 3, "is labeled twice"),
    Bad("an image missing", lambda root: first_image(root).unlink(), 3, "does not exist"),
    Bad("an image empty", lambda root: first_image(root).write_bytes(b""), 3, "is not a readable image"),
    Bad("an image of text", lambda root: first_image(root).write_text("no image"), 3, "is not a readable image"),
    Bad(
        "an image is a folder",
        lambda root: (first_image(root).unlink(), (root / "labeled-data/vid" / "x").mkdir()),
        3,
        "does not exist",
    ),
    Bad(
        "a bodypart misspelt",
        with_labels(lambda labels: misspelt(labels, "back", "bakc")),
        0,
        "bodyparts not in config.yaml, left out: bakc",
    ),
    Bad(
        "a bodypart missing",
        with_config(bodyparts=["snout", "back", "tail", "ear"]),
        0,
        "bodyparts without labels: ear",
    ),
    Bad("no bodypart known", with_config(bodyparts=["a", "b"], skeleton=[]), 3, "has a label inside the image"),
    Bad(
        "another scorer",
        with_labels(lambda labels: labels, scorer="you"),
        3,
        "labeled by 'you', but config.yaml says scorer 'me'",
    ),
    Bad("the scorer renamed in config.yaml", with_config(scorer="you"), 3, "no labels in"),
    Bad("no labels", without_labels, 3, "no labels in"),
    Bad("csv only", lambda root: labels_file(root).with_suffix(".h5").unlink(), 0, ""),
    Bad(
        "csv edited",
        lambda root: write_text(
            labels_file(root).with_suffix(".csv"),
            labels_file(root).with_suffix(".csv").read_text().replace("42.063", "47.063"),
        ),
        0,
        "labels that differ from the h5",
    ),
    Bad("h5 damaged", lambda root: labels_file(root).with_suffix(".h5").write_bytes(b"no hdf5"), 3, "no HDF5 file"),
    Bad("h5 empty", lambda root: labels_file(root).with_suffix(".h5").write_bytes(b""), 3, "no HDF5 file"),
    Bad(
        "of several animals now",
        with_config(multianimalproject=True, bodyparts="MULTI!", multianimalbodyparts=["snout"], individuals=["a"]),
        3,
        "labels of a single animal",
    ),
    Bad(
        "individuals missing",
        with_config(multianimalproject=True, bodyparts="MULTI!", multianimalbodyparts=["snout"], individuals=[]),
        3,
        "individuals",
    ),
    Bad("no bodyparts", with_config(bodyparts=[]), 3, "bodyparts: expected at least one name"),
    Bad("bodyparts twice", with_config(bodyparts=["snout", "snout"]), 3, "distinct"),
    Bad("no Task", with_config(Task=None), 3, "Task: required, but missing"),
    Bad("a key misspelt", with_config(bodypart=["snout"]), 3, "unknown key"),
    Bad("a fraction of 95", with_config(TrainingFraction=[95]), 3, "TrainingFraction"),
    Bad("no fraction", with_config(TrainingFraction=[]), 3, "TrainingFraction"),
    Bad("a fraction of nothing", with_config(TrainingFraction=[0.01]), 3, "training image"),
    Bad("YAML with a tab", lambda root: text(root, "Task: x\nscorer:\tme\n\tdate: y\n"), 3, "line 3, column 1"),
    Bad("YAML cut off", lambda root: text(root, "Task: x\nbodyparts: [a, b"), 3, "not valid YAML"),
    Bad("YAML in latin-1", lambda root: text(root, "Task: käfer\n".encode("latin-1")), 3, "expected UTF-8"),
    Bad("YAML of nothing", lambda root: text(root, ""), 3, "expected 'key: value' lines"),
    Bad("YAML of bytes", lambda root: text(root, bytes(range(256))), 3, "config.yaml"),
    Bad("no config.yaml", no_config, 3, "no config.yaml found"),
    Bad("an empty project", lambda root: shutil.rmtree(root / "labeled-data"), 3, "no labels in"),
    Bad("a file in place of a folder", file_in_place_of_folder, 3, "cannot write"),
    Bad(
        "moved from Windows",
        with_config(
            project_path=r"C:\Users\me\goldsa",
            video_sets={r"C:\Users\me\goldsa\videos\vid.avi": {"crop": "0, 10, 0, 10"}},
        ),
        0,
        "",
    ),
    Bad(
        "of DeepLabCut 2.0",
        with_config(
            engine=None,
            config_version=None,
            default_net_type=None,
            individuals=None,
            multianimalproject=None,
            detector_batch_size=None,
            detector_snapshotindex=None,
            SuperAnimalConversionTables=None,
            identity=None,
            uniquebodyparts=None,
            multianimalbodyparts=None,
        ),
        0,
        "",
    ),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_create_dataset(bad: Bad, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad.change(project)
    before = set(project.rglob("*"))
    code = run(["create-dataset", "-p", str(project), "--weights", "none"])
    out, err = capsys.readouterr()
    assert code == bad.code, err
    assert "Traceback" not in err
    assert bad.says in err
    if code:
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert bad.says in errors[0]
        assert out == ""
        assert {path for path in project.rglob("*") if path.is_file()} <= before
    else:
        assert (project / "dlc-models-pytorch").is_dir()


@pytest.mark.parametrize(
    "folder",
    [
        "with spaces in it",
        "Käfer ünd Mäuse",
        "ネズミ",
        "a" * 100 + "/" + "b" * 100 + "/" + "c" * 50,
        "it's 100% $HOME;#",
    ],
)
def test_folders_of_any_name(folder: str, golden: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = _made(golden, tmp_path / folder / "goldsa-me-2025-11-22")
    assert run(["create-dataset", "-p", str(root), "--weights", "none"]) == 0, capsys.readouterr().err
    assert run(["status", "-p", str(root)]) == 0
    assert run(["check-labels", "-p", str(root)]) == 0


def test_a_folder_that_is_read_only(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refused)
    assert run(["create-dataset", "-p", str(project), "--weights", "none"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "Permission denied" in err
    assert str(project) in err
    assert "bug" not in err


@pytest.mark.parametrize("error", [OSError(28, "No space left on device", "/x"), MemoryError(), OSError("odd")])
def test_what_the_machine_refuses_is_no_bug(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr("dlcx.workflow.list_models.list_models", fail)
    assert run(["list-models"]) == 3
    err = capsys.readouterr().err
    assert [line.split(":")[0] for line in err.splitlines()] == ["error", "hint"]
    assert "bug" not in err
