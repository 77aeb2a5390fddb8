"""Names in matplotlib figures appear literally."""

import pytest
from matplotlib.figure import Figure

from dlcx.visuals.plot_text import legend_of, literal


@pytest.mark.parametrize("name", ["nose", "_hidden", "$x$", r"$\frac{$", "50 %"])
def test_legends_show_every_name(name):
    figure = Figure()
    handles = [figure.subplots().plot([0, 1])[0] for _ in range(2)]
    legend_of(figure, handles, [name, "other"])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [literal(name), "other"]
    figure.canvas.draw()  # raises if matplotlib parses the name as mathematics


def test_dollar_signs_are_escaped():
    assert literal("a$b$") == r"a\$b\$"
