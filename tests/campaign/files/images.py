"""Test unusual image files: poses must equal those of a plain PNG with the same content, and sizes must be correct."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from campaign.case import EITHER, RIGHT, SOME_FAILED, Case, CommandResult
from campaign.small_projects import IMAGES, SIZE
from PIL import Image

ANALYZE = (("analyze-images", "plain.png", "{name}", "-p", "P", "--json"),)
Draw = Callable[[Path, Image.Image], object]


def scene() -> Image.Image:
    """Return an RGB image with content in every corner."""
    width, height = SIZE
    row, column = np.mgrid[:height, :width]
    channels = [(column * 2) % 256, (row * 3) % 256, (row + column) % 256]
    image = np.stack(channels, axis=-1).astype(np.uint8)
    image[10:20, 10:30], image[40:60, 70:90], image[5:9, 80:] = (250, 20, 20), (10, 240, 30), (0, 0, 0)
    return Image.fromarray(image)


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, color: int, data: bytes, extra: bytes = b"") -> bytes:
    """Return a PNG from raw rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def deep(path: Path, image: Image.Image) -> None:
    """Return a PNG with 16 bits per channel, of which the upper 8 are the image."""
    array = np.asarray(image).astype(np.uint16) * 257
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    path.write_bytes(png(*image.size, 16, 2, rows))


def animated(path: Path, image: Image.Image) -> None:
    """Return an animation that starts with the image."""
    first = image.quantize(256)
    first.save(path, save_all=True, append_images=[Image.new("P", image.size, 3)])


def exif(degrees: int) -> Draw:
    """Return a JPEG that shows the image after the rotation given in its EXIF data."""

    def draw(path: Path, image: Image.Image) -> None:
        method, number = {
            90: (Image.Transpose.ROTATE_90, 6),
            180: (Image.Transpose.ROTATE_180, 3),
            270: (Image.Transpose.ROTATE_270, 8),
        }[degrees]
        data = Image.Exif()
        data[0x0112] = number
        image.transpose(method).save(path, quality=100, subsampling=0, exif=data)

    return draw


def saved(**options: object) -> Draw:
    """Save the image with Pillow."""
    return lambda path, image: image.save(path, **options)


def converted(mode: str, **options: object) -> Draw:
    """Convert the image to another color mode."""
    return lambda path, image: image.convert(mode).save(path, **options)


#: File name, function that creates it, and plain image with the same poses.
Same = tuple[str, Draw, Callable[[Image.Image], Image.Image], float]


def as_is(image: Image.Image) -> Image.Image:
    """Return the image unchanged."""
    return image


def gray(image: Image.Image) -> Image.Image:
    """Return the image in grayscale."""
    return image.convert("L").convert("RGB")


