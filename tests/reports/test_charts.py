from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from dlcx.reports.charts import TEST, TRAINING, Bar, Series, bar_chart, line_chart
from dlcx.reports.page import Section, colors, embedded_pngs, paragraph, pictures, table, write_page


def drawing(chart: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.search(r"<svg.*?</svg>", chart)[0])


def test_a_line_with_a_gap_is_two_strokes():
    y = np.array([1.0, 2.0, np.nan, 3.0, 4.0])
    chart = line_chart([Series("a<b", np.arange(5), y)], x_label="x & y", y_label="z", marks=[(2, "half < way")])
    (path,) = [item for item in drawing(chart).iter("path") if item.get("class") == "c0"]
    assert path.get("d").count("M") == 2
    assert "half < way" in [item.text for item in drawing(chart).iter("text")]


def strokes(chart: str, kind: str) -> list[str]:
    """The classes of all items of a kind."""
    return [item.get("class") for item in drawing(chart).iter(kind) if item.get("class", "")[0] in "cf"]


def test_a_color_means_the_same_when_another_line_is_missing():
    there, missing = np.arange(3.0) + 1, np.full(3, np.nan)
    for training in (there, missing):
        lines = [
            Series("training", np.arange(3), training, color=TRAINING),
            Series("test", np.arange(3), there, color=TEST),
        ]
        chart = line_chart(lines, x_label="", y_label="")
        assert strokes(chart, "path")[-1] == "c1"
        assert "<i class=b1></i>test" in chart
        assert ("<i class=b0></i>training" in chart) == (training is there)
    # without colors of their own, those of their places in the call
    unnamed = line_chart([Series("a", np.arange(3), missing), Series("b", np.arange(3), there)], x_label="", y_label="")
    assert strokes(unnamed, "path") == ["c1"]


def test_a_single_value_is_a_dot():
    one = line_chart([Series("", np.array([7.0]), np.array([3.0]))], x_label="", y_label="", whole=True)
    (dot,) = list(drawing(one).iter("circle"))
    assert dot.get("class") == "f0"
    ticks = [item.text for item in drawing(one).iter("text") if item.get("text-anchor") == "middle"]
    assert ticks == ["7", None]
    gaps = line_chart([Series("", np.arange(5), np.array([1, np.nan, 2, np.nan, 3]))], x_label="", y_label="")
    assert strokes(gaps, "circle") == ["f0"] * 3


def test_charts_below_each_other_have_one_axis():
    """A loss of every epoch, an error of few: both stand over the same epochs, whole ones, and the mark is inside."""
    loss = Series("", np.arange(1, 6), np.arange(5.0) + 1)
    error = Series("", np.array([2.0, 4.0]), np.array([5.0, 6.0]))
    ticks, places = [], []
    for series in (loss, error):
        svg = drawing(line_chart([series], x_label="epoch", y_label="", x_range=(1, 6), marks=[(6, "m")], whole=True))
        texts = [item for item in svg.iter("text") if item.get("text-anchor") == "middle" and item.text != "epoch"]
        ticks.append([(item.text, item.get("x")) for item in texts])
        (mark,) = [item.get("x1") for item in svg.iter("line") if item.get("class") == "mark"]
        places.append(float(mark))
    assert ticks[0] == ticks[1]
    assert [text for text, _ in ticks[0]] == ["1", "2", "3", "4", "5", "6"]
    assert places == [706.0, 706.0]
    # a mark beyond the values widens the axis
    svg = drawing(line_chart([error], x_label="", y_label="", marks=[(9, "m")]))
    (mark,) = [float(item.get("x1")) for item in svg.iter("line") if item.get("class") == "mark"]
    assert mark == 706.0


