"""Safe reading of files from strangers: only regular files are opened, and only up to a maximum size.

Every file of a project and every file that the user names is opened by this module or after its checks.  A pipe, socket
or device in the place of a file would make a reader wait forever or never stop reading.
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

#: Larger images and frames are not decoded (the limit of Pillow), nor are longer videos (four days at 50 frames/s).
MAX_PIXELS, MAX_FRAMES = 178_956_970, 20_000_000
#: Maximum size of an image file: MAX_PIXELS uncompressed, with 16 bits per channel.
MAX_IMAGE_BYTES = 6 * MAX_PIXELS
#: Maximum size of a text file that is read at once (YAML, JSON, a list of rows).
MAX_TEXT_BYTES = 2**28
#: Decompressed data may be this many times larger than its file (the best that zlib reaches) plus a constant.
MAX_RATIO, ALWAYS_ALLOWED = 1_032, 2**26

#: Paths of the pipes that a shell passes to a command: ``<(...)`` and ``-``.
_SHELL_PIPES = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
#: Hint for a file name that is not UTF-8.
RENAME = "Rename the file or folder, for example with convmv."
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def file_size(path: str | Path, max_bytes: int | None = None) -> int:
    """Return the size of a regular file in bytes; follow links.

    Raises
    ------
    DlcxError
        If the file is missing, is a folder, pipe or device, has a name that is not UTF-8, or is larger than
        ``max_bytes``.
    """
    check_name(path)
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise DlcxError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "of another kind")
        raise DlcxError(f"cannot read {path}: it is {kind}, not a file")
    if max_bytes is not None and status.st_size > max_bytes:
        raise DlcxError(f"{path} is too large: {status.st_size} bytes, at most {max_bytes} are read")
    return status.st_size


def check_name(path: str | Path) -> None:
    """Refuse a file name that is not UTF-8: tables and YAML cannot store it, and some video libraries crash on it.

    Raises
    ------
    DlcxError
        If the name is not UTF-8.
    """
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        raise DlcxError(f"{path}: its name is not UTF-8", hint=RENAME) from None


def open_binary(path: str | Path) -> io.BufferedReader:
    """Open a regular file for reading.

    Raises
    ------
    DlcxError
        If it is not a regular file or cannot be opened.
    """
    file_size(path)
    try:
        return open(path, "rb")
    except OSError as error:
        raise DlcxError(f"cannot read {path}: {error.strerror or error}") from None


def open_text(path: str | Path) -> IO[str]:
    """Open a regular file of UTF-8 text for reading; keep its line endings, as the module ``csv`` requires.

    Raises
    ------
    DlcxError
        If it is not a regular file or cannot be opened.
    """
    return io.TextIOWrapper(open_binary(path), encoding="utf-8-sig", newline="")


def read_bytes(path: str | Path, max_bytes: int) -> bytes:
    """Return the content of a regular file or of a pipe from the shell.

    Raises
    ------
    DlcxError
        If it cannot be read, is another kind of file, or holds more than ``max_bytes``.
    """
    if str(path).startswith(_SHELL_PIPES):
        content = _read_pipe(path, max_bytes)
    else:
        file_size(path, max_bytes)
        with open_binary(path) as file:
            content = _read(file, path, max_bytes)
    if len(content) > max_bytes:
        raise DlcxError(f"{path} is too large: at most {max_bytes} bytes are read")
    return content


def _read_pipe(path: str | Path, max_bytes: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return _read(file, path, max_bytes)
    except OSError as error:
        raise DlcxError(f"cannot read {path}: {error.strerror or error}") from None


def _read(file: BinaryIO, path: str | Path, max_bytes: int) -> bytes:
    try:
        return file.read(max_bytes + 1)
    except OSError as error:
        raise DlcxError(f"cannot read {path}: {error.strerror or error}") from None


def read_text(path: str | Path) -> str:
    """Return the text of a file with all line endings as ``\\n``.

    Raises
    ------
    DlcxError
        If the file is missing, is not a regular file, is too large, or is not UTF-8.
    """
    try:
        text = read_bytes(path, MAX_TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DlcxError(f"{path}: expected UTF-8 text", hint="Save the file as UTF-8.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: str | Path) -> Any:
    """Return the content of a JSON file.

    Raises
    ------
    DlcxError
        If the file cannot be read or is not valid JSON.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DlcxError(f"{path}: not valid JSON: {str(error)[:200]}") from None


def check_claim(path: str | Path, claimed: int, what: str, *, ratio: int = MAX_RATIO) -> None:
    """Refuse a file that claims to decompress to far more than its size allows.

    Parameters
    ----------
    path
        The file.
    claimed
        Size of the decompressed content in bytes, as the file states it.
    what
        The content, for the message.
    ratio
        Maximum of ``claimed`` relative to the size of the file.

    Raises
    ------
    DlcxError
        If ``claimed`` is too large.
    """
    size = file_size(path)
    if claimed > ratio * size + ALWAYS_ALLOWED:
        raise DlcxError(f"{path} is refused: {size} bytes claim to hold {what} of {claimed} bytes")


@dataclass(frozen=True)
class ImageHeader:
    """Width and height of an image in pixels, rotated as its EXIF data says, and its number of channels."""

    width: int
    height: int
    channels: int


#: The EXIF tag for the orientation, and its values for images rotated by 90 or 270 degrees.
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)


def _shown_size(image: Any) -> tuple[int, int]:
    """Return width and height of an image opened by Pillow after rotating it upright, as OpenCV and DeepLabCut do."""
    from PIL import Image

    width, height = image.size
    orientation = None
    if image.format == "TIFF":  # some versions of Pillow have already rotated the size
        width, height, orientation = (image.tag_v2.get(tag) for tag in (256, 257, _ORIENTATION))
    elif data := image.info.get("exif"):  # getexif() would decode a PNG
        with suppress(Exception):  # a damaged EXIF block raises errors of any type
            exif = Image.Exif()
            exif.load(data)
            orientation = exif.get(_ORIENTATION)
    return (height, width) if orientation in _SIDEWAYS else (width, height)


def image_header(path: str | Path) -> ImageHeader | None:
    """Read the header of an image, but not its pixels.

    Returns
    -------
    ImageHeader or None
        None if Pillow cannot read the format; OpenCV may still be able to.

    Raises
    ------
    DlcxError
        If the file is missing, is not a regular file, has more than MAX_PIXELS, or embeds text that decompresses to far
        more than its size.
    """
    from PIL import Image, UnidentifiedImageError

    file_size(path, MAX_IMAGE_BYTES)
    too_many = DlcxError(
        f"image {path} is too large: its header gives more than {MAX_PIXELS // 10**6} million pixels",
        hint="Scale it down or cut it into parts.",
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # warns at half of MAX_PIXELS
            with Image.open(path) as image:
                (width, height), channels = _shown_size(image), len(image.getbands())
    except Image.DecompressionBombError:
        raise too_many from None
    except UnidentifiedImageError:
        return None
    except ValueError as error:
        raise DlcxError(f"image {path} is refused: {str(error)[:200]}") from None
    except Exception:  # a damaged header raises errors of any type
        return None
    if width * height > MAX_PIXELS:
        raise too_many
    return ImageHeader(width, height, channels)