SAME: dict[str, Same] = {
    "BMP": ("odd.bmp", saved(), as_is, 0.01),
    "TIFF": ("odd.tif", saved(), as_is, 0.01),
    "TIFF with LZW": ("odd.tiff", saved(compression="tiff_lzw"), as_is, 0.01),
    "TIFF with deflate": ("odd.tif", saved(compression="tiff_adobe_deflate"), as_is, 0.01),
    "16 bits a channel": ("odd.png", deep, as_is, 0.01),
    "an alpha channel": ("odd.png", converted("RGBA"), as_is, 0.01),
    "gray": ("odd.png", converted("L"), gray, 0.01),
    "gray with alpha": ("odd.png", converted("LA"), gray, 0.01),
    "gray TIFF": ("odd.tif", converted("L"), gray, 0.01),
    "a palette": (
        "odd.png",
        lambda path, image: image.quantize(256).save(path),
        lambda i: i.quantize(256).convert("RGB"),
        0.01,
    ),
    "a palette of 4": (
        "odd.png",
        lambda path, image: image.quantize(4).save(path, bits=2),
        lambda i: i.quantize(4).convert("RGB"),
        0.01,
    ),
    "black and white": ("odd.png", converted("1"), lambda i: i.convert("1").convert("RGB"), 0.01),
    "interlaced by rows of 1": ("odd.png", saved(optimize=True), as_is, 0.01),
    "JPEG of quality 100": ("odd.jpg", saved(quality=100, subsampling=0), as_is, 60.0),
    "progressive JPEG": ("odd.jpg", saved(quality=100, progressive=True), as_is, 60.0),
    "CMYK JPEG": ("odd.jpg", converted("CMYK", quality=100), as_is, 60.0),
    "JPEG called .jpeg": ("odd.jpeg", saved(quality=100), as_is, 60.0),
    "JPEG called .png": ("odd.png", lambda path, image: image.save(path, "JPEG", quality=100), as_is, 60.0),
    "PNG called .jpg": ("odd.jpg", lambda path, image: image.save(path, "PNG"), as_is, 0.01),
    "BMP called .png": ("odd.png", lambda path, image: image.save(path, "BMP"), as_is, 0.01),
    "GIF called .png": (
        "odd.png",
        lambda path, image: image.quantize(256).save(path, "GIF"),
        lambda i: i.quantize(256).convert("RGB"),
        60.0,
    ),
    "an animated GIF called .png": (
        "odd.png",
        lambda path, image: animated(path.with_suffix(".gif"), image) or path.with_suffix(".gif").rename(path),
        as_is,
        60.0,
    ),
    "WebP called .png": ("odd.png", lambda path, image: image.save(path, "WEBP", lossless=True), as_is, 0.01),
    "rubbish behind its end": (
        "odd.png",
        lambda path, image: (image.save(path), path.write_bytes(path.read_bytes() + b"x" * 999)),
        as_is,
        0.01,
    ),
    "a text in capitals": ("ODD.PNG", saved(), as_is, 0.01),
    "a name of spaces and quotes": ("o d'd\".png", saved(), as_is, 0.01),
    "a Unicode name": ("žába 🐸.png", saved(), as_is, 0.01),
    "a name like an option": ("./-q.png", saved(), as_is, 0.01),
    "a name with a percent and a dollar": ("100%$HOME.png", saved(), as_is, 0.01),
    "a name with braces and stars": ("a[1]{2}.png", saved(), as_is, 0.01),
    "a color profile": ("odd.png", saved(icc_profile=b"x" * 128), as_is, 0.01),
    "a text of 100,000 letters": ("odd.png", lambda path, image: _with_text(path, image), as_is, 0.01),
    "turned by 90 degrees in EXIF": ("odd.jpg", exif(90), as_is, 60.0),
    "turned by 180 degrees in EXIF": ("odd.jpg", exif(180), as_is, 60.0),
    "turned by 270 degrees in EXIF": ("odd.jpg", exif(270), as_is, 60.0),
}


def _with_text(path: Path, image: Image.Image) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "x" * 100_000, zip=True)
    image.save(path, pnginfo=info)


def cut(fraction: float, **options: object) -> Draw:
    """Truncate a file."""

    def draw(path: Path, image: Image.Image) -> None:
        stream = io.BytesIO()
        image.save(stream, path.suffix.lstrip(".").replace("jpg", "jpeg").replace("tif", "tiff"), **options)
        path.write_bytes(stream.getvalue()[: int(len(stream.getvalue()) * fraction)])

    return draw


def content(data: bytes) -> Draw:
    """Write these bytes."""
    return lambda path, _: path.write_bytes(data)


