"""The worked example of docs/adding-a-label-format.md: its module registers, its test passes, the commands use it."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from readers import _of_label_format

from dlcx.cli.app import run
from dlcx.formats.labels import interchange, registry
from dlcx.formats.labels.collected_data import read_labels

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-label-format.md"
LABELS = ROOT / "tests" / "golden" / "evaluation" / "mui"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tsv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[registry.LabelFormat]:
    """The page's module in the folder of the formats, and the test beside it in the working folder."""
    module, test = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    folder = tmp_path / "interchange"
    folder.mkdir()
    (folder / "tsv.py").write_text(module, encoding="utf-8")
    (tmp_path / "test_tsv.py").write_text(test, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    registry.label_formats()
    monkeypatch.setattr(registry, "_FORMATS", dict(registry._FORMATS))
    monkeypatch.setattr(interchange, "__path__", [*interchange.__path__, str(folder)])
    registry._import_formats.cache_clear()
    yield next(one for one in registry.label_formats() if ".tsv" in one.suffixes)
    sys.modules.pop(f"{interchange.__name__}.tsv", None)


def test_the_tests_of_all_formats_cover_it(tsv: registry.LabelFormat, tmp_path: Path):
    tests = load(ROOT / "tests" / "formats" / "labels" / "test_registry.py")
    for layout in tests.LAYOUTS:
        (tmp_path / layout).mkdir()
        tests.test_round_trip(tsv, ".tsv", layout, tmp_path / layout)
    reader = _of_label_format(tsv, ".tsv")
    reader.make(tmp_path)
    assert reader.read(tmp_path / reader.file).layout.individuals == ("anne", "bert")
    load(tmp_path / "test_tsv.py").test_a_position_that_is_not_a_number_is_refused(tmp_path)
    assert ".tsv: tab-separated table" in registry.describe_readable()


def test_the_commands_use_it(tsv: registry.LabelFormat, tmp_path: Path):
    project = tmp_path / "project"
    shutil.copytree(ROOT / "tests" / "golden" / "files" / "mui", project)
    folder = project / "labeled-data" / "vid"
    shutil.copytree(LABELS / "images", folder, dirs_exist_ok=True)
    for suffix in (".h5", ".csv"):
        shutil.copyfile(LABELS / f"CollectedData_me{suffix}", folder / f"CollectedData_me{suffix}")
    before = read_labels(folder / "CollectedData_me.h5")
    assert run(["export-labels", "labels.tsv", "--project", str(project), "--quiet"]) == 0
    for path in folder.glob("CollectedData_me.*"):
        path.unlink()
    assert run(["import-labels", "labels.tsv", "--images", str(project), "--project", str(project), "--quiet"]) == 0
    after = read_labels(folder / "CollectedData_me.h5")
    labeled = [row for row in range(len(before)) if np.isfinite(before.xy[row]).any()]
    assert after.images == tuple(before.images[row] for row in labeled)
    np.testing.assert_allclose(after.xy, before.xy[labeled], rtol=1e-12)
