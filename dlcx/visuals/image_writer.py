"""Pictures to image files, with texts that png files store beside the pixels."""

from __future__ import annotations

import zlib
from pathlib import Path

import cv2
import numpy as np

from dlcx.outputs import atomic_file

#: Bytes of the signature and header of a png file, which text chunks must follow.
PNG_HEADER = 33


def write_picture(picture: np.ndarray, path: Path, **texts: str) -> None:
    """Write a picture (h, w, 3), uint8 RGB, in the format of the file's suffix.

    Parameters
    ----------
    picture, path
        The picture and its file.
    texts
        Texts to store in a png file.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    _, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    content = data.tobytes()
    if path.suffix == ".png":
        chunks = b"".join(_text_chunk(key, text) for key, text in texts.items())
        content = content[:PNG_HEADER] + chunks + content[PNG_HEADER:]
    with atomic_file(path, len(content)) as beside:
        beside.write_bytes(content)


def read_texts(path: Path) -> dict[str, str]:
    """Read the texts stored in a png file; empty for other files."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as picture:
            return {str(key): str(text) for key, text in picture.info.items() if isinstance(text, str)}
    except (OSError, ValueError, SyntaxError):
        return {}


def _text_chunk(key: str, text: str) -> bytes:
    """An uncompressed iTXt chunk without a language: PNG specification, 11.3.4.5."""
    body = b"iTXt" + key.encode("ascii") + b"\0\0\0\0\0" + text.encode()
    return (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
