"""Pages of HTML that need nothing but themselves: style, charts and pictures are inside; light, dark and on paper."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path

import cv2
import numpy as np

from dlcx.outputs import write_text

_STYLE = """
:root{color-scheme:light dark;--ground:#fbfbf9;--card:#fff;--text:#1d1f21;--soft:#5d646b;--line:#dcdfe2;
--c0:#2f6db5;--c1:#c8551b;--c2:#3b8a4d;--c3:#8a5bb0;--warn:#8a4b00;--warnground:#fff3dc}
@media(prefers-color-scheme:dark){:root{--ground:#16181a;--card:#1f2225;--text:#e6e7e8;--soft:#a2a9b0;--line:#3a3f44;
--c0:#6ea8ea;--c1:#f0915a;--c2:#7cc78c;--c3:#c19be0;--warn:#ffcf87;--warnground:#3a2c14}}
*{box-sizing:border-box}body{margin:0 auto;padding:24px 16px 48px;max-width:920px;background:var(--ground);
color:var(--text);font:15px/1.5 system-ui,sans-serif}h1{font-size:22px;margin:0 0 2px;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 8px}section{background:var(--card);border:1px solid var(--line);border-radius:8px;
padding:14px 16px;margin:16px 0}p{margin:6px 0}.soft{color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:8px;margin-top:14px}
.facts div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 12px}
.facts b{display:block;font-size:19px;font-weight:600}.warn{background:var(--warnground);color:var(--warn);
border-radius:6px;padding:8px 12px}.wide,.chart{overflow-x:auto}table{border-collapse:collapse;font-size:13px}
th,td{text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right}td:first-child{white-space:nowrap}
.values td:last-child{overflow-wrap:anywhere}.pictures img{width:100%}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(260px,1fr));gap:12px}
figure{margin:0}img{max-width:100%;height:auto;display:block;border-radius:4px}figcaption{font-size:12px;
color:var(--soft);overflow-wrap:anywhere}svg{width:100%;max-width:860px;height:auto;display:block}
.narrow{display:none}@media screen and (max-width:560px){.broad{display:none}.narrow{display:block}}
summary{cursor:pointer;margin-top:8px;font-size:13px;color:var(--soft)}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}.grid{stroke:var(--line)}
.mark,.whisker{stroke:var(--text);fill:none}.mark{stroke-dasharray:3 3}path{fill:none;stroke-width:1.5}
.c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin-bottom:6px;font-size:12px;color:var(--soft)}
.legend i{display:inline-block;width:12px;height:8px;margin-right:6px;border-radius:2px}
.b0{background:var(--c0)}.b1{background:var(--c1)}.b2{background:var(--c2)}
.b3{background:var(--c3)}.large{grid-template-columns:repeat(auto-fill,minmax(min(400px,100%),1fr))}
.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}
@media print{:root{color-scheme:light;--ground:#fff;--card:#fff;--text:#000;--soft:#444;--line:#ccc;--c0:#2f6db5;
--c1:#c8551b;--c2:#3b8a4d;--c3:#8a5bb0;--warn:#000;--warnground:#eee}body{max-width:none;padding:0}
.chart,figure,tr,.facts div{break-inside:avoid}h2,.legend{break-after:avoid}.chart,.wide{overflow:visible}
.pictures{grid-template-columns:repeat(3,1fr)}.large{grid-template-columns:repeat(2,1fr)}.facts{grid-template-columns:
repeat(5,1fr)}}
"""


@dataclass(frozen=True)
class Section:
    """A part of a page: its heading, and what stands below as HTML."""

    title: str
    body: str


def write_page(
    path: Path,
    title: str,
    subtitle: str,
    source: str,
    facts: Sequence[tuple[str, str]],
    parts: Sequence[Section],
    *,
    version: str,
) -> None:
    """Write a page; ``facts`` are names and values that stand on top, ``source`` says which snapshot it is about.

    ``version`` is dlcx's. It stands on the page, with the time at which the page was made.

    Raises
    ------
    DlcxError
        When the file cannot be written.
    """
    made = f"{source} Made by dlcx {version} on {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}.".strip()
    cards = "".join(f"<div><span class=soft>{escape(name)}</span><b>{escape(value)}</b></div>" for name, value in facts)
    sections = "".join(f"<section><h2>{escape(part.title)}</h2>{part.body}</section>" for part in parts if part.body)
    write_text(
        path,
        f"<!doctype html><html lang=en><head><meta charset=utf-8>"
        f"<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<meta name=generator content='dlcx {escape(version)}'><link rel=icon href='data:,'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<p class=soft>{escape(subtitle)}</p><p class=soft>{escape(made)}</p>"
        f"<div class=facts>{cards}</div>{sections}</body></html>\n",
    )


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; ``kind`` is nothing, ``soft`` or ``warn``."""
    return f"<p class='{kind}'>{escape(text)}</p>"


def values(rows: Sequence[tuple[str, str]]) -> str:
    """A table of names and values, which may be long."""
    return table(("what", "value"), rows).replace("<table>", "<table class=values>", 1)


def colors(names: Sequence[str], shades: np.ndarray, marks: str = "") -> str:
    """A legend: ``marks`` said in words, and names beside their colours (N, 3) uint8 RGB."""
    words = [f"<span>{escape(marks)}</span>"] if marks else []
    words += [
        f"<span><i style='background:#{red:02x}{green:02x}{blue:02x}'></i>{escape(name)}</span>"
        for name, (red, green, blue) in zip(names, np.asarray(shades).tolist(), strict=True)
    ]
    return f"<div class=legend>{''.join(words)}</div>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table; columns in ``numbers`` are set to the right."""

    def cells(row: Sequence[str], tag: str) -> str:
        kinds = (" class=n" if column in numbers else "" for column in range(len(row)))
        return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for cell, kind in zip(row, kinds, strict=True))

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<div class=wide><table><tr>{cells(head, 'th')}</tr>{body}</table></div>"


def folded(title: str, body: str) -> str:
    """HTML that is shown when the reader asks for it."""
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def pictures(items: Sequence[tuple[np.ndarray, str]], *, most: int = 640, large: bool = False) -> str:
    """Images (h, w, 3) uint8 RGB with captions, side by side, at most so many pixels wide; ``large``: two in a row."""
    figures = "".join(_figure(image, caption, most) for image, caption in items)
    return f"<div class='pictures{' large' if large else ''}'>{figures}</div>"


def _figure(image: np.ndarray, caption: str, most: int) -> str:
    scale = min(1.0, most / image.shape[1])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return (
        f"<figure><img alt='{escape(caption, quote=True)}' src='data:image/jpeg;base64,{text}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def embedded_pngs(items: Sequence[tuple[bytes, str]]) -> str:
    """Contents of png files with captions: several two in a row, a single one as large as it is."""
    figures = []
    for data, caption in items:
        text = base64.b64encode(data).decode("ascii")
        image = f"<img alt='{escape(caption, quote=True)}' src='data:image/png;base64,{text}'>"
        figures.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    return f"<div class='pictures large'>{''.join(figures)}</div>" if len(figures) > 1 else "".join(figures)