def test_spikes_of_a_long_line_stay():
    y = np.zeros(100_000)
    y[61_803] = 7
    plain, spiked = (
        line_chart([Series("", np.arange(len(y)), values)], x_label="", y_label="", y_range=(0, 7))
        for values in (y * 0, y)
    )
    assert len(spiked) < 40_000
    heights = {float(number) for number in re.findall(r"[ML][\d.]+ ([\d.]+)", spiked)}
    assert min(heights) < 30 < min(float(number) for number in re.findall(r"[ML][\d.]+ ([\d.]+)", plain))


@pytest.mark.parametrize("values", [[0.002, 0.01, 3.0], [5.0, 5.0, 5.0], [2.1, 4.4, 7.0], [0.006, 0.05, 0.21]])
def test_logarithmic_axes_have_ticks(values: list[float]):
    chart = line_chart([Series("", np.arange(3), np.array(values))], x_label="", y_label="", log=True)
    ticks = [item for item in drawing(chart).iter("text") if item.get("text-anchor") == "end"]
    heights = sorted(float(item.get("y")) for item in ticks)
    assert len(heights) >= 2
    assert min(np.diff(heights)) > 12  # no number is written over another


def test_nothing_to_draw_is_nothing():
    assert line_chart([Series("", np.arange(3), np.full(3, np.nan))], x_label="", y_label="") == ""
    assert line_chart([], x_label="", y_label="") == ""


def test_a_chart_is_drawn_for_narrow_screens_too():
    frames = np.arange(5000)
    chart = line_chart(
        [Series("", frames, np.sin(frames / 9) + 2)], x_label="frame", y_label="y", marks=[(4900, "end")]
    )
    bars = bar_chart(["a" * 60], [[Bar(1.0, 0.5, 1.5)]], x_label="px")
    for both in (chart, bars):
        broad, narrow = (ElementTree.fromstring(found) for found in re.findall(r"<svg.*?</svg>", both))
        assert (broad.get("class"), narrow.get("class")) == ("broad", "narrow")
        for one in (broad, narrow):
            width = float(one.get("viewBox").split()[2])
            numbers = [float(item.get("x")) for item in one.iter("text")]
            assert 0 <= min(numbers) <= max(numbers) < width
    ticks = [
        [item.text for item in ElementTree.fromstring(found).iter("text") if item.get("text-anchor") == "middle"]
        for found in re.findall(r"<svg.*?</svg>", chart)
    ]
    assert ticks[0][:2] == ["0", "1000"]
    assert ticks[1][:2] == ["0", "2000"]


def test_bars_and_whiskers():
    bars = [[Bar(2.0, 1.0, 3.0), Bar(1.0, series=1)], [Bar(np.nan)]]
    svg = drawing(bar_chart(["snout", "tail"], bars, x_label="px", series=(("test", 1), ("training", 0))))
    widths = [float(item.get("width")) for item in svg.iter("rect")]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.01)
    assert len([item for item in svg.iter("path") if item.get("class") == "whisker"]) == 1


def test_a_page_needs_nothing_but_itself(tmp_path: Path):
    image = np.zeros((20, 900, 3), np.uint8)
    body = (
        paragraph("a < b", "warn")
        + table(("n",), [("1",)], (0,))
        + pictures([(image, "it's")])
        + embedded_pngs([(b"x", "y<")])
        + colors(["<nose>"], np.array([[255, 0, 16]], np.uint8), "+ label")
    )
    page = tmp_path / "page.html"
    write_page(
        page,
        "T & t",
        "sub",
        "Snapshot <9>.",
        [("fact", "<1>")],
        [Section("s", body), Section("empty", "")],
        version="1",
    )
    text = page.read_text(encoding="utf-8")
    assert "a &lt; b" in text
    assert "T &amp; t" in text
    assert "<i style='background:#ff0010'></i>&lt;nose&gt;" in text
    assert "y&lt;</figcaption>" in text
    assert "empty" not in text
    assert not re.search(r"(src|href)=.?https?:", text)
    assert text.count("<script") == 1  # dlcx's own