BROKEN: dict[str, tuple[str, Draw]] = {
    "no bytes": ("odd.png", content(b"")),
    "a text": ("odd.jpg", content(b"no picture\n" * 20)),
    "half of a PNG": ("odd.png", cut(0.5)),
    "nearly all of a PNG": ("odd.png", cut(0.9)),
    "half of a JPEG": ("odd.jpg", cut(0.5)),
    "half of a BMP": ("odd.bmp", cut(0.5)),
    "half of a TIFF": ("odd.tif", cut(0.5)),
    "the header of a PNG": ("odd.png", cut(0.02)),
    "an animated GIF": ("odd.gif", animated),
    "an SVG": ("odd.png", content(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')),
    "a PNG without pixels": ("odd.png", content(png(0, 0, 8, 2, b""))),
    "a PNG without rows": ("odd.png", content(png(96, 64, 8, 2, b""))),
    "a PNG of fewer rows": ("odd.png", content(png(96, 64, 8, 2, b"\0" + bytes(96 * 3)))),
    "a PNG of an unknown kind": ("odd.png", content(png(96, 64, 7, 9, bytes(9999)))),
    "a PNG with a wrong checksum": ("odd.png", lambda path, image: _flip(path, image)),
    "a folder called .png": ("odd.png", lambda path, _: path.mkdir()),
    "a link to nothing": ("odd.png", lambda path, _: path.symlink_to("nowhere.png")),
    "a link to itself": ("odd.png", lambda path, _: path.symlink_to("odd.png")),
    "floating-point TIFF": (
        "odd.tif",
        lambda path, image: Image.fromarray(np.asarray(image.convert("L"), np.float32) / 255).save(path),
    ),
    "an EXIF orientation of 99": ("odd.jpg", lambda path, image: _orientation(path, image, 99)),
    "EXIF data of rubbish": ("odd.jpg", saved(quality=100, exif=b"Exif\0\0" + bytes(range(256)))),
}


def _flip(path: Path, image: Image.Image) -> None:
    image.save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


def _orientation(path: Path, image: Image.Image, number: int) -> None:
    data = Image.Exif()
    data[0x0112] = number
    image.save(path, quality=100, exif=data)


def written(name: str, draw: Draw, plain: Callable[[Image.Image], Image.Image] = as_is) -> Callable[..., None]:
    """Write the unusual image and the plain one."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        draw(folder / name, scene())
        plain(scene()).save(folder / "plain.png")

    return make


def same(name: str, tolerance: float) -> Callable[[Path, CommandResult], str | None]:
    """Check that both images have the same poses.

    Networks with random weights are sensitive to noise, so after JPEG compression it is enough that both have poses.
    """

    def check(folder: Path, ended: CommandResult) -> str | None:
        import pandas as pd

        tables = [path for path in folder.rglob("*.h5") if "image_predictions" in path.name]
        if len(tables) != 1:
            return f"{len(tables)} tables"
        table = pd.read_hdf(tables[0])
        rows = {str(index[-1] if isinstance(index, tuple) else index): row for index, row in table.iterrows()}
        found = {Path(key).name: row.to_numpy(float) for key, row in rows.items()}
        if set(found) != {"plain.png", Path(name).name}:
            return f"rows of {sorted(found)}"
        one, other = found["plain.png"], found[Path(name).name]
        if np.isnan(other).any() or not np.allclose(one, other, atol=max(tolerance, 0.01)):
            return f"poses up to {np.nanmax(np.abs(one - other)):.2f} px elsewhere"
        return None

    return check


def analyzed() -> Iterator[Case]:
    """Return cases that analyze unusual images next to a plain one."""
    for title, (name, draw, plain, tolerance) in SAME.items():
        calls = [[word.replace("{name}", name) for word in ANALYZE[0]] + ["--out", "out"]]
        yield Case(title, "image", calls, written(name, draw, plain), 1, codes=RIGHT, check=same(name, tolerance))
    for title, (name, draw) in BROKEN.items():
        calls = [[word.replace("{name}", name) for word in ANALYZE[0]] + ["--out", "out"]]
        codes = EITHER | {SOME_FAILED}
        yield Case(title, "image", calls, written(name, draw), 1, codes=codes, names="odd")


def labeled() -> Iterator[Case]:
    """Return cases of labeled images: sizes in COCO files, and messages of check-labels."""
    for title in (
        "16 bits a channel",
        "an alpha channel",
        "a palette",
        "CMYK JPEG",
        "gray with alpha",
        "JPEG called .png",
        "WebP called .png",
        "turned by 90 degrees in EXIF",
        "turned by 180 degrees in EXIF",
    ):
        _, draw, *_ = SAME[title]

        def make(folder: Path, rng: np.random.Generator, draw: Draw = draw) -> None:
            path = (folder / "P").joinpath(*IMAGES[0])
            path.unlink()
            draw(folder / "odd.jpg" if "EXIF" in title else path, scene())  # noqa: B023
            if "EXIF" in title:  # noqa: B023
                (folder / "odd.jpg").rename(path)

        def check(folder: Path, _: CommandResult) -> str | None:
            import json

            images = json.loads((folder / "out.json").read_text())["images"]
            sizes = {(one["width"], one["height"]) for one in images}
            return None if sizes == {SIZE} else f"sizes {sizes}"

        if title in ("CMYK JPEG",):
            continue
        yield Case(
            f"{title}, labeled", "image", (("export-labels", "out.json", "-p", "P"),), make, 1, codes=RIGHT, check=check
        )
    for title in (
        "no bytes",
        "a text",
        "half of a PNG",
        "the header of a PNG",
        "a folder called .png",
        "a link to nothing",
        "a link to itself",
        "a PNG without pixels",
    ):
        _, draw = BROKEN[title]

        def spoil(folder: Path, rng: np.random.Generator, draw: Draw = draw) -> None:
            path = (folder / "P").joinpath(*IMAGES[0])
            path.unlink()
            if draw is BROKEN["a link to itself"][1]:
                path.symlink_to(path.name)
            else:
                draw(path, scene())

        for call in (
            ("check-labels", "-p", "P"),
            ("export-labels", "out.json", "-p", "P"),
            ("create-dataset", "-p", "P", "--shuffle", "3", "--net-type", "timm/test_resnet", "--weights", "none"),
            ("evaluate", "-p", "P"),
        ):
            codes = EITHER | {SOME_FAILED}
            yield Case(f"{title}, labeled, {call[0]}", "image", (call,), spoil, 1, codes=codes, names="img000|images")


def cases() -> Iterator[Case]:
    """Return all cases of this module."""
    yield from analyzed()
    yield from labeled()
