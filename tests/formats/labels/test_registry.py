"""Every registered label format: what is exported can be imported again, and registration refuses conflicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from label_examples import LAYOUTS, example_export, example_labels, write_images

from dlcx.errors import DlcxError
from dlcx.formats.labels import registry
from dlcx.formats.labels.imported_labels import ImportedLabels
from dlcx.formats.labels.registry import (
    LabelExport,
    describe_readable,
    label_formats,
    label_reader,
    label_writer,
    readable_format,
    writable_format,
)

BOTH_WAYS = [(one, suffix) for one in label_formats() if one.read and one.write for suffix in one.suffixes]


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_FORMATS", dict(registry._FORMATS))


def test_formats_of_other_programs_are_registered():
    assert {one.name: one.suffixes for one in label_formats()}.items() >= {
        "COCO keypoints": (".json",),
        "DeepLabCut": (".h5", ".csv"),
        "SLEAP": (".slp",),
    }.items()
    assert describe_readable().startswith(".json: COCO keypoints; .h5 or .csv: DeepLabCut; ")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("label_format", "suffix"), BOTH_WAYS, ids=lambda value: getattr(value, "name", value))
def test_round_trip(label_format: registry.LabelFormat, suffix: str, layout: str, tmp_path: Path):
    labels = example_labels(LAYOUTS[layout])
    write_images(labels, tmp_path)
    path = tmp_path / f"labels{suffix}"
    before = set(tmp_path.iterdir())
    assert label_format.write is not None
    assert label_format.read is not None
    label_format.write(example_export(labels, tmp_path), path)
    assert set(tmp_path.iterdir()) - before == set(label_format.targets(path))
    imported = label_format.read(path)
    assert imported.layout.bodyparts == labels.layout.bodyparts
    assert imported.layout.unique == labels.layout.unique
    assert imported.individuals_named == labels.layout.multi
    if labels.layout.multi:
        assert imported.layout.individuals == labels.layout.individuals
    rows = {Path(image.file).parts[-2:]: row for row, image in enumerate(imported.images)}
    labeled = np.isfinite(labels.xy).any((1, 2, 3)) | np.isfinite(labels.unique_xy).any((1, 2))
    for row, image in enumerate(labels.images):
        assert image[1:] in rows or not labeled[row]  # formats may leave out images without labels
        if image[1:] in rows:
            np.testing.assert_allclose(imported.xy[rows[image[1:]]], labels.xy[row], rtol=1e-12)
            np.testing.assert_allclose(imported.unique_xy[rows[image[1:]]], labels.unique_xy[row], rtol=1e-12)


def read_points(path: Path, *, predicted: bool = False) -> ImportedLabels:
    raise NotImplementedError


def write_points(export: LabelExport, path: Path) -> None:
    raise NotImplementedError


def test_a_format_is_found_by_its_suffix():
    label_reader("Points", suffixes=(".points",))(read_points)
    assert readable_format(Path("labels.points")).read is read_points
    assert ".points: Points" in describe_readable()
    with pytest.raises(DlcxError, match=r"labels\.points: unknown format '\.points'") as caught:
        writable_format(Path("labels.points"))
    assert ".points" not in caught.value.hint
    assert ".json" in caught.value.hint
    label_writer("Points", suffixes=(".points",))(write_points)
    assert writable_format(Path("labels.points")).write is write_points
    assert readable_format(Path("labels.points")).read is read_points


def test_files_that_are_written_together():
    path = Path("out/labels.csv")
    assert writable_format(path).targets(path) == (Path("out/labels.h5"), path)
    path = Path("out/labels.json")
    assert writable_format(path).targets(path) == (path,)


def test_conflicting_registrations_are_refused():
    with pytest.raises(ValueError, match="'COCO keypoints' already has a reader"):
        label_reader("COCO keypoints", suffixes=(".json",))(read_points)
    with pytest.raises(ValueError, match="'COCO keypoints' already has a writer"):
        label_writer("COCO keypoints", suffixes=(".json",))(write_points)
    with pytest.raises(ValueError, match=r"suffix \.json of 'Points' already belongs to 'COCO keypoints'"):
        label_reader("Points", suffixes=(".json", ".points"))(read_points)
    with pytest.raises(ValueError, match="'COCO keypoints': suffixes"):
        label_writer("COCO keypoints", suffixes=(".coco",))(write_points)
