from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.predictors.maps import HeadMaps
from dlcx.visuals.map_pictures import paint_center_offsets, paint_fields, paint_offsets, paint_scores
from dlcx.workflow.score_maps import score_maps

NAMES = ("nose", "tail")


def maps() -> HeadMaps:
    """Peaks at cells (3, 5) and (1, 2), whose offsets go right; the field between goes down."""
    scores = np.zeros((2, 8, 10), np.float32)
    scores[0, 3, 5], scores[1, 1, 2] = 0.9, 0.5
    locref = np.zeros((2, 8, 10, 2), np.float32)
    locref[..., 0] = 4
    fields = np.zeros((1, 8, 10, 2), np.float32)
    fields[0, 1:4, 4, 1] = 1
    return HeadMaps(scores, (8.0, 8.0), keypoint_offsets=locref, fields=fields, edges=((0, 1),))


@pytest.mark.parametrize("draw", [paint_scores, paint_offsets, paint_fields])
def test_pictures(draw) -> None:
    chosen = [0] if draw is paint_fields else [0, 1]
    picture = draw(np.full((60, 76, 3), 90, np.uint8), maps(), NAMES, chosen)
    assert picture.dtype == np.uint8
    assert picture.shape[1] > 320
    assert (picture[24:] > 150).any()  # captions and marks


def test_the_peak_is_where_it_belongs() -> None:
    """The map of 8 x 10 cells reaches beyond the image of 60 x 76 pixels; a tile is 320 pixels wide."""
    picture = paint_scores(np.zeros((60, 76, 3), np.uint8), maps(), NAMES, [0])
    tile = picture[48:, 6:326].astype(int)
    y, x = np.unravel_index(cv2.blur(tile.sum(-1).astype(np.float32), (25, 25)).argmax(), tile.shape[:2])
    assert (x, y) == pytest.approx((5.5 * 8 * 320 / 76, 3.5 * 8 * 320 / 76), abs=6)


def test_offset_vectors_start_at_the_centers() -> None:
    """Centers at cells (3, 5) and (6, 1); the nose is 16 pixels above, the arrows are drawn there and nowhere else."""
    scores = np.zeros((2, 8, 10), np.float32)
    scores[1, 3, 5], scores[1, 6, 1] = 0.9, 0.8
    vectors = np.zeros((1, 8, 10, 2), np.float32)
    vectors[..., 1] = -16
    found = HeadMaps(scores, (8.0, 8.0), ("center",), center_offsets=vectors)
    picture = paint_center_offsets(np.zeros((64, 80, 3), np.uint8), found, ("nose", "center"), [0])
    arrows = (np.abs(picture[48:, 6:326].astype(int) - (80, 220, 255)).max(-1) < 60).nonzero()
    y, x = (axis / 4 for axis in arrows)  # a tile is 320 pixels wide
    at = np.abs(x - 44) < 8
    assert (y[at].min(), y[at].max()) == pytest.approx((12, 28), abs=1.5)
    assert (y[~at].min(), y[~at].max()) == pytest.approx((36, 52), abs=1.5)
    assert set(np.round(x[~at] / 12)) == {1}


def test_command(trained_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(trained_project)
    image = "labeled-data/vid/img01.png"
    assert run(["score-maps", image, "-q"]) == 0
    folder = trained_project / "evaluation-results-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/maps"
    names = [folder / f"img01_{kind}_test_1_0.75_snapshot-010.png" for kind in ("scmap", "locref")]
    assert capsys.readouterr().out.splitlines() == [f"picture: {path}" for path in names]
    assert all(cv2.imread(str(path)).std() > 5 for path in names)

    def asked(**flags) -> list[str]:
        return [path.name for path in score_maps(trained_project, image, **flags).images[0].pictures]

    assert asked(kinds=["scmap"], bodyparts=["snout"], out="elsewhere") == [names[0].name]
    assert (trained_project / "elsewhere" / names[0].name).is_file()
    other = trained_project / "new.png"
    other.write_bytes((trained_project / image).read_bytes())
    (done,) = score_maps(trained_project, other, kinds=["scmap"]).images
    assert done.pictures[0].name.startswith("new_scmap_new_1_")
    with pytest.raises(DlcxError, match="--kind paf: resnet_50 has no such maps"):
        asked(kinds=["paf"])
    for wrong, name in (({"kinds": ["scmaps"]}, "--kind"), ({"bodyparts": ["snuot"]}, "--bodypart")):
        with pytest.raises(DlcxError, match=name) as told:
            asked(**wrong)
        assert "Did you mean" in told.value.hint
    logging.getLogger("dlcx").handlers.clear()
