"""Files that others wrote: only regular files are opened, and few bytes never take the memory of many.

Every file of a project, and every file that a call names, is opened through this module or after its checks.  A pipe, a
socket or a device in a file's place would keep a reader waiting, or feed it without end.
"""

from __future__ import annotations

import io
import json
import os
import stat
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from dlcx.errors import DlcxError

#: Images and frames of more pixels are not decoded (Pillow's own limit), nor are videos of more
#: frames (four days at 50 a second).
MAX_PIXELS, MAX_FRAMES = 178_956_970, 20_000_000
#: Bytes of an image file: those of the most pixels, unpacked, with 16 bits a channel.
MAX_IMAGE_BYTES = 6 * MAX_PIXELS
#: Bytes of a text that is read as one piece (YAML, JSON, a list of rows).
MAX_TEXT_BYTES = 2**28
#: A table may be this many times larger than its file (what zlib reaches at best), and this many bytes besides.
MAX_RATIO, ALWAYS_ALLOWED = 1_032, 2**26

#: Where a shell puts the pipes that it hands over: ``<(...)`` and ``-``.
_HANDED_OVER = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
#: What to do about a name that is not UTF-8.
RENAME = "Rename the file or folder, for example with convmv."
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def file_size(path: str | Path, most: int | None = None) -> int:
    """Bytes of a regular file; links are followed.

    Raises
    ------
    DlcxError
        When it is missing, of another kind (a folder, a pipe, a device), named by bytes that are no UTF-8, or larger
        than ``most`` bytes.
    """
    check_name(path)
    try:
        facts = os.stat(path)
    except (OSError, ValueError) as error:
        raise DlcxError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(facts.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(facts.st_mode)), "of another kind")
        raise DlcxError(f"cannot read {path}: it is {kind}, not a file")
    if most is not None and facts.st_size > most:
        raise DlcxError(f"{path} is refused: {facts.st_size} bytes, at most {most} are read")
    return facts.st_size


def check_name(path: str | Path) -> None:
    """Refuse a name that is not UTF-8: tables, YAML and video libraries cannot hold it, and some crash on it.

    Raises
    ------
    DlcxError
        Names the file.
    """
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        raise DlcxError(f"{path}: its name is not UTF-8", hint=RENAME) from None


def open_binary(path: str | Path) -> io.BufferedReader:
    """A regular file, opened for reading.

    Raises
    ------
    DlcxError
        When it cannot be opened, or is no regular file.
    """
    file_size(path)
    try:
        return open(path, "rb")
    except OSError as error:
        raise DlcxError(f"cannot read {path}: {error.strerror or error}") from None


def open_text(path: str | Path) -> IO[str]:
    """A regular file of UTF-8 text, opened for reading; line ends stay as they are, which ``csv`` needs.

    Raises
    ------
    DlcxError
        When it cannot be opened, or is no regular file.
    """
    return io.TextIOWrapper(open_binary(path), encoding="utf-8-sig", newline="")


def read_bytes(path: str | Path, most: int) -> bytes:
    """What a regular file of at most so many bytes holds.

    Raises
    ------
    DlcxError
        When it cannot be read, is no regular file, or is larger.
    """
    if str(path).startswith(_HANDED_OVER):
        content = _handed_over(path, most)
    else:
        file_size(path, most)
        with open_binary(path) as file:
            content = _read(file, path, most)
    if len(content) > most:
        raise DlcxError(f"{path} is refused: at most {most} bytes are read")
    return content


def _handed_over(path: str | Path, most: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return _read(file, path, most)
    except OSError as error:
        raise DlcxError(f"cannot read {path}: {error.strerror or error}") from None


def _read(file: BinaryIO, path: str | Path, most: int) -> bytes:
    try:
        return file.read(most + 1)
    except OSError as error:
        raise DlcxError(f"cannot read {path}: {error.strerror or error}") from None


def read_text(path: str | Path) -> str:
    """The text of a file.

    Raises
    ------
    DlcxError
        When it is missing, no regular file, too large or not UTF-8.
    """
    try:
        text = read_bytes(path, MAX_TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DlcxError(f"{path}: expected UTF-8 text", hint="Save the file as UTF-8.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Raises
    ------
    DlcxError
        When it cannot be read, or is no JSON.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DlcxError(f"{path}: not valid JSON: {str(error)[:200]}") from None


def check_claim(path: str | Path, claimed: int, what: str, *, ratio: int = MAX_RATIO) -> None:
    """Refuse a few bytes that claim to hold very many.

    Raises
    ------
    DlcxError
        Says how many there are, and how many are claimed.
    """
    size = file_size(path)
    if claimed > ratio * size + ALWAYS_ALLOWED:
        raise DlcxError(f"{path} is refused: {size} bytes claim to hold {what} of {claimed} bytes")


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an image tells: size in pixels, turned as EXIF says, and the number of its channels."""

    width: int
    height: int
    channels: int


#: EXIF's number of how an image is turned, and its values for those that are turned on their side.
_ORIENTATION, _ON_THEIR_SIDE = 0x0112, (5, 6, 7, 8)


def _shown_size(image: Any) -> tuple[int, int]:
    """Width and height of an image that Pillow has opened, as OpenCV, and so DeepLabCut, decodes it: turned upright."""
    from PIL import Image

    width, height = image.size
    orientation = None
    if image.format == "TIFF":  # some versions of Pillow have turned the size already
        width, height, orientation = (image.tag_v2.get(tag) for tag in (256, 257, _ORIENTATION))
    elif data := image.info.get("exif"):  # getexif() would decode a PNG
        with suppress(Exception):  # readers of EXIF raise whatever they meet
            exif = Image.Exif()
            exif.load(data)
            orientation = exif.get(_ORIENTATION)
    return (height, width) if orientation in _ON_THEIR_SIDE else (width, height)


def image_header(path: str | Path) -> ImageHeader | None:
    """The header of an image, without its pixels; None where Pillow knows no such image (OpenCV may).

    Raises
    ------
    DlcxError
        When the file is missing, no regular file, tells more pixels than are decoded, or texts that unpack to far more
        than they are.
    """
    from PIL import Image, UnidentifiedImageError

    file_size(path, MAX_IMAGE_BYTES)
    too_many = DlcxError(
        f"image {path} is refused: its header tells more than {MAX_PIXELS // 10**6} million pixels",
        hint="Make it smaller, or cut it into parts.",
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # half of what is refused
            with Image.open(path) as image:
                (width, height), channels = _shown_size(image), len(image.getbands())
    except Image.DecompressionBombError:
        raise too_many from None
    except UnidentifiedImageError:
        return None
    except ValueError as error:
        raise DlcxError(f"image {path} is refused: {str(error)[:200]}") from None
    except Exception:  # readers of headers raise whatever they meet in a broken one
        return None
    if width * height > MAX_PIXELS:
        raise too_many
    return ImageHeader(width, height, channels)
