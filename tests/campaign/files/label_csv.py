"""Test csv label files as written by spreadsheet programs and scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from campaign.case import EITHER, REFUSED, RIGHT, Case
from campaign.checks import exported, imported
from campaign.files.label_h5 import EXPORT, changed_points
from campaign.small_projects import LABELS, points_of

FILE = r"CollectedData_me\.csv|label row|labeled-data"
IMPORT = (("import-labels", "given.csv", "-p", "P", "--overwrite"),)


def edited(change: Callable[[str], str | bytes]) -> Callable[..., None]:
    """Replace the labels of the project by a changed csv without an h5."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        path = folder / "P" / f"{LABELS}.csv"
        path.with_suffix(".h5").unlink()
        new = change(path.read_text())
        path.write_bytes(new if isinstance(new, bytes) else new.encode())

    return make


def given(change: Callable[[str], str | bytes]) -> Callable[..., None]:
    """Write a changed csv of the labels next to the project."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        new = change((folder / "P" / f"{LABELS}.csv").read_text())
        (folder / "given.csv").write_bytes(new if isinstance(new, bytes) else new.encode())

    return make


def lines(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    """Change the list of lines."""
    return lambda text: "\n".join(change(text.splitlines())) + "\n"


def rows(change: Callable[[str], str]) -> Callable[[str], str]:
    """Change every row of an image."""
    return lines(lambda all_: [*all_[:3], *map(change, all_[3:])])


def first_cell(value: str) -> Callable[[str], str]:
    """Replace the x of the first label."""
    return lambda text: text.replace("8.25,6.5", f"{value},6.5", 1)


SAME: dict[str, Callable[[str], str | bytes]] = {
    "BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "no newline at its end": lambda text: text.rstrip("\n"),
    "empty lines at its end": lambda text: text + "\n\n,,,\n",
    "empty lines between": lambda text: text.replace("\n", "\n\n"),
    "an empty line in front": lambda text: "\n" + text,
    "every cell in quotes": lambda text: "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()
    ),
    "spaces around numbers": rows(lambda line: line.replace(",", ", ")),
    "semicolons": lambda text: text.replace(",", ";"),
    "semicolons and decimal commas": lambda text: text.replace(",", ";").replace("5.", "5.").replace(".", ","),
    "tabs": lambda text: text.replace(",", "\t"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a BOM": lambda text: text.encode("utf-16-le"),
    "sep= in the first line": lambda text: "sep=,\n" + text,
    "empty cells at the ends left out": lines(lambda all_: [line.rstrip(",") for line in all_]),
    "rows reversed": lines(lambda all_: [*all_[:3], *all_[:2:-1]]),
    "a row twice": lines(lambda all_: [*all_, all_[4]]),
    "nan written NaN": lambda text: text.replace(",,", ",NaN,").replace(",,", ",NaN,"),
    "nan written nan": rows(lambda line: line.replace(",,", ",nan,").replace(",,", ",nan,")),
    "nan written NA": rows(lambda line: line.replace(",,", ",NA,").replace(",,", ",NA,")),
    "nan written None": rows(lambda line: line.replace(",,", ",None,").replace(",,", ",None,")),
    "nan written -": rows(lambda line: line.replace(",,", ",-,").replace(",,", ",-,")),
    "nan written #N/A": rows(lambda line: line.replace(",,", ",#N/A,").replace(",,", ",#N/A,")),
    "one column of names": rows(lambda line: line.replace(",", "/", 2)),
    "one column of names everywhere": lines(
        lambda all_: [
            *(line.replace(",,,", ",", 1) for line in all_[:3]),
            *(line.replace(",", "/", 2) for line in all_[3:]),
        ]
    ),
    "backslashes": lines(
        lambda all_: [
            *(line.replace(",,,", ",", 1) for line in all_[:3]),
            *(line.replace(",", "\\", 2) for line in all_[3:]),
        ]
    ),
    "exponents": first_cell("0.825e1"),
    "a plus sign": first_cell("+8.25"),
    "zeros in front": first_cell("0008.25"),
    "20 digits": first_cell("8.25000000000000000001"),
    "capitals in the header": lambda text: text.replace("scorer", "Scorer").replace("coords", "Coords"),
    "a comment in front": lambda text: "# labels\n" + text,
    "spaces around names": lambda text: text.replace("nose", " nose ").replace("bodyparts", "bodyparts "),
}
#: Cells of spreadsheet programs that are not numbers.
NUMBERS = {
    "an underscore in a number": "8_25",
    "fullwidth digits": "８.25",
    "Arabic digits": "٨",
    "a number with a unit": "8.25px",
    "a hexadecimal number": "0x8",
    "a thousands separator": '"8,250.5"',
    "a decimal comma in quotes": '"8,25"',
    "a fraction": "33/4",
    "a percentage": "8.25%",
    "a spreadsheet's formula": "=8+0.25",
    "a word": "here",
    "a true": "True",
    "an escape sequence": "\x1b[31m8",
    "a zero byte": "8\x00",
}
BROKEN: dict[str, Callable[[str], str | bytes]] = {
    "no bytes": lambda _: "",
    "newlines alone": lambda _: "\n\n\n",
    "the header alone, cut": lines(lambda all_: all_[:2]),
    "no line of coords": lines(lambda all_: [*all_[:2], *all_[3:]]),
    "no line of scorers": lines(lambda all_: all_[1:]),
    "lines of the header in another order": lines(lambda all_: [all_[1], all_[0], *all_[2:]]),
    "a cell more in a row": lambda text: text.replace("6.5", "6.5,6.5", 1),
    "Latin-1": lambda text: text.replace("nose", "né").encode("latin-1"),
    "an image": lambda _: b"\x89PNG\r\n\x1a\n" + bytes(200),
    "an endless line": lambda text: text + "labeled-data,arena,img011.png," + "1," * 200000,
    "a cell of a megabyte": first_cell("8" * 1_000_000),
    "an open quote": lambda text: text.replace("8.25", '"8.25', 1),
    "coords of another kind": lambda text: text.replace("x,y", "u,v"),
    "HTML": lambda _: "<html><body>Not found</body></html>",
    "another project's scorer": lambda text: text.replace("me", "someone"),
    "rows out of the project": lambda text: text.replace("arena,img000", "..,img000"),
    "rows without an image": lambda text: text.replace("img000.png", ""),
}


def cases() -> Iterator[Case]:
    """Return all cases of this module."""
    for name, change in SAME.items():
        yield Case(name, "label csv", EXPORT, edited(change), 1, names=FILE, check=exported())
    for name, cell in NUMBERS.items():
        value = {"a number with a unit": None}.get(name)
        yield Case(
            name,
            "label csv",
            EXPORT,
            edited(first_cell(cell)),
            1,
            names=FILE,
            codes=REFUSED,
            check=exported(changed_points(0, 0, value)),
        )
    for name, change in BROKEN.items():
        yield Case(name, "label csv", EXPORT, edited(change), 1, names=rf"{FILE}|CollectedData", codes=REFUSED)
    infinite = changed_points(0, 0, None)
    for text in ("inf", "-Infinity", "1e400"):
        yield Case(
            f"{text} as a coordinate",
            "label csv",
            EXPORT,
            edited(first_cell(text)),
            1,
            names=FILE,
            codes=EITHER,
            check=exported(infinite),
        )
    for name in (
        "BOM",
        "CRLF",
        "semicolons",
        "semicolons and decimal commas",
        "UTF-16",
        "rows reversed",
        "backslashes",
        "empty cells at the ends left out",
        "one column of names everywhere",
    ):
        yield Case(
            f"{name}, imported", "label csv", IMPORT, given(SAME[name]), 1, names=r"given\.csv", check=imported()
        )
    for name in ("a cell more in a row", "Latin-1", "no line of coords", "rows out of the project"):
        yield Case(
            f"{name}, imported",
            "label csv",
            IMPORT,
            given(BROKEN[name]),
            1,
            names=r"given\.csv|label row",
            codes=REFUSED,
        )
    less = lines(lambda all_: all_[:5])
    yield Case("fewer rows, imported", "label csv", IMPORT, given(less), 1, codes=RIGHT, check=imported())

    def numbers(folder: Path, rng: np.random.Generator) -> None:
        (folder / "P" / "labeled-data" / "arena").rename(folder / "P" / "labeled-data" / "007")
        config = folder / "P" / "config.yaml"
        config.write_text(config.read_text().replace("arena.avi", "007.avi"))
        (folder / "P" / "videos" / "arena.avi").rename(folder / "P" / "videos" / "007.avi")
        path = folder / "P" / "labeled-data" / "007" / "CollectedData_me.csv"
        path.with_suffix(".h5").unlink()
        path.write_text(path.read_text().replace("arena", "007"))

    points = {(image.replace("arena", "007"), *rest): place for (image, *rest), place in points_of().items()}
    yield Case("a video called 007", "label csv", EXPORT, numbers, 2, codes=RIGHT, check=exported(points))  # type: ignore[arg-type]
