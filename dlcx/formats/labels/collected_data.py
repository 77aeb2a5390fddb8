"""``CollectedData_<scorer>.h5`` and ``.csv``: human labels (DeepLabCut 2.x and 3.x).

HDF5: pandas fixed format, key ``df_with_missing``, float64, nan where not labelled.  Columns: scorer, (individuals,)
bodyparts, coords (x, y); several animals add the level ``individuals``, and unique bodyparts stand under the
pseudo-individual ``single``.  Rows: three levels ``labeled-data, <video>, <image>``, in older files one string
``labeled-data/<video>/<image>`` with either separator.  The csv has the column levels as its first lines::

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
from dlcx.formats.serialization.checked_values import LARGEST, check_csv_extent, numeric
from dlcx.formats.serialization.csv_cells import row_values
from dlcx.formats.serialization.hdf5 import read_table, write_table
from dlcx.locks import exclusive_edits
from dlcx.outputs import atomic_file, is_marked_outdated, marked_outdated, unmark_outdated
from dlcx.poses import Labels, Layout
from dlcx.settings.base import path_component
from dlcx.untrusted_files import open_text

logger = logging.getLogger(__name__)

KEY = "df_with_missing"
#: The levels of its columns, for a single animal and for several.
LEVELS = (["scorer", "bodyparts", "coords"], ["scorer", "individuals", "bodyparts", "coords"])
#: What DeepLabCut calls the owner of unique bodyparts.
SINGLE = "single"


def read_labels(path: str | Path, layout: Layout | None = None, scorer: str | None = None) -> Labels:
    """Read one label file; the h5 where it exists, else the csv.

    Parameters
    ----------
    path
        File name, with or without its suffix; a suffix chooses between the two.
    layout
        The names to read, in this order; others in the file are left out, missing ones are nan.
        None takes those of the file.
    scorer
        Who must have labelled; None takes whoever did.

    Raises
    ------
    DlcxError
        When there is no such file, it holds no labels, or its scorer or kind of project is another.
    """
    file, table = _read_table(Path(path))
    scorers = list(dict.fromkeys(table.columns.get_level_values("scorer")))
    if scorer is not None and scorers != [scorer]:
        raise DlcxError(
            f"{file}: labelled by {', '.join(map(repr, scorers))}, but config.yaml says scorer {scorer!r}",
            hint="Rename the scorer in the file or in config.yaml.",
        )
    multi = "individuals" in table.columns.names
    if layout is None:
        layout = _layout_of(table)
    elif layout.multi != multi:
        kinds = {True: "several animals", False: "a single animal"}
        raise DlcxError(
            f"{file}: labels of {kinds[multi]}, but config.yaml is of {kinds[layout.multi]}",
            hint="multianimalproject in config.yaml tells which."
            + (" To convert the labels, run `dlcx clean-labels --to-multi-animal`." if layout.multi else ""),
        )
    _tell_left_out(table, layout, file)
    labels = _labels_of(table, layout, file)
    if file.suffix == ".h5" and file != Path(path):
        _tell_disagreement(labels, file)
    return labels


def read_agreed_labels(path: Path, layout: Layout, scorer: str) -> Labels:
    """The labels of ``path`` + ``.h5`` and ``.csv`` before both are written again: they must say the same.

    Raises
    ------
    DlcxError
        When they do not: writing both would bring back rows and values that somebody has changed in the csv.
    """
    labels = read_labels(path.with_name(path.name + ".h5") if _exists(path, ".h5") else path, layout, scorer)
    text = path.with_name(path.name + ".csv")
    if _exists(path, ".h5") and (what := _disagreement(labels, text)):
        keep = f"dlcx import-labels {shlex.quote(str(text))} --overwrite"
        raise DlcxError(
            f"{text} has {what}: nobody can tell which of the two counts",
            hint=f"If the csv is right: '{keep}'; if the h5 is: delete the csv.",
        )
    return labels


def _exists(path: Path, suffix: str) -> bool:
    return path.with_name(path.name + suffix).is_file()


def write_labels(labels: Labels, path: str | Path, scorer: str) -> list[Path]:
    """Write ``path`` + ``.h5`` and ``.csv`` as DeepLabCut does, rows in the order of ``labels``.

    A process that is killed between the two leaves a note beside them that the csv is outdated.

    Returns
    -------
    list of Path
        The h5 and the csv.
    """
    return write_label_table(_table_of(labels, scorer), Path(path))


def write_label_table(table: pd.DataFrame, base: Path) -> list[Path]:
    """Write a table of labels as ``base`` + ``.h5`` and ``.csv``; returns both."""
    h5, text = (base.with_name(base.name + suffix) for suffix in (".h5", ".csv"))
    with marked_outdated(text):
        write_table(table, h5, KEY)
        with atomic_file(text) as beside:
            table.to_csv(beside)
    return [h5, text]


@contextmanager
def changing_labels(*paths: str | Path) -> Iterator[None]:
    """Let no other process change the label files ``path`` + ``.h5`` and ``.csv`` while the body reads and writes them.

    A csv that a killed process has not come to write is written first.

    Raises
    ------
    DlcxError
        When another process holds one of them for long, or an editor has changed one meanwhile.
    """
    bases = [Path(path) for path in paths]
    pairs = [tuple(base.with_name(base.name + suffix) for suffix in (".h5", ".csv")) for base in bases]
    with exclusive_edits(pairs):
        for h5, text in pairs:
            if is_marked_outdated(text) and h5.is_file():
                _, table = _read_table(h5)
                with atomic_file(text) as beside:
                    table.to_csv(beside)
            unmark_outdated(text)
        yield


def _read_table(path: Path) -> tuple[Path, pd.DataFrame]:
    """The file that was read, and its columns x and y."""
    file, table = read_label_table(path)
    coords = table.columns.get_level_values("coords")
    if "likelihood" in coords:
        logger.warning("%s: its likelihood columns are ignored", file)
    return file, table.loc[:, coords.isin(["x", "y"])]


def read_label_table(path: Path) -> tuple[Path, pd.DataFrame]:
    """The file that was read, the h5 where ``path`` has no suffix and there is one, and all of its columns.

    Raises
    ------
    DlcxError
        When there is no such file, or it is no table of labels.
    """
    if path.suffix in (".h5", ".csv"):
        file = path
    else:
        named = [path.with_name(path.name + suffix) for suffix in (".h5", ".csv")]
        file = next((candidate for candidate in named if candidate.is_file()), named[0])
    if not file.is_file():
        raise DlcxError(f"no such label file: {file}")
    try:
        table = read_table(file, [KEY], any_key=True) if file.suffix == ".h5" else _read_csv(file)
    except DlcxError:
        raise
    except Exception as error:  # pandas and PyTables raise whatever they meet in a broken file
        raise DlcxError(f"{file}: not a label file: {' '.join(str(error).split())[:200]}") from None
    if list(table.columns.names) not in LEVELS:
        raise DlcxError(f"{file}: expected columns scorer, bodyparts, coords, got {list(table.columns.names)}")
    table = numeric(table, file)
    table.columns = pd.MultiIndex.from_tuples(  # numbers as names of bodyparts
        [tuple(map(str, column)) for column in table.columns], names=table.columns.names
    )
    _refuse_endless(table, file)
    return file, table


def _refuse_endless(table: pd.DataFrame, file: Path) -> None:
    """Refuse positions that are infinite or too large for any picture: programs write them where a division failed."""
    wrong = np.abs(table.to_numpy(np.float64)) > LARGEST
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        image = table.index[row]
        where = "/".join(map(str, image)) if isinstance(image, tuple) else str(image)
        value = table.iloc[row, column]
        raise DlcxError(
            f"{file}, {where}: expected a position in the image for {' '.join(map(str, table.columns[column][1:]))}, "
            f"got {value:g}",
            hint="Leave the cell empty where nothing is labeled.",
        )


def _read_csv(file: Path) -> pd.DataFrame:
    # Not pandas: it would turn a video called 007 into the number 7.
    check_csv_extent(file, 4)
    with open_text(file) as text:
        reader = csv.reader(text, skipinitialspace=True)
        numbered = [(reader.line_num, row) for row in reader if any(row)]
    rows = [row for _, row in numbered]
    levels = 4 if len(rows) > 1 and rows[1][0] == "individuals" else 3
    names = [row[0] for row in rows[:levels]]
    if names != ["scorer", *(["individuals"] if levels == 4 else []), "bodyparts", "coords"]:
        raise DlcxError(f"{file}: expected lines that begin with scorer, bodyparts, coords; got {', '.join(names)}")
    start = 1 if rows[0][1] else 3  # columns of the row's name
    width = max(number for number, cell in enumerate(rows[levels - 1], 1) if cell)
    for line, row in numbered:
        if any(row[width:]):
            raise DlcxError(f"{file}: row {line} has {len(row)} columns, the others have {width}")
        # Spreadsheets drop or add empty cells at the end of a row; the scorer is the same all along.
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


def _wanted(layout: Layout) -> list[tuple[str, ...]]:
    """Columns below the scorer, in the order of the file: animals, then unique bodyparts."""
    if not layout.multi:
        return [(part, coord) for part in layout.bodyparts for coord in "xy"]
    owners = [(animal, part) for animal in layout.individuals for part in layout.bodyparts]
    owners += [(SINGLE, part) for part in layout.unique]
    return [(*owner, coord) for owner in owners for coord in "xy"]


def _labels_of(table: pd.DataFrame, layout: Layout, file: Path) -> Labels:
    wanted = _wanted(layout)
    place: dict[tuple[str, ...], int] = {}
    for number, column in enumerate(table.columns.tolist()):
        place.setdefault(tuple(column)[1:], number)  # below the scorer
    stored: np.ndarray = table.to_numpy(np.float64)
    values = np.full((len(table), len(wanted)), np.nan)  # (M, 2 (A K + U))
    for number, name in enumerate(wanted):
        if name in place:
            values[:, number] = stored[:, place[name]]
    points = values.reshape(len(table), len(wanted) // 2, 2)
    animals = len(layout.individuals) * len(layout.bodyparts)
    return Labels(
        layout=layout,
        images=tuple(read_image_names(table.index, file)),
        xy=points[:, :animals].reshape(len(table), len(layout.individuals), len(layout.bodyparts), 2),
        unique_xy=points[:, animals:],
    )


def read_image_names(index: pd.Index, path: Path) -> list[tuple[str, str, str]]:
    """The three path parts of each row of an index, of either form.

    Raises
    ------
    DlcxError
        Names the file ``path`` and the row that has another one.
    """
    return [_image(row, f"{path}, row {number} of the table") for number, row in enumerate(index, 1)]


def image_index(images: Sequence[tuple[str, str, str]]) -> pd.MultiIndex:
    """The index of rows that are images, as DeepLabCut writes it: three levels without names."""
    return level_names(images, [None, None, None])


def _image(row: object, where: str) -> tuple[str, str, str]:
    """The three path parts of a row's index, of either form; ``where`` it stands."""
    row = row.decode(errors="replace") if isinstance(row, bytes) else row  # files of Python 2
    parts = [str(part) for part in row] if isinstance(row, tuple) else re.split(r"[\\/]+", str(row))
    if len(parts) < 3:
        raise DlcxError(
            f"{where}: expected labeled-data/<video>/<image>, got {'/'.join(parts)!r:.200}",
            hint="Write the folder of the images before their names.",
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


def _tell_left_out(table: pd.DataFrame, layout: Layout, file: Path) -> None:
    """Warn of names that one side has and the other has not: a misspelt bodypart would silently lose its labels."""
    inside = _layout_of(table)
    for kind in ("individuals", "bodyparts", "unique"):
        there, here = set(getattr(inside, kind)), set(getattr(layout, kind))
        if extra := sorted(there - here):
            logger.warning("%s: %s not in config.yaml, left out: %s", file, kind, ", ".join(extra))
        if missing := sorted(here - there):
            logger.warning("%s: %s without labels: %s", file, kind, ", ".join(missing))


def _tell_disagreement(labels: Labels, file: Path) -> None:
    """Warn where the csv beside an h5 says otherwise: people edit the one, and the other counts."""
    text = file.with_suffix(".csv")
    if what := _disagreement(labels, text):
        logger.warning("%s has %s: the h5 counts; delete it where the csv is right", text, what)


def _disagreement(labels: Labels, text: Path) -> str:
    """What a csv has otherwise than the labels of the h5 beside it; nothing where it says the same, or is missing."""
    if not text.is_file() or is_marked_outdated(text):
        return ""
    try:
        other = _labels_of(_read_table(text)[1], labels.layout, text)
    except DlcxError:
        logger.info("%s cannot be read; the h5 beside it counts", text)
        return ""
    if sorted(other.images) != sorted(labels.images):
        extra, missing = (len(set(one.images) - set(two.images)) for one, two in ((other, labels), (labels, other)))
        rows = [f"{extra} rows that the h5 lacks"] if extra else []
        rows += [f"{missing} rows of the h5 less"] if missing else []
        return " and ".join(rows) or f"{len(other)} rows, the h5 {len(labels)}"
    place = {image: row for row, image in enumerate(other.images)}
    order = [place[image] for image in labels.images]
    pairs = ((labels.xy, other.xy[order]), (labels.unique_xy, other.unique_xy[order]))
    count = sum(int((~np.isclose(one, two, atol=0.01, equal_nan=True)).any(-1).sum()) for one, two in pairs)
    return f"{count} labels that differ from the h5" if count else ""


def _table_of(labels: Labels, scorer: str) -> pd.DataFrame:
    layout = labels.layout
    names = ["scorer", "individuals", "bodyparts", "coords"] if layout.multi else ["scorer", "bodyparts", "coords"]
    columns = _wanted(layout)
    return pd.DataFrame(
        labels.points.reshape(len(labels), len(columns)).astype(np.float64),
        index=image_index(labels.images),
        columns=level_names([(scorer, *column) for column in columns], names),
    )


def level_names(rows: Sequence[tuple[str, ...]], names: Sequence[str | None]) -> pd.MultiIndex:
    """Levels of Python objects: pandas 3 would store a string type of its own, which pandas 2 cannot read."""
    levels = [pd.Index([row[level] for row in rows], dtype=object) for level in range(len(names))]
    return pd.MultiIndex.from_arrays(levels, names=list(names))
