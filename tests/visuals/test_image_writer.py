"""Image files hold the picture in RGB, and png files the texts that were stored with it."""

from __future__ import annotations

import cv2
import numpy as np

from dlcx.visuals.image_writer import read_texts, write_picture


def test_pictures_are_written_in_rgb(tmp_path):
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[..., 0] = 200
    write_picture(picture, tmp_path / "new" / "x.png")
    assert (cv2.imread(str(tmp_path / "new" / "x.png"))[0, 0] == [0, 0, 200]).all()


def test_a_png_keeps_its_texts_and_its_pixels(tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8)
    write_picture(picture, tmp_path / "x.png", Source="arena.avi", Image="souris été")
    assert read_texts(tmp_path / "x.png") == {"Source": "arena.avi", "Image": "souris été"}
    assert (cv2.imread(str(tmp_path / "x.png"))[..., ::-1] == picture).all()


def test_other_files_have_no_texts(tmp_path):
    (tmp_path / "x.png").write_bytes(b"no picture")
    assert read_texts(tmp_path / "x.png") == {}
    assert read_texts(tmp_path / "missing.png") == {}
