"""Backups of label files and images that a command changes or removes.

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
    """The backup of one call; its folder is created with the first file."""

    project: Project
    folder: Path | None = field(default=None, init=False)

    def copy(self, base: Path) -> None:
        """Copy the label files ``base`` + ``.h5`` and ``.csv`` to the backup.

        Raises
        ------
        DlcxError
            If a copy cannot be written.
        """
        h5, text = (base.with_name(base.name + suffix) for suffix in (".h5", ".csv"))
        if not h5.is_file():  # a restored csv alone would lose to the h5 that is written now
            write_label_rows(read_label_rows(text), self._backup_path(base))
        for path in (h5, text):
            if path.is_file():
                with atomic_file(self._backup_path(path)) as beside:
                    shutil.copy2(path, beside)

    def move(self, path: Path) -> None:
        """Move a file of labeled-data to the backup.

        Raises
        ------
        DlcxError
            If the file cannot be moved.
        """
        target = self._backup_path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
        except OSError as error:
            raise DlcxError(f"cannot move {path} to {target}: {error.strerror or error}") from error

    @property
    def how_to_undo(self) -> tuple[str, ...]:
        """A hint with the command that restores everything; empty if nothing was changed."""
        if self.folder is None:
            return ()
        return (f"To undo: {shlex.join(['cp', '-R', f'{self.folder}/.', str(self.project.labeled_data)])}",)

    def _backup_path(self, path: Path) -> Path:
        if self.folder is None:
            backups = self.project.root / "label-backups"
            name = time.strftime("%Y-%m-%d_%H%M%S")
            names = (f"{name}-{number}" if number else name for number in range(1_000_000))
            self.folder = next(backups / name for name in names if not (backups / name).exists())
        return self.folder / path.relative_to(self.project.labeled_data)
