"""Trajectory pictures of pages: as light or dark as the page is, and readable whatever the number of bodyparts."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from dlcx.visuals.colors import part_colors
from dlcx.visuals.trajectories import PICTURES, Paths, _plot, plot_paths, trajectory_png


def drawn(count: int, *, ground: bool = True) -> np.ndarray:
    """RGBA of the picture of bodyparts that all walk across the same frame."""
    steps = np.linspace(20, 230, 50)
    xy = np.stack([np.broadcast_to(steps[:, None], (50, count)), np.full((50, count), 90.0)], -1)
    names = tuple(f"part{number}" for number in range(count))
    image = np.full((192, 256, 3), 120, np.uint8) if ground else None
    png = trajectory_png(Paths(names, xy, np.ones((50, count)), part_colors(count), 0.6, ground=image, linewidth=3.0))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).astype(int)


@pytest.mark.parametrize("count", [2, 24])
@pytest.mark.parametrize("ground", [True, False])
def test_the_page_shows_through(count, ground):
    """No pixel is white or black, and the margins are transparent: letters can be read on a light and a dark page."""
    picture = drawn(count, ground=ground)
    opaque = picture[picture[..., 3] > 200][:, :3]
    assert len(opaque)
    assert not (opaque.min(1) > 200).any()
    assert not (opaque.max(1) < 60).any()
    assert (picture[0, :, 3] == 0).all()
    assert (picture[:, 0, 3] == 0).all()


@pytest.mark.parametrize("count", [8, 9, 24])
def test_many_bodyparts_have_a_panel_each(count):
    """All walk along one line; up to eight lie over each other, more are apart from each other."""
    picture = drawn(count)
    places = []
    for color in part_colors(count):
        same = (np.abs(picture[..., :3] - color).max(-1) < 8) & (picture[..., 3] > 240)
        if same.any():
            rows, columns = np.nonzero(same)
            places.append((round(rows.mean() / 20), round(columns.mean() / 20)))
    if count <= 8:
        assert len(set(places)) == 1
        return
    assert len(places) == len(set(places)) == count
    assert len({column for _, column in places}) == 4
    assert len({row for row, _ in places}) == -(-count // 4)


#: What matplotlib takes for (broken) mathematics, or leaves out of legends.
ODD_NAMES = (r"$\frac{$", "$x$", "a$b", "a$b$c", "_hidden", r"c\$d")


@pytest.mark.parametrize("kind", PICTURES)
def test_names_are_drawn_as_they_are(tmp_path, kind):
    count = len(ODD_NAMES)
    xy = np.random.default_rng(0).uniform(0, 100, (30, count, 2))
    paths = Paths(ODD_NAMES, xy, np.ones((30, count)), part_colors(count), 0.6)
    plot_paths(kind, paths, tmp_path / "x.png", title=ODD_NAMES[0], source="")  # broken mathematics raise an error
    figure = _plot(kind, paths, ODD_NAMES[0], 50)
    figure.draw_without_rendering()
    texts = [text.get_text() for text in figure.findobj(Text)]
    for name in ODD_NAMES:
        assert name.replace("$", r"\$") in texts


def test_panels_of_odd_names():
    count = 2 * len(ODD_NAMES)
    xy = np.random.default_rng(0).uniform(0, 100, (30, count, 2))
    names = (*ODD_NAMES, *(f"{name}2" for name in ODD_NAMES))
    assert trajectory_png(Paths(names, xy, np.ones((30, count)), part_colors(count), 0.6)).startswith(b"\x89PNG")
