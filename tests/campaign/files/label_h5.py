"""Test HDF5 label files written with pandas: unusual types, orders, indices and names."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from campaign.case import EITHER, REFUSED, RIGHT, Case
from campaign.checks import both, exported, merged, points_of_csv, warned, without
from campaign.small_projects import IMAGES, LABELS, PARTS, Points, config_text, label_table, points_of, values

EXPORT = (("export-labels", "out.csv", "-p", "P"),)
CREATE = (("create-dataset", "-p", "P", "--shuffle", "3", "--net-type", "timm/test_resnet", "--weights", "none"),)
FILE = r"CollectedData_me|labeled-data"


def saved(change: Callable[[Any], Any], *, multi: bool = False, **options: Any) -> Callable[..., None]:
    """Write a changed table to the h5 of the project, without a csv."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        table = change(label_table(multi))
        (folder / "P" / f"{LABELS}.csv").unlink()
        table.to_hdf(folder / "P" / f"{LABELS}.h5", **{"key": "df_with_missing", "mode": "w", **options})

    return make


def raw(change: Callable[[Path], object]) -> Callable[..., None]:
    """Change the h5 file of the project, without a csv."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        (folder / "P" / f"{LABELS}.csv").unlink()
        change(folder / "P" / f"{LABELS}.h5")

    return make


def level(table: Any, name: str, rename: Callable[[Any], Any]) -> Any:
    """Rename the entries of one level of the columns."""
    place = table.columns.names.index(name)
    rows = [tuple(rename(one) if at == place else one for at, one in enumerate(row)) for row in table.columns]
    table.columns = pd.MultiIndex.from_tuples(rows, names=table.columns.names)
    return table


def indexed(rows: Callable[[tuple[str, str, str]], Any], **options: Any) -> Callable[[Any], Any]:
    """Create another index from the three parts of the image path."""

    def change(table: Any) -> Any:
        made = [rows(image) for image in IMAGES]
        table.index = pd.MultiIndex.from_tuples(made, **options) if isinstance(made[0], tuple) else pd.Index(made)
        return table

    return change


def cells(change: Callable[[np.ndarray], None]) -> Callable[[Any], Any]:
    """Change values of the table."""

    def changed(table: Any) -> Any:
        array = table.to_numpy(copy=True)
        change(array)
        return pd.DataFrame(array, index=table.index, columns=table.columns)

    return changed


def put(row: int, column: int, value: float) -> Callable[[Any], Any]:
    """Replace one value."""
    return cells(lambda array: array.__setitem__((row, column), value))


def changed_points(row: int, part: int, place: tuple[float, float] | None) -> Points:
    """Return the labels with one moved or removed."""
    name = "/".join(IMAGES[row]), "", PARTS[part]
    found = without(points_of(), lambda point: point != name)
    return found if place is None else {**found, name: place}


def whole(table: Any) -> Any:
    """Convert to integers, without missing values."""
    return table.round().fillna(7)


WHOLE = points_of(table=np.nan_to_num(np.round(values(False)), nan=7))
FLOATS: dict[str, Callable[[Any], Any]] = {
    "float32": lambda table: table.astype(np.float32),
    "float16": lambda table: table.astype(np.float16),
    "big-endian float64": lambda table: table.astype(">f8"),
    "big-endian float32": lambda table: table.astype(">f4"),
    "float objects": lambda table: table.astype(object),
    "float objects with None": lambda table: table.astype(object).where(table.notna(), None),
    "float objects with NA": lambda table: table.astype(object).where(table.notna(), pd.NA),
    "texts of numbers": lambda table: table.astype(str),
    "one column of texts": lambda table: table.astype({table.columns[3]: object}),
    "columns of mixed widths": lambda table: table.astype(
        {column: [np.float64, np.float32, np.float16][number % 3] for number, column in enumerate(table.columns)}
    ),
    "Fortran order": lambda table: pd.DataFrame(
        np.asfortranarray(table.to_numpy()), index=table.index, columns=table.columns
    ),
    "every second column of a wider array": lambda table: pd.DataFrame(
        np.repeat(table.to_numpy(), 2, axis=1)[:, ::2], index=table.index, columns=table.columns
    ),
    "bodyparts reversed": lambda table: table.iloc[:, [6, 7, 4, 5, 2, 3, 0, 1]],
    "y before x": lambda table: table.iloc[:, [1, 0, 3, 2, 5, 4, 7, 6]],
    "all x, then all y": lambda table: table.iloc[:, [0, 2, 4, 6, 1, 3, 5, 7]],
    "columns in random order": lambda table: table.iloc[:, [5, 0, 3, 6, 1, 7, 2, 4]],
    "levels: bodyparts, coords, scorer": lambda table: table.reorder_levels(["bodyparts", "coords", "scorer"], axis=1),
    "levels: coords, bodyparts, scorer": lambda table: table.reorder_levels(["coords", "bodyparts", "scorer"], axis=1),
    "sorted columns": lambda table: table.sort_index(axis=1),
    "rows reversed": lambda table: table.iloc[::-1],
    "rows in random order": lambda table: table.iloc[[3, 0, 5, 1, 4, 2]],
    "a row twice, the same": lambda table: pd.concat([table, table.iloc[[2]]]),
    "named row levels": lambda table: table.rename_axis(["folder", "video", "image"]),
    "rows of backslashes": indexed("\\".join),
    "rows of slashes": indexed("/".join),
    "rows of doubled slashes": indexed("//".join),
    "rows of mixed separators": indexed(lambda image: f"{image[0]}\\{image[1]}/{image[2]}"),
    "rows below a Windows path": indexed(lambda image: "C:\\Users\\me\\camp\\" + "\\".join(image)),
    "rows below a Unix path": indexed(lambda image: "/home/me/camp/" + "/".join(image)),
    "rows of bytes": indexed(lambda image: "/".join(image).encode()),
    "rows of five levels": indexed(lambda image: ("home", "me", *image)),
    "a level more, unused": lambda table: pd.concat([table], keys=["all"], names=["set"]),
}
WHOLES: dict[str, Callable[[Any], Any]] = {
    "int64": lambda table: whole(table).astype(np.int64),
    "int16": lambda table: whole(table).astype(np.int16),
    "uint8": lambda table: whole(table).astype(np.uint8),
    "big-endian int32": lambda table: whole(table).astype(">i4"),
    "integer objects": lambda table: whole(table).astype(int).astype(object),
    "complex without imaginary part": lambda table: whole(table).astype(complex),
}
#: Options for pandas' table format.
FORMATS: dict[str, dict[str, Any]] = {
    "table format": {"format": "table"},
    "another key": {"key": "labels"},
    "a key in a group": {"key": "some/where/labels"},
    "compressed by blosc": {"complib": "blosc", "complevel": 9, "format": "table"},
    "compressed by zlib": {"complib": "zlib", "complevel": 9},
    "compressed by bzip2": {"complib": "bzip2", "complevel": 1},
}


def right() -> Iterator[Case]:
    """Return cases of tables with the same meaning."""
    for name, change in FLOATS.items():
        tolerance = 0.05 if "float16" in name or "mixed widths" in name else 0.01
        yield Case(
            name, "label h5", EXPORT, saved(change), 1, names=FILE, check=exported(tolerance=tolerance), codes=EITHER
        )
    for name, change in WHOLES.items():
        yield Case(name, "label h5", EXPORT, saved(change), 1, names=FILE, check=exported(WHOLE))
    for name, options in FORMATS.items():
        change = indexed("/".join) if "format" in options else lambda table: table
        yield Case(name, "label h5", EXPORT, saved(change, **options), 1, names=FILE, check=exported())
    for name in ("float objects with None", "y before x", "rows below a Windows path", "rows in random order"):
        yield Case(f"{name}, as a dataset", "label h5", CREATE, saved(FLOATS[name]), 1, names=FILE, check=merged())


def odd_values() -> Iterator[Case]:
    """Return cases of values outside the image, incomplete points and gaps."""
    one = [
        ("an infinite x", put(0, 0, np.inf), None, EITHER),
        ("x without y", put(0, 1, np.nan), None, RIGHT),
        ("y without x", put(2, 2, np.nan), (2, 1, None), RIGHT),
        ("negative zero", put(0, 0, -0.0), (0, 0, (0.0, 6.5)), RIGHT),
        ("outside of the image", put(0, 0, 500.0), (0, 0, (500.0, 6.5)), RIGHT),
        ("negative", put(0, 0, -3.0), (0, 0, (-3.0, 6.5)), RIGHT),
        ("1e300", put(0, 0, 1e300), (0, 0, (1e300, 6.5)), EITHER),
        ("a denormal number", put(0, 0, 5e-324), (0, 0, (0.0, 6.5)), RIGHT),
    ]
    for name, change, point, codes in one:
        expected = changed_points(0, 0, None) if point is None else changed_points(*point)
        yield Case(name, "label h5", EXPORT, saved(change), 1, names=FILE, codes=codes, check=exported(expected))
    empty = saved(lambda table: table * np.nan)
    yield Case("nothing labeled", "label h5", EXPORT, empty, 1, names=FILE, check=exported({}))
    yield Case("nothing labeled, as a dataset", "label h5", CREATE, empty, 1, names="label", codes=REFUSED)
    yield Case("no rows", "label h5", EXPORT, saved(lambda table: table.iloc[:0]), 1, names="label", check=exported({}))
    row = without(points_of(), lambda point: point[0] == "/".join(IMAGES[2]))
    yield Case("one row", "label h5", EXPORT, saved(lambda table: table.iloc[[2]]), 1, codes=RIGHT, check=exported(row))
    yield Case(
        "one row, as a dataset", "label h5", CREATE, saved(lambda table: table.iloc[[2]]), 1, names="image|label"
    )


def odd_names() -> Iterator[Case]:
    """Return cases of unusual names and shapes that must not be misinterpreted."""

    def conflict(table: Any) -> Any:
        other = table.iloc[[2]] + 5
        return pd.concat([table, other])

    refused: dict[str, Callable[[Any], Any]] = {
        "numbers as rows": lambda table: table.reset_index(drop=True),
        "two row levels": lambda table: table.droplevel(0),
        "another scorer": lambda table: level(table, "scorer", lambda _: "someone"),
        "coords in capitals": lambda table: level(table, "coords", str.upper),
        "two levels of columns": lambda table: table.droplevel("scorer", axis=1),
        "levels without names": lambda table: table.rename_axis([None, None, None], axis=1),
        "flat columns": lambda table: table.set_axis(["_".join(name) for name in table.columns], axis=1),
        "times": lambda table: table.apply(lambda column: pd.to_datetime(column, unit="s")),
        "spans": lambda table: table.apply(lambda column: pd.to_timedelta(column, unit="s")),
        "words": lambda table: table.astype(object).where(table.notna(), "missing"),
        "lists in cells": lambda table: table.astype(object).apply(lambda column: column.map(lambda cell: [cell])),
        "complex": lambda table: table * 1j,
        "no columns": lambda table: table.iloc[:, :0],
        "transposed": lambda table: table.T,
        "image names with a parent folder": indexed(lambda image: (image[0], "..", image[2])),
        "absent rows": indexed(lambda image: (image[0], image[1], "" if image[2] == "img000.png" else image[2])),
    }
    for name, change in refused.items():
        yield Case(name, "label h5", EXPORT, saved(change), 1, names=FILE, codes=REFUSED)
    only = {
        "only x": lambda table: table.loc[:, table.columns.get_level_values("coords") == "x"],
        "one coordinate missing": lambda table: table.iloc[:, [0, 1, 2, 4, 5, 6, 7]],
        "a scorer more": lambda table: pd.concat([table, level(table.copy(), "scorer", lambda _: "other")], axis=1),
        "a row twice, otherwise": conflict,
        "rows of dates": indexed(lambda image: pd.Timestamp("2024-01-01")),
        "booleans": lambda table: table > 20,
    }
    for name, change in only.items():
        points = without(points_of(), lambda point: point[2] != "ear") if name == "one coordinate missing" else {}
        yield Case(name, "label h5", EXPORT, saved(change), 1, names=FILE, check=exported(points))
    more = {
        "a bodypart more": lambda table: pd.concat(
            [table, level(table.iloc[:, :2].copy(), "bodyparts", lambda _: "wing")], axis=1
        ),
        "1000 bodyparts more": lambda table: pd.concat(
            [table, *(level(table.iloc[:, :2].copy(), "bodyparts", lambda _, n=n: f"p{n}") for n in range(1000))],
            axis=1,
        ),
        "likelihoods too": lambda table: pd.concat(
            [table, level(table.iloc[:, ::2] * 0 + 0.5, "coords", lambda _: "likelihood")], axis=1
        ),
    }
    for name, change in more.items():
        yield Case(
            name, "label h5", EXPORT, saved(change), 1, codes=RIGHT, check=both(exported(), warned("CollectedData_me"))
        )
    kept = without(points_of(), lambda point: point[2] != "paw")
    yield Case(
        "a bodypart less",
        "label h5",
        EXPORT,
        saved(lambda table: table.iloc[:, :6]),
        1,
        codes=RIGHT,
        check=both(exported(kept), warned("paw")),
    )
    kept = without(points_of(), lambda point: point[2] != "ear")
    yield Case(
        "a bodypart with a space at its end",
        "label h5",
        EXPORT,
        saved(lambda table: level(table, "bodyparts", lambda part: "ear " if part == "ear" else part)),
        1,
        codes=RIGHT,
        check=both(exported(kept), warned("ear")),
    )


def renamed() -> Iterator[Case]:
    """Return cases of unusual bodypart names in config.yaml and in the table."""
    names = {
        "numbers as bodyparts": [1, 2, 3, 4],
        "fractions as bodyparts": [0.5, 1.5, 2.5, 3.5],
        "Greek bodyparts": ["ρύγχος", "αυτί", "ουρά", "πόδι"],
        "emoji bodyparts": ["🐭", "👂", "🐁", "🐾"],
        "bodyparts with commas and quotes": ["a,b", 'say "x"', "it's", "semi;colon"],
        "right-to-left bodyparts": ["אף", "אוזן", "זנב", "כף"],
        "decomposed accents": ["ne\u0301z", "oreille", "queue", "patte"],
        "bodyparts called x, y and coords": ["x", "y", "coords", "scorer"],
        "bodyparts of 200 characters": [letter * 200 for letter in "abcd"],
        "bodyparts that differ by case": ["Nose", "nose", "NOSE", "nOSE"],
    }
    for name, parts in names.items():

        def make(folder: Path, rng: np.random.Generator, parts: list[Any] = parts) -> None:
            new = dict(zip(PARTS, parts, strict=True))
            import yaml

            text = yaml.safe_dump({"bodyparts": parts}, allow_unicode=True)
            (folder / "P" / "config.yaml").write_text(config_text(folder / "P", names=text, skeleton="[]"))
            saved(lambda table: level(table, "bodyparts", new.__getitem__))(folder, rng)

        names_now = dict(zip(PARTS, map(str, parts), strict=True))
        points = {(image, whose, names_now[part]): place for (image, whose, part), place in points_of().items()}
        yield Case(name, "label h5", EXPORT, make, 2, names=rf"{FILE}|config", check=exported(points))


def several() -> Iterator[Case]:
    """Return cases of multi-animal projects."""
    names = ["scorer", "individuals", "bodyparts", "coords"]
    same: dict[str, Callable[[Any], Any]] = {
        "individuals below bodyparts": lambda table: table.reorder_levels([0, 2, 1, 3], axis=1),
        "levels reversed": lambda table: table.reorder_levels(names[::-1], axis=1),
        "the second individual first": lambda table: table.iloc[:, [*range(6, 12), *range(6), 12, 13]],
        "unique bodyparts first": lambda table: table.iloc[:, [12, 13, *range(12)]],
        "columns in any order": lambda table: table.iloc[:, np.random.default_rng(4).permutation(14)],
        "sorted by name": lambda table: table.sort_index(axis=1),
        "objects": lambda table: table.astype(object).where(table.notna(), None),
        "float32 table format": lambda table: table.astype(np.float32),
    }
    for name, change in same.items():
        yield Case(
            f"two animals, {name}",
            "label h5",
            EXPORT,
            saved(change, multi=True),
            1,
            "two",
            names=FILE,
            check=exported(multi=True),
        )
    full = points_of(True)
    less = {
        "no unique bodypart": (lambda table: table.iloc[:, :12], lambda point: point[2] != "lamp"),
        "one individual": (
            lambda table: table.iloc[:, [*range(6), 12, 13]],
            lambda point: point[1] == "ann" or point[2] == "lamp",
        ),
        "another spelling of an individual": (
            lambda table: level(table, "individuals", lambda one: "Bob" if one == "bob" else one),
            lambda point: point[1] != "bob",
        ),
        "a bodypart of one individual only": (
            lambda table: table.drop(columns=[("me", "bob", "ear", "x"), ("me", "bob", "ear", "y")]),
            lambda point: point[1:] != ("bob", "ear"),
        ),
    }
    for name, (change, keep) in less.items():
        yield Case(
            f"two animals, {name}",
            "label h5",
            EXPORT,
            saved(change, multi=True),
            1,
            "two",
            names=FILE,
            check=exported(without(full, keep)),
        )
    yield Case(
        "two animals, no level of individuals",
        "label h5",
        EXPORT,
        saved(lambda table: table),
        1,
        "two",
        names=FILE,
        codes=REFUSED,
    )
    yield Case(
        "one animal, a level of individuals",
        "label h5",
        EXPORT,
        saved(lambda _: label_table(True)),
        1,
        names=FILE,
        codes=REFUSED,
    )


def not_tables() -> Iterator[Case]:
    """Return cases of .h5 files without a table."""

    def store(what: Any) -> Callable[[Path], object]:
        def write(path: Path) -> None:
            what.to_hdf(path, key="df_with_missing", mode="w")

        return write

    def h5py_file(fill: Callable[[Any], object]) -> Callable[[Path], object]:
        def write(path: Path) -> None:
            import h5py

            with h5py.File(path, "w") as file:
                fill(file)

        return write

    def cut(fraction: float) -> Callable[[Path], object]:
        return lambda path: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * fraction)])

    def folder(path: Path) -> None:
        path.unlink()
        path.mkdir()

    def dangling(path: Path) -> None:
        path.unlink()
        path.symlink_to("nowhere.h5")

    def loop(path: Path) -> None:
        path.unlink()
        path.symlink_to(path.name)

    made: dict[str, Callable[[Path], object]] = {
        "no bytes": lambda path: path.write_bytes(b""),
        "a text": lambda path: path.write_text("scorer,me\n"),
        "the first half": cut(0.5),
        "all but the last tenth": cut(0.9),
        "the first 100 bytes": lambda path: path.write_bytes(path.read_bytes()[:100]),
        "a column alone": store(pd.Series([1.0, 2.0])),
        "an empty table": store(pd.DataFrame()),
        "no pandas": h5py_file(lambda file: file.create_dataset("df_with_missing", data=np.ones((3, 4)))),
        "no datasets": h5py_file(lambda file: file.create_group("df_with_missing")),
        "a folder": folder,
        "a link to nothing": dangling,
        "a link to itself": loop,
        "a table of poses": lambda path: shutil.copy(next(path.parents[2].glob("videos/*_10.h5")), path),
    }
    for name, change in made.items():
        yield Case(name, "label h5", EXPORT, raw(change), 1, names=rf"{FILE}|label", codes=REFUSED)


def at_odds() -> Iterator[Case]:
    """Return cases of an h5 and a csv that disagree: dlcx uses the h5 and prints a warning."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        (label_table() + 5).to_csv(folder / "P" / f"{LABELS}.csv")

    yield Case(
        "a csv next to it with other values",
        "label h5",
        EXPORT,
        make,
        1,
        codes=RIGHT,
        check=both(exported(), warned("CollectedData_me.csv")),
    )
    assert points_of_csv


def cases() -> Iterator[Case]:
    """Return all cases of this module."""
    for part in (right, odd_values, odd_names, renamed, several, not_tables, at_odds):
        yield from part()
