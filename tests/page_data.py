"""What a page of a report holds, as a test reads it."""

from __future__ import annotations

import base64
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

KINDS = {"frame": "<u4", "x": "<u2", "y": "<u2", "score": "u1", "least": "u1", "low": "u1", "speed": "<f4"}


def timeline_of(page: Path) -> dict[str, Any]:
    """The object of the timeline, its arrays decoded: coordinates in pixels, likelihoods; nan where there is none."""
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r"<script type='application/json' id='poses'>(.*?)</script>", text, re.DOTALL)[1])
    samples = {
        name: np.frombuffer(base64.b64decode(held), KINDS[name]).astype(float) for name, held in data["samples"].items()
    }
    count = len(samples["frame"])
    for name, values in samples.items():
        shaped = values.reshape(count, -1) if name not in ("frame", "low") else values
        if name in ("x", "y"):
            shaped = np.where(shaped == 65535, np.nan, data["grid"]["low"] + data["grid"]["unit"] * shaped)
        elif name in ("score", "least", "low"):
            shaped = np.where(shaped == 255, np.nan, shaped / 250)
        samples[name] = shaped
    return {**data, "samples": samples}


def image_of(jpeg: str) -> np.ndarray:
    """The image (h, w, 3) RGB of a picture in base64."""
    return cv2.imdecode(np.frombuffer(base64.b64decode(jpeg), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def figures_of(page: Path, kind: str) -> list[tuple[str, np.ndarray]]:
    """Captions and images of the figures within the first element of a class, as far as the end of its section."""
    text = page.read_text(encoding="utf-8")
    part = re.search(rf"<div class='?(?:\w+ )?{kind}'?>(.*?)</section>", text, re.DOTALL)
    found = re.findall(r"src='data:image/jpeg;base64,([^']*)'><figcaption>(.*?)</figcaption>", part[1] if part else "")
    return [(unescape(caption), image_of(jpeg)) for jpeg, caption in found]


def commands_of(page: Path) -> list[str]:
    """The commands that a page prints."""
    text = page.read_text(encoding="utf-8")
    return [unescape(found) for found in re.findall(r"<code[^>]*>(.*?)</code>", text, re.DOTALL)]
