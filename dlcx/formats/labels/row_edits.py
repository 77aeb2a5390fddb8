"""Edits of a ``CollectedData_<scorer>`` file that keep all of its columns: drop rows, add an individual.

:mod:`dlcx.formats.labels.collected_data` reads only the columns that config.yaml names.  The functions here also keep
bodyparts that config.yaml does not name, likelihoods, and labels of another scorer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import (
    SINGLE,
    image_index,
    level_names,
    read_image_names,
    read_label_table,
    write_label_table,
)
from dlcx.poses import Layout

Image = tuple[str, str, str]


@dataclass(frozen=True)
class LabelRows:
    """The rows of a label file.

    Attributes
    ----------
    file
        The file that was read.
    images
        Image of each of the M rows.
    table
        All columns of the file.
    """

    file: Path
    images: tuple[Image, ...]
    table: pd.DataFrame

    @property
    def labeled(self) -> np.ndarray:
        """Whether at least one point is labeled in each row: (M,) bool."""
        coords = self.table.columns.get_level_values("coords")
        result: np.ndarray = np.isfinite(self.table.loc[:, coords.isin(["x", "y"])].to_numpy(np.float64)).any(axis=1)
        return result

    @property
    def multi(self) -> bool:
        """Whether the columns have a level of individuals."""
        return "individuals" in self.table.columns.names

    def only(self, rows: Sequence[int]) -> LabelRows:
        """Return the rows with these numbers."""
        return replace(self, images=tuple(self.images[row] for row in rows), table=self.table.iloc[list(rows)])

    def same(self, one: int, other: int) -> bool:
        """Return whether two rows hold the same labels."""
        values = self.table.to_numpy(np.float64)
        return bool(np.array_equal(values[one], values[other], equal_nan=True))

    def agrees(self, other: LabelRows) -> bool:
        """Return whether another file has the same images, columns and labels, in any order.

        Labels may differ by 0.01 px, because a csv rounds them.
        """
        if sorted(self.images) != sorted(other.images) or set(self.table.columns) != set(other.table.columns):
            return False
        row_of = {image: row for row, image in enumerate(other.images)}
        values = other.table[self.table.columns].to_numpy(np.float64)[[row_of[image] for image in self.images]]
        return bool(np.allclose(self.table.to_numpy(np.float64), values, rtol=0, atol=0.01, equal_nan=True))

    def with_individual(self, name: str, layout: Layout) -> LabelRows:
        """Convert the labels of a single animal to those of one individual in a project with several.

        Parameters
        ----------
        name
            The individual that gets the labels.  The other individuals get empty columns.
        layout
            Names of the project.  Its unique bodyparts are assigned to ``single``.

        Raises
        ------
        DlcxError
            If the file has none of the project's bodyparts, or several scorers.
        """
        scorers = list(dict.fromkeys(self.table.columns.get_level_values("scorer")))
        parts = list(dict.fromkeys(self.table.columns.get_level_values("bodyparts")))
        if len(scorers) != 1:
            raise DlcxError(f"{self.file}: labeled by {', '.join(map(repr, scorers))}, expected one scorer")
        if not {*layout.bodyparts, *layout.unique} & set(parts):
            raise DlcxError(
                f"{self.file}: its bodyparts are {', '.join(parts)}; config.yaml has none of them",
                hint="Put them into multianimalbodyparts or uniquebodyparts of config.yaml.",
            )
        owners = [(animal, part) for animal in layout.individuals for part in layout.bodyparts]
        owners += [(SINGLE, part) for part in layout.unique]
        wanted = [(*owner, coord) for owner in owners for coord in ("x", "y")]
        labels = {}
        for column, values in zip(self.table.columns.tolist(), self.table.to_numpy(np.float64).T, strict=True):
            _, part, coord = tuple(column)
            labels[SINGLE if part in layout.unique else name, part, coord] = values
        columns = list(dict.fromkeys([*wanted, *labels]))
        values = np.stack([labels.get(column, np.full(len(self.images), np.nan)) for column in columns], axis=1)
        levels = level_names([(scorers[0], *column) for column in columns], _MULTI)
        return replace(self, table=pd.DataFrame(values, self.table.index, levels))


def read_label_rows(path: Path) -> LabelRows:
    """Read a label file with all its columns.

    Parameters
    ----------
    path
        File name.  Without a suffix, the h5 is read if it exists, otherwise the csv.

    Raises
    ------
    DlcxError
        If the file is missing or is not a table of labels.
    """
    file, table = read_label_table(path)
    return LabelRows(file, tuple(read_image_names(table.index, file)), table)


def write_label_rows(rows: LabelRows, base: Path) -> list[Path]:
    """Write ``base`` + ``.h5`` and ``.csv``; return both paths."""
    columns = rows.table.columns
    table = pd.DataFrame(
        rows.table.to_numpy(np.float64),
        index=image_index(rows.images),
        columns=level_names([tuple(map(str, column)) for column in columns], [str(name) for name in columns.names]),
    )
    return write_label_table(table, base)


_MULTI = ("scorer", "individuals", "bodyparts", "coords")
