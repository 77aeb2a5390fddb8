import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dlcx.data import synthetic
from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.project_config import open_project
from dlcx.workflow import demo as module
from dlcx.workflow.demo import demo


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FRAMES", 20)
    monkeypatch.setattr(module, "LABELED", 4)


def test_project_video_and_truth(tmp_path):
    result = demo(tmp_path / "one")
    project = open_project(result.project)
    labels = read_labels(project.labels_path("arena"), project.layout, project.scorer)
    assert project.layout.bodyparts == synthetic.scene(1, 2).layout.bodyparts
    assert len(labels) == 4
    video = cv2.VideoCapture(str(result.video))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 20
    truth = read_predictions(result.truth)
    for (folder, stem, name), xy in zip(labels.images, labels.xy, strict=True):
        image = cv2.imread(str(project.root / folder / stem / name))
        index = int(name.removeprefix("img").removesuffix(".png"))
        np.testing.assert_allclose(xy, truth.xy[index], atol=1e-4)
        video.set(cv2.CAP_PROP_POS_FRAMES, index)
        np.testing.assert_array_equal(image, video.read()[1])


def test_several_animals_have_hidden_points_without_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FRAMES", 120)
    monkeypatch.setattr(module, "LABELED", 40)
    result = demo(tmp_path / "three", animals=3, seed=2)
    project = open_project(result.project)
    labels = read_labels(project.labels_path("arena"), project.layout, project.scorer)
    truth = read_predictions(result.truth)
    assert labels.layout.individuals == ("mouse1", "mouse2", "mouse3")
    assert result.empty == (~np.isfinite(labels.xy).any((1, 2, 3))).sum()
    assert replace(result, empty=5).lines()[1].endswith(" px, 5 without an animal")
    assert labels.layout.multi
    inside = np.isfinite(truth.xy).all(-1)
    assert 0.5 < inside.mean() < 1
    assert (truth.score[~inside] == 0).all()
    assert set(np.unique(truth.score)) == {0.0, 1.0}
    index = [int(name.removeprefix("img").removesuffix(".png")) for *_, name in labels.images]
    np.testing.assert_array_equal(np.isfinite(labels.xy).all(-1), truth.score[index] == 1)


def test_again_is_success_and_other_settings_need_overwrite(tmp_path):
    target = tmp_path / "demo"
    assert not demo(target).existed
    before = (target / "labeled-data" / "arena" / "CollectedData_dlcx.csv").read_bytes()
    again = demo(target)
    assert again.existed
    assert "was there already" in again.lines()[0]
    with pytest.raises(DlcxError, match="other settings") as caught:
        demo(target, seed=1)
    assert "--overwrite" in caught.value.hint
    demo(target, seed=1, overwrite=True)
    assert (target / "labeled-data" / "arena" / "CollectedData_dlcx.csv").read_bytes() != before
    assert json.loads((target / "demo.json").read_text())["seed"] == 1


def test_foreign_folders_are_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DlcxError, match="no demo project"):
        demo(tmp_path, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "precious"


@pytest.mark.parametrize(("options", "flag"), [({"animals": 0}, "--animals 0"), ({"seed": -1}, "--seed -1")])
def test_values_out_of_range(tmp_path, options, flag):
    with pytest.raises(DlcxError, match=flag):
        demo(tmp_path / "x", **options)


def test_a_failed_drawing_leaves_nothing(tmp_path, monkeypatch):
    def broken(*_args: object, **_options: object):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_text", broken)
    with pytest.raises(DlcxError, match=r"disk full: cannot write .*: no space left"):
        demo(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []
