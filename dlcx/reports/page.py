"""Self-contained HTML pages with embedded style, charts and pictures, for light and dark mode and for printing.

A page may contain scripts of :mod:`dlcx.reports.assets`. Its content security policy lists their hashes, so that a
browser runs no other script, whatever text the page contains.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np

from dlcx.outputs import write_text


@dataclass(frozen=True)
class Section:
    """A section of a page: heading, HTML content and anchor for links."""

    title: str
    body: str
    anchor: str = ""


def write_page(
    path: Path,
    title: str,
    subtitle: str,
    source: str,
    facts: Sequence[tuple[str, str]],
    parts: Sequence[Section],
    *,
    version: str,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    wide: bool = False,
) -> None:
    """Write a page.

    Parameters
    ----------
    path
        The HTML file.
    title, subtitle
        Headings.
    source
        The snapshot that the page describes.
    facts
        Names and values shown at the top.
    parts
        Sections; empty ones are omitted.
    version
        Version of dlcx, shown with the time of creation.
    styles, scripts
        Files of ``assets`` in addition to page.css and page.js; scripts are concatenated in this order.
    wide
        Whether the page uses more of a large window.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    made = f"{source} Made by dlcx {version} on {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}.".strip()
    cards = "".join(f"<div><span class=soft>{escape(name)}</span><b>{escape(value)}</b></div>" for name, value in facts)
    sections = "".join(
        f"<section{f' id={part.anchor}' if part.anchor else ''}><h2>{escape(part.title)}</h2>{part.body}</section>"
        for part in parts
        if part.body
    )
    script = "".join(_asset(name) for name in ("page.js", *scripts))
    script = f'(() => {{\n"use strict";\n{script}}})();\n'
    write_text(
        path,
        f"<!doctype html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv=Content-Security-Policy content="{_policy(script)}">'
        f"<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<meta name=generator content='dlcx {escape(version)}'><link rel=icon href='data:,'>"
        f"<title>{_encodable(escape(title))}</title><style>{''.join(map(_asset, ('page.css', *styles)))}</style></head>"
        f"<body{' class=wide-page' if wide else ''}>"
        + _encodable(
            f"<h1>{escape(title)}</h1><p class=soft>{escape(subtitle)}</p><p class=soft>{escape(made)}</p>"
            f"<div class=facts>{cards}</div>{sections}"
        )
        + f"<script>{script}</script></body></html>\n",
    )


def _asset(name: str) -> str:
    """Content of a file of ``assets``."""
    return (files("dlcx.reports") / "assets" / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """A content security policy that allows only this script and no network access."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    allowed = {
        "default-src": "'none'",
        "script-src": f"'sha256-{digest}'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{kind} {value}" for kind, value in allowed.items())


def _encodable(text: str) -> str:
    """Replace bytes that are not valid UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def data_block(name: str, content: Mapping[str, Any]) -> str:
    """Embed JSON that the page's script finds by the id ``name``; browsers do not interpret it."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f"<script type='application/json' id='{name}'>{text}</script>"


def array_text(values: np.ndarray) -> str:
    """Encode the little-endian bytes of an array as base64 for :func:`data_block`."""
    return base64.b64encode(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def command(text: str, **about: str) -> str:
    """Render a command with a copy button; ``about`` becomes ``data-`` attributes for the script."""
    attributes = "".join(f" data-{name}='{escape(value, quote=True)}'" for name, value in about.items())
    button = "<button type=button class='needs-script copy'>Copy</button>"
    return f"<div class=command><code{attributes}>{escape(text)}</code>{button}</div>"


def paragraph(text: str, kind: str = "") -> str:
    """Render a paragraph; ``kind`` is empty, ``soft`` or ``warn``."""
    return f"<p class='{kind}'>{escape(text)}</p>"


def values(rows: Sequence[tuple[str, str]]) -> str:
    """Render a table of names and values."""
    return table(("what", "value"), rows).replace("<table>", "<table class=values>", 1)


def colors(names: Sequence[str], shades: np.ndarray, marks: str = "") -> str:
    """Render a legend.

    Parameters
    ----------
    names
        N names.
    shades
        Their colors (N, 3), uint8 RGB.
    marks
        Explanation of the marks.
    """
    words = [f"<span>{escape(marks)}</span>"] if marks else []
    words += [
        f"<span><i style='background:#{red:02x}{green:02x}{blue:02x}'></i>{escape(name)}</span>"
        for name, (red, green, blue) in zip(names, np.asarray(shades).tolist(), strict=True)
    ]
    return f"<div class=legend>{''.join(words)}</div>"


class Markup(str):
    """Text that is already HTML."""

    __slots__ = ()


def link(target: Path, page: Path, text: str) -> Markup:
    """Render a relative link from a page to a file."""
    try:
        address = quote(os.fsencode(os.path.relpath(target, page.parent)).replace(os.sep.encode(), b"/"))
    except ValueError:  # another drive
        address = target.absolute().as_uri()
    return Markup(f"<a href='{escape(address, quote=True)}'>{escape(text)}</a>")


def sparkline(values: np.ndarray, title: str) -> Markup:
    """Render a small line of values from 0 to 1 without axes; nan leaves a gap."""
    wide, tall = 120, 22
    across = np.linspace(1, wide - 1, max(len(values), 2))
    steps, open_run = [], False
    for x, value in zip(across, values, strict=False):
        known = bool(np.isfinite(value))
        if known:
            steps.append(f"{'L' if open_run else 'M'}{x:.1f} {tall - 1 - value * (tall - 2):.1f}")
        open_run = known
    return Markup(
        f"<svg class=spark viewBox='0 0 {wide} {tall}' role=img aria-label='{escape(title, quote=True)}'>"
        f"<path class=c0 d='{''.join(steps)}'/></svg>"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Render a table; columns listed in ``numbers`` are right-aligned. Cells are text or :class:`Markup`."""

    def cells(row: Sequence[str], tag: str) -> str:
        kinds = (" class=n" if column in numbers else "" for column in range(len(row)))
        texts = (cell if isinstance(cell, Markup) else escape(cell) for cell in row)
        return "".join(f"<{tag}{kind}>{text}</{tag}>" for text, kind in zip(texts, kinds, strict=True))

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<div class=wide><table><tr>{cells(head, 'th')}</tr>{body}</table></div>"


def collapsible(title: str, body: str) -> str:
    """Render HTML that opens on click."""
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def print_only(body: str) -> str:
    """Charts that replace interactive ones on paper and without JavaScript."""
    return f"<div class=still>{body}</div>" if body else ""


def pictures(items: Sequence[tuple[np.ndarray, str]], *, max_width: int = 640, large: bool = False) -> str:
    """Render images (h, w, 3), uint8 RGB, with captions side by side; ``large``: two per row."""
    figures = "".join(_figure(image, caption, max_width) for image, caption in items)
    return f"<div class='pictures{' large' if large else ''}'>{figures}</div>"


def _figure(image: np.ndarray, caption: str, max_width: int) -> str:
    return figure(jpeg_text(image, max_width), caption)


def figure(jpeg: str, caption: str, below: str = "") -> str:
    """Render a picture from :func:`jpeg_text` with its caption and HTML below it."""
    return (
        f"<figure><img alt='{escape(caption, quote=True)}' src='data:image/jpeg;base64,{jpeg}'>"
        f"<figcaption>{escape(caption)}</figcaption>{below}</figure>"
    )


def seek_button(frame: int) -> str:
    """Render a button that shows a frame in the timeline."""
    return f"<button type=button class='needs-script seek' data-frame={int(frame)}>Show in the timeline</button>"


def jpeg_text(image: np.ndarray, max_width: int, quality: int = 82) -> str:
    """Encode an image (h, w, 3), uint8 RGB, at most ``max_width`` pixels wide, as base64 of a JPEG file."""
    scale = min(1.0, max_width / image.shape[1])
    if scale < 1:
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return base64.b64encode(data.tobytes()).decode("ascii")


def embedded_pngs(items: Sequence[tuple[bytes, str]]) -> str:
    """Render the contents of png files with captions; several appear two per row."""
    figures = []
    for data, caption in items:
        text = base64.b64encode(data).decode("ascii")
        image = f"<img alt='{escape(caption, quote=True)}' src='data:image/png;base64,{text}'>"
        figures.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    return f"<div class='pictures large'>{''.join(figures)}</div>" if len(figures) > 1 else "".join(figures)
