from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from dlcx.visuals.charts import Bar, Series, bar_chart, line_chart
from dlcx.visuals.page import Section, colors, embedded_pngs, paragraph, pictures, table, write_page


def drawing(chart: str) -> ElementTree.Element:
    return ElementTree.fromstring(re.search(r"<svg.*?</svg>", chart)[0])


def test_a_line_with_a_gap_is_two_strokes():
    y = np.array([1.0, 2.0, np.nan, 3.0, 4.0])
    chart = line_chart([Series("a<b", np.arange(5), y)], x_label="x & y", y_label="z", marks=[(2, "half < way")])
    (path,) = [item for item in drawing(chart).iter("path") if item.get("class") == "c0"]
    assert path.get("d").count("M") == 2
    assert "half < way" in [item.text for item in drawing(chart).iter("text")]


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
    svg = drawing(bar_chart(["snout", "tail"], bars, x_label="px", series=("test", "training")))
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
    write_page(page, "T & t", "sub", [("fact", "<1>")], [Section("s", body), Section("empty", "")], version="1")
    text = page.read_text(encoding="utf-8")
    assert "a &lt; b" in text
    assert "T &amp; t" in text
    assert "<i style='background:#ff0010'></i>&lt;nose&gt;" in text
    assert "y&lt;</figcaption>" in text
    assert "empty" not in text
    assert not re.search(r"(src|href)=.?https?:", text)
    assert "<script" not in text
