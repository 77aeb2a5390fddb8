"""Building blocks of HTML pages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from dlcx.reports.page import (
    Markup,
    Section,
    array_text,
    colors,
    command,
    data_block,
    jpeg_text,
    link,
    sparkline,
    table,
    write_page,
)

EVIL = "<script>alert(1)</script>&'\""


def test_a_page_runs_only_its_own_script(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(path, EVIL, EVIL, EVIL, [(EVIL, EVIL)], [Section(EVIL, "<p>body</p>")], version="1.2")
    text = path.read_text(encoding="utf-8")
    assert "alert(1)" in text
    assert "<script>alert" not in text
    (script,) = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text


def test_sections_without_content_are_omitted(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    sections = [Section("One", "<p>1</p>", anchor="one"), Section("Two", "")]
    write_page(path, "t", "s", "", [("frames", "12")], sections, version="1.2", wide=True)
    text = path.read_text(encoding="utf-8")
    assert re.findall("<h2>(.*?)</h2>", text) == ["One"]
    assert "<section id=one>" in text
    assert "<body class=wide-page>" in text
    assert "Made by dlcx 1.2 on " in text
    assert "<span class=soft>frames</span><b>12</b>" in text


def test_names_that_are_not_utf8_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(path, "caf\udce9", "", "", [], [], version="1")
    assert "caf\ufffd" in path.read_text(encoding="utf-8")


def test_tables_escape_text_but_not_markup() -> None:
    text = table(("a", "b"), [("<i>", Markup("<b>1</b>"))], numbers=(1,))
    assert "<td>&lt;i&gt;</td><td class=n><b>1</b></td>" in text


def test_commands_carry_data_for_the_script() -> None:
    text = command("dlcx report 'a b'", before="x'y")
    assert "data-before='x&#x27;y'" in text
    assert "dlcx report &#x27;a b&#x27;" in text


def test_data_blocks_cannot_end_the_script() -> None:
    text = data_block("poses", {"name": "</script><b>"})
    assert text.count("</script>") == 1
    content = text.partition(">")[2].removesuffix("</script>")
    assert json.loads(content) == {"name": "</script><b>"}


@pytest.mark.parametrize("kind", ["<u2", ">u2", "<f4", ">f4"])
def test_arrays_are_little_endian(kind: str) -> None:
    values = np.array([[1, 2], [3, 500]]).astype(kind)
    found = np.frombuffer(base64.b64decode(array_text(values)), values.dtype.newbyteorder("<"))
    assert found.tolist() == [1, 2, 3, 500]


def test_links_are_relative_and_quoted(tmp_path: Path) -> None:
    found = link(tmp_path / "videos" / "a b#1.html", tmp_path / "pages" / "p.html", "<a>")
    assert found == "<a href='../videos/a%20b%231.html'>&lt;a&gt;</a>"


def test_sparklines_have_a_gap_at_nan() -> None:
    root = ElementTree.fromstring(
        re.sub(r"(\w+)=([\w-]+)(?=[ >/])", r"\1='\2'", sparkline(np.array([0, 1, np.nan, 0.5]), "q"))
    )
    path = root.find("path").get("d")
    assert [step[0] for step in re.findall("[ML][^ML]*", path)] == ["M", "L", "M"]
    heights = [float(step.split(" ")[1]) for step in re.findall("[ML][^ML]*", path)]
    assert heights[0] > heights[2] > heights[1]


def test_pictures_are_scaled_down_only() -> None:
    image = np.zeros((40, 80, 3), np.uint8)
    for width, expected in ((160, (40, 80)), (20, (10, 20))):
        data = np.frombuffer(base64.b64decode(jpeg_text(image, width)), np.uint8)
        assert cv2.imdecode(data, cv2.IMREAD_COLOR).shape[:2] == expected


def test_jpegs_keep_red_and_blue() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[..., 0] = 250
    data = np.frombuffer(base64.b64decode(jpeg_text(image, 100)), np.uint8)
    assert (cv2.imdecode(data, cv2.IMREAD_COLOR)[..., 2] > 200).all()


def test_legends_have_the_colors_of_the_points() -> None:
    text = colors(["nose"], np.array([[255, 128, 0]], np.uint8), "+ label")
    assert "background:#ff8000" in text
    assert "<span>+ label</span>" in text
