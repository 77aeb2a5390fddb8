"""Copies of label files and images that a command drops something of, kept in the project.

::

    label-backups/<date>_<time>/<video>/CollectedData_<scorer>.h5 .csv, img*.png
"""

from __future__ import annotations

import shlex
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.formats.labels.row_edits import read_label_rows, write_label_rows
from dlcx.outputs import atomic_file
from dlcx.project import Project


@dataclass
class LabelBackup:
    """The backup of one call; its folder is made when the first file comes in."""

    project: Project
    folder: Path | None = field(default=None, init=False)

    def copy(self, base: Path) -> None:
        """Keep the label files ``base`` + ``.h5`` and ``.csv``.

        Raises
        ------
        DlcxError
            When a copy cannot be written.
        """
        h5, text = (base.with_name(base.name + suffix) for suffix in (".h5", ".csv"))
        if not h5.is_file():  # whoever undoes it needs one too: the h5 that is written now would count
            write_label_rows(read_label_rows(text), self._place(base))
        for path in (h5, text):
            if path.is_file():
                with atomic_file(self._place(path)) as beside:
                    shutil.copy2(path, beside)

    def move(self, path: Path) -> None:
        """Move a file of labeled-data into the backup.

        Raises
        ------
        DlcxError
            When it cannot be moved.
        """
        target = self._place(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
        except OSError as error:
            raise DlcxError(f"cannot move {path} to {target}: {error.strerror or error}") from error

    @property
    def how_to_undo(self) -> tuple[str, ...]:
        """The hint that says how to get everything back; none where nothing was changed."""
        if self.folder is None:
            return ()
        return (f"To undo: {shlex.join(['cp', '-R', f'{self.folder}/.', str(self.project.labeled_data)])}",)

    def _place(self, path: Path) -> Path:
        if self.folder is None:
            home = self.project.root / "label-backups"
            name = time.strftime("%Y-%m-%d_%H%M%S")
            names = (f"{name}-{number}" if number else name for number in range(1_000_000))
            self.folder = next(home / name for name in names if not (home / name).exists())
        return self.folder / path.relative_to(self.project.labeled_data)
