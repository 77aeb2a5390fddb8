"""``CollectedData_<scorer>.h5`` and ``.csv``: human labels (DeepLabCut 2.x and 3.x).

HDF5: fixed format of pandas, key ``df_with_missing``, float64, pixels, nan if not labeled.  Column levels: scorer,
individuals (only in projects with several animals), bodyparts, coords (x, y).  Unique bodyparts belong to an individual
named ``single``.  Row levels: ``labeled-data, <video>, <image>``; in older files one text
``labeled-data/<video>/<image>`` with either separator.  The csv starts with one line per column level::

    scorer,,,me,me                                 scorer,me,me
    bodyparts,,,snout,snout                or      bodyparts,snout,snout
    coords,,,x,y                                   coords,x,y
    labeled-data,vid,img00.png,35.5,42.0           labeled-data/vid/img00.png,35.5,42.0
"""

from __future__ import annotations

import csv
import logging
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from dlcx.errors import DlcxError
from dlcx.formats.serialization.checked_values import MAX_FLOAT32, check_csv_extent, numeric
from dlcx.formats.serialization.csv_cells import row_values
from dlcx.formats.serialization.hdf5.tables import read_table, write_table
from dlcx.locks import exclusive_edits
from dlcx.outputs import atomic_file, is_marked_outdated, marked_outdated, unmark_outdated
from dlcx.poses import Labels, Layout
from dlcx.settings.base import path_component
from dlcx.untrusted_files import open_text

logger = logging.getLogger(__name__)

KEY = "df_with_missing"
#: Column levels for a single animal and for several animals.
LEVELS = (["scorer", "bodyparts", "coords"], ["scorer", "individuals", "bodyparts", "coords"])
#: What DeepLabCut calls the owner of unique bodyparts.
SINGLE = "single"


def read_labels(path: str | Path, layout: Layout | None = None, scorer: str | None = None) -> Labels:
    """Read a label file.

    Parameters
    ----------
    path
        File name.  Without a suffix, the h5 is read if it exists, otherwise the csv.
    layout
        Bodyparts and individuals to read, in this order.  Others in the file are ignored with a warning, and missing
        ones are nan.  None reads all that the file names.
    scorer
        The scorer that the file must have; None accepts any.

    Returns
    -------
    Labels
        Positions in pixels of each image.

    Raises
    ------
    DlcxError
        If the file is missing or is not a table of labels, or if its scorer differs, or if it is of a single animal and
        ``layout`` of several or the reverse.
    """
    file, table = _read_table(Path(path))
    scorers = list(dict.fromkeys(table.columns.get_level_values("scorer")))
    if scorer is not None and scorers != [scorer]:
        raise DlcxError(
            f"{file}: labeled by {', '.join(map(repr, scorers))}, but config.yaml says scorer {scorer!r}",
            hint="Rename the scorer in the file or in config.yaml.",
        )
    multi = "individuals" in table.columns.names
    if layout is None:
        layout = _layout_of(table)
    elif layout.multi != multi:
        kinds = {True: "several animals", False: "a single animal"}
        raise DlcxError(
            f"{file}: labels of {kinds[multi]}, but config.yaml is for {kinds[layout.multi]}",
            hint="Check multianimalproject in config.yaml."
            + (" To convert the labels, run `dlcx clean-labels --to-multi-animal`." if layout.multi else ""),
        )
    _warn_of_name_differences(table, layout, file)
    labels = _labels_of(table, layout, file)
    if file.suffix == ".h5" and file != Path(path):
        _warn_of_csv_differences(labels, file)
    return labels


def read_agreed_labels(path: Path, layout: Layout, scorer: str) -> Labels:
    """Read the labels of ``path`` + ``.h5`` and ``.csv`` in order to edit both, and check that the two files agree.

    Writing both files would otherwise undo changes that somebody made in the csv.

    Raises
    ------
    DlcxError
        If the files differ, or as :func:`read_labels` does.
    """
    labels = read_labels(path.with_name(path.name + ".h5") if _exists(path, ".h5") else path, layout, scorer)
    text = path.with_name(path.name + ".csv")
    if _exists(path, ".h5") and (what := _csv_difference(labels, text)):
        keep = f"dlcx import-labels {shlex.quote(str(text))} --overwrite"
        raise DlcxError(
            f"{text} has {what}; dlcx cannot tell which of the two files is right",
            hint=f"If the csv is right, run `{keep}`. If the h5 is right, delete the csv.",
        )
    return labels


def _exists(path: Path, suffix: str) -> bool:
    return path.with_name(path.name + suffix).is_file()


def write_labels(labels: Labels, path: str | Path, scorer: str) -> list[Path]:
    """Write ``path`` + ``.h5`` and ``.csv`` as DeepLabCut does, with rows in the order of ``labels``.

    If the process is killed between the two files, the csv remains marked as outdated.

    Parameters
    ----------
    labels
        Positions in pixels of each image.
    path
        File name without suffix.
    scorer
        Name of the person who labeled.

    Returns
    -------
    list of Path
        The h5 and the csv.

    Raises
    ------
    DlcxError
        If a file cannot be written.
    """
    return write_label_table(_table_of(labels, scorer), Path(path))


def write_label_table(table: pd.DataFrame, base: Path) -> list[Path]:
    """Write a table of labels as ``base`` + ``.h5`` and ``.csv``; return both paths."""
    h5, text = (base.with_name(base.name + suffix) for suffix in (".h5", ".csv"))
    with marked_outdated(text):
        write_table(table, h5, KEY)
        with atomic_file(text) as temporary:
            table.to_csv(temporary)
    return [h5, text]


@contextmanager
def changing_labels(*paths: str | Path) -> Iterator[None]:
    """Let no other process change label files while the body edits them.

    If a killed process left an outdated csv, it is rewritten from the h5 first.

    Parameters
    ----------
    paths
        File names without suffix; ``.h5`` and ``.csv`` of each are protected.

    Raises
    ------
    DlcxError
        If another dlcx process holds one of the files for a long time, or another program changes one while the body
        runs.
    """
    bases = [Path(path) for path in paths]
    pairs = [tuple(base.with_name(base.name + suffix) for suffix in (".h5", ".csv")) for base in bases]
    with exclusive_edits(pairs):
        for h5, text in pairs:
            if is_marked_outdated(text) and h5.is_file():
                _, table = _read_table(h5)
                with atomic_file(text) as temporary:
                    table.to_csv(temporary)
            unmark_outdated(text)
        yield


def _read_table(path: Path) -> tuple[Path, pd.DataFrame]:
    """Return the file that was read and its columns x and y."""
    file, table = read_label_table(path)
    coords = table.columns.get_level_values("coords")
    if "likelihood" in coords:
        logger.warning("%s: likelihood columns are ignored", file)
    return file, table.loc[:, coords.isin(["x", "y"])]


def read_label_table(path: Path) -> tuple[Path, pd.DataFrame]:
    """Read all columns of a label file.

    Parameters
    ----------
    path
        File name.  Without a suffix, the h5 is read if it exists, otherwise the csv.

    Returns
    -------
    file, table
        The file that was read, and its table.

    Raises
    ------
    DlcxError
        If the file is missing or is not a table of labels.
    """
    if path.suffix in (".h5", ".csv"):
        file = path
    else:
        candidates = [path.with_name(path.name + suffix) for suffix in (".h5", ".csv")]
        file = next((candidate for candidate in candidates if candidate.is_file()), candidates[0])
    if not file.is_file():
        raise DlcxError(f"no such label file: {file}")
    try:
        table = read_table(file, [KEY], any_key=True) if file.suffix == ".h5" else _read_csv(file)
    except DlcxError:
        raise
    except Exception as error:  # pandas and PyTables raise errors of any type on a damaged file
        raise DlcxError(f"{file}: not a label file: {' '.join(str(error).split())[:200]}") from None
    if list(table.columns.names) not in LEVELS:
        raise DlcxError(f"{file}: expected columns scorer, bodyparts, coords, got {list(table.columns.names)}")
    table = numeric(table, file)
    table.columns = pd.MultiIndex.from_tuples(  # names of bodyparts may be numbers
        [tuple(map(str, column)) for column in table.columns], names=table.columns.names
    )
    _check_positions(table, file)
    return file, table


def _check_positions(table: pd.DataFrame, file: Path) -> None:
    """Refuse positions that are infinite or too large for any image, as programs write after a division by zero."""
    wrong = np.abs(table.to_numpy(np.float64)) > MAX_FLOAT32
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        image = table.index[row]
        where = "/".join(map(str, image)) if isinstance(image, tuple) else str(image)
        value = table.iloc[row, column]
        raise DlcxError(
            f"{file}, {where}: expected a position in the image for {' '.join(map(str, table.columns[column][1:]))}, "
            f"got {value:g}",
            hint="Leave the cell empty if the point is not labeled.",
        )


def _read_csv(file: Path) -> pd.DataFrame:
    # pandas would turn a video named 007 into the number 7.
    check_csv_extent(file, 4)
    with open_text(file) as text:
        reader = csv.reader(text, skipinitialspace=True)
        numbered = [(reader.line_num, row) for row in reader if any(row)]
    rows = [row for _, row in numbered]
    levels = 4 if len(rows) > 1 and rows[1][0] == "individuals" else 3
    names = [row[0] for row in rows[:levels]]
    if names != ["scorer", *(["individuals"] if levels == 4 else []), "bodyparts", "coords"]:
        raise DlcxError(f"{file}: expected lines that begin with scorer, bodyparts, coords; got {', '.join(names)}")
    start = 1 if rows[0][1] else 3  # columns that name the image
    width = max(number for number, cell in enumerate(rows[levels - 1], 1) if cell)
    for line, row in numbered:
        if any(row[width:]):
            raise DlcxError(f"{file}: row {line} has {len(row)} columns, the others have {width}")
        # Spreadsheets drop or add empty cells at the end of a row.  The scorer is the same in all columns.
        row[:] = [*row[:width], *[row[-1] if row is rows[0] else ""] * (width - len(row))]
    columns = [" ".join(words) for words in zip(*(row[start:] for row in rows[1:levels]), strict=True)]
    images, values = [], []
    for line, row in numbered[levels:]:
        where = f"{file}, row {line}"
        images.append("/".join(_image("/".join(row[:start]), where)))
        values.append(row_values(row[start:], columns, start + 1, where))
    return pd.DataFrame(
        np.array(values, np.float64).reshape(-1, width - start),
        index=pd.Index(images, dtype=object),
        columns=pd.MultiIndex.from_arrays([row[start:] for row in rows[:levels]], names=names),
    )


def _layout_of(table: pd.DataFrame) -> Layout:
    columns = table.columns
    if "individuals" not in columns.names:
        return Layout(bodyparts=tuple(dict.fromkeys(columns.get_level_values("bodyparts"))))
    pairs = list(
        dict.fromkeys(zip(columns.get_level_values("individuals"), columns.get_level_values("bodyparts"), strict=True))
    )
    return Layout(
        bodyparts=tuple(dict.fromkeys(part for animal, part in pairs if animal != SINGLE)),
        individuals=tuple(dict.fromkeys(animal for animal, _ in pairs if animal != SINGLE)),
        unique=tuple(part for animal, part in pairs if animal == SINGLE),
        multi=True,
    )


def _columns_of(layout: Layout) -> list[tuple[str, ...]]:
    """Return the column names below the scorer in the order of the file: animals, then unique bodyparts."""
    if not layout.multi:
        return [(part, coord) for part in layout.bodyparts for coord in "xy"]
    owners = [(animal, part) for animal in layout.individuals for part in layout.bodyparts]
    owners += [(SINGLE, part) for part in layout.unique]
    return [(*owner, coord) for owner in owners for coord in "xy"]


def _labels_of(table: pd.DataFrame, layout: Layout, file: Path) -> Labels:
    wanted = _columns_of(layout)
    number_of: dict[tuple[str, ...], int] = {}
    for number, column in enumerate(table.columns.tolist()):
        number_of.setdefault(tuple(column)[1:], number)  # without the scorer
    stored: np.ndarray = table.to_numpy(np.float64)
    values = np.full((len(table), len(wanted)), np.nan)  # (M, 2 (A K + U))
    for number, name in enumerate(wanted):
        if name in number_of:
            values[:, number] = stored[:, number_of[name]]
    points = values.reshape(len(table), len(wanted) // 2, 2)
    animals = len(layout.individuals) * len(layout.bodyparts)
    return Labels(
        layout=layout,
        images=tuple(read_image_names(table.index, file)),
        xy=points[:, :animals].reshape(len(table), len(layout.individuals), len(layout.bodyparts), 2),
        unique_xy=points[:, animals:],
    )


def read_image_names(index: pd.Index, path: Path) -> list[tuple[str, str, str]]:
    """Return the image of each row of a table: ``labeled-data``, the video's folder and the file name.

    Parameters
    ----------
    index
        Index of three levels, or of one level of paths.
    path
        File of the table, for messages.

    Raises
    ------
    DlcxError
        If a row does not name such an image.
    """
    return [_image(row, f"{path}, row {number} of the table") for number, row in enumerate(index, 1)]


def image_index(images: Sequence[tuple[str, str, str]]) -> pd.MultiIndex:
    """Return the index of a table whose rows are images, as DeepLabCut writes it: three levels without names."""
    return level_names(images, [None, None, None])


def _image(row: object, where: str) -> tuple[str, str, str]:
    """Return the three parts of the path that names a row; ``where`` is the location of the row, for messages."""
    row = row.decode(errors="replace") if isinstance(row, bytes) else row  # files written by Python 2
    parts = [str(part) for part in row] if isinstance(row, tuple) else re.split(r"[\\/]+", str(row))
    if len(parts) < 3:
        raise DlcxError(
            f"{where}: expected labeled-data/<video>/<image>, got {'/'.join(parts)!r:.200}",
            hint="Write the folder of the images in front of their names.",
        )
    folder, video, image = parts[-3:]
    for part in (folder, video, image):
        try:
            path_component(part)
        except ValueError:
            raise DlcxError(
                f"{where}: {'/'.join(parts)!r:.200} leads out of the project",
                hint="Expected labeled-data/<video>/<image>.",
            ) from None
    return folder, video, image


def _warn_of_name_differences(table: pd.DataFrame, layout: Layout, file: Path) -> None:
    """Warn of names that only the file or only the layout has: a misspelled bodypart would silently lose its labels."""
    found = _layout_of(table)
    for kind in ("individuals", "bodyparts", "unique"):
        in_file, expected = set(getattr(found, kind)), set(getattr(layout, kind))
        if extra := sorted(in_file - expected):
            logger.warning("%s: %s not in config.yaml, left out: %s", file, kind, ", ".join(extra))
        if missing := sorted(expected - in_file):
            logger.warning("%s: %s without labels: %s", file, kind, ", ".join(missing))


def _warn_of_csv_differences(labels: Labels, file: Path) -> None:
    """Warn if the csv beside an h5 differs, since people edit the csv but the h5 is read."""
    text = file.with_suffix(".csv")
    if what := _csv_difference(labels, text):
        logger.warning("%s has %s. The h5 is used; delete it if the csv is right.", text, what)


def _csv_difference(labels: Labels, text: Path) -> str:
    """Describe how a csv differs from the labels of its h5; empty if it agrees, is missing, or is marked outdated."""
    if not text.is_file() or is_marked_outdated(text):
        return ""
    try:
        other = _labels_of(_read_table(text)[1], labels.layout, text)
    except DlcxError:
        logger.info("%s cannot be read; its h5 is used", text)
        return ""
    if sorted(other.images) != sorted(labels.images):
        extra, missing = (len(set(one.images) - set(two.images)) for one, two in ((other, labels), (labels, other)))
        rows = [f"{extra} rows that the h5 does not have"] if extra else []
        rows += [f"{missing} rows of the h5 missing"] if missing else []
        return " and ".join(rows) or f"{len(other)} rows, the h5 {len(labels)}"
    row_of = {image: row for row, image in enumerate(other.images)}
    order = [row_of[image] for image in labels.images]
    pairs = ((labels.xy, other.xy[order]), (labels.unique_xy, other.unique_xy[order]))
    count = sum(int((~np.isclose(one, two, atol=0.01, equal_nan=True)).any(-1).sum()) for one, two in pairs)
    return f"{count} labels that differ from the h5" if count else ""


def _table_of(labels: Labels, scorer: str) -> pd.DataFrame:
    layout = labels.layout
    names = ["scorer", "individuals", "bodyparts", "coords"] if layout.multi else ["scorer", "bodyparts", "coords"]
    columns = _columns_of(layout)
    return pd.DataFrame(
        labels.points.reshape(len(labels), len(columns)).astype(np.float64),
        index=image_index(labels.images),
        columns=level_names([(scorer, *column) for column in columns], names),
    )


def level_names(rows: Sequence[tuple[str, ...]], names: Sequence[str | None]) -> pd.MultiIndex:
    """Return column or row names whose levels hold Python objects.

    pandas 3 would otherwise store its own string type, which pandas 2 cannot read.
    """
    levels = [pd.Index([row[level] for row in rows], dtype=object) for level in range(len(names))]
    return pd.MultiIndex.from_arrays(levels, names=list(names))
