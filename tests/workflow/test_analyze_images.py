import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from image_poses import same_poses

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.workflow.analyze_images import analyze_images

SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"


@pytest.fixture
def images(golden: Path, tmp_path: Path) -> Path:
    """The two images that DeepLabCut analyzed."""
    return Path(shutil.copytree(golden / "analysis" / "sa" / "images", tmp_path / "images"))


def test_images_of_a_folder_are_what_deeplabcut_finds(trained_project, images, golden):
    result = analyze_images(trained_project, images)
    assert result.h5 == images / f"image_predictions_{SCORER}.h5"
    assert result.csv == result.h5.with_suffix(".csv")
    assert pd.read_hdf(result.h5).index.tolist() == [str(images / name) for name in ("new10.png", "new9.png")]
    same_poses(result.h5, golden / "analysis" / "sa" / result.csv.name)
    rows = [row[1:] for row in csv.reader(result.csv.read_text().splitlines())]
    theirs = [row[1:] for row in csv.reader((golden / "analysis" / "sa" / result.csv.name).read_text().splitlines())]
    assert rows[:4] == theirs[:4]
    assert np.abs(np.array(rows[4:], float)[::-1] - np.array(theirs[4:], float)).max() < 0.01
    assert result.exit_code == 0


def test_results_of_other_images_are_not_lost(trained_project, images, tmp_path):
    first = analyze_images(trained_project, images / "new9.png")
    with pytest.raises(DlcxError, match="exists") as caught:
        analyze_images(trained_project, images)
    assert "--overwrite" in caught.value.hint
    assert len(pd.read_hdf(first.h5)) == 1
    analyze_images(trained_project, images, overwrite=True)
    assert len(pd.read_hdf(first.h5)) == 2
    other = analyze_images(trained_project, [images / "new9.png"], out=tmp_path / "other", csv=False)
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == [other.h5.name]


def test_images_of_several_sizes_and_folders_and_one_that_is_broken(trained_project, images, tmp_path):
    wide = tmp_path / "wide"
    wide.mkdir()
    cv2.imwrite(str(wide / "new9.png"), np.zeros((40, 200, 3), np.uint8))
    (images / "broken.png").write_text("no image")
    with pytest.raises(DlcxError, match="in 2 folders") as caught:
        analyze_images(trained_project, [images, wide])
    assert "--out" in caught.value.hint
    result = analyze_images(trained_project, [images, wide], out=tmp_path / "out", batch_size=4, plot=True)
    assert [path.name for path in result.images] == ["new10.png", "new9.png", "new9.png"]
    assert [failure.image.name for failure in result.failed] == ["broken.png"]
    assert result.exit_code == 4
    assert result.pictures == tmp_path / "out" / f"LabeledImages_{SCORER}"
    drawn = sorted(path.name for path in result.pictures.iterdir())
    assert drawn == ["predictions_images_new9.png", "predictions_new10.png", "predictions_wide_new9.png"]
    picture, image = cv2.imread(str(result.pictures / "predictions_new10.png")), cv2.imread(str(images / "new10.png"))
    scale = picture.shape[1] // image.shape[1]
    plain = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    assert (picture[: len(plain)] != plain).any(-1).sum() > 100


def test_paths_with_a_comma_stay_one_cell(trained_project, images):
    (images / "new9.png").rename(images / "new, 9.png")
    result = analyze_images(trained_project, images / "new, 9.png")
    assert list(csv.reader(result.csv.read_text().splitlines()))[4][0] == str(images / "new, 9.png")


@pytest.mark.parametrize(
    ("given", "message"),
    [("nothing.png", "no such image or folder: "), ("*.jpg", "no image in "), ("folder", "no image in ")],
)
def test_images_that_are_not_there(trained_project, tmp_path, given, message):
    (tmp_path / "folder").mkdir()
    with pytest.raises(DlcxError, match=message):
        analyze_images(trained_project, tmp_path / given)


def test_no_readable_image_is_an_error(trained_project, tmp_path):
    for name in ("broken.png", "also.png"):
        (tmp_path / name).write_text("no image")
    with pytest.raises(DlcxError, match="none of the 2 images could be read"):
        analyze_images(trained_project, [tmp_path / "broken.png", tmp_path / "also.png"])


def test_one_image_that_cannot_be_read_is_named_once(trained_project, tmp_path, capsys):
    (tmp_path / "broken.png").write_text("no image")
    assert run(["analyze-images", str(tmp_path / "broken.png"), "-p", str(trained_project), "-q"]) == 3
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert said == [f"error: cannot read image {tmp_path / 'broken.png'}: not an image that OpenCV can decode"]


def test_the_command(trained_project, images, capsys):
    call = ["analyze-images", str(images), "--project", str(trained_project), "--json", "-q"]
    assert run(call) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["scorer"] == SCORER
    assert err == ""
