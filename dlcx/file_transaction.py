"""Replacing several files and folders of a project together: either all of them are replaced or none is.

::

    .dlcx-replacing-<token>.json    {"places": [[path, "moved" | "copied" | "absent"], ...], "complete": [path, ...]}
    .dlcx-replaced-<token>.json     the same, from the moment that the new files count until the old ones are removed
    .<name>.<token>.aside           an old file or folder, set aside in its own folder

Renaming the first journal to the second commits the transaction.  If a process is killed between two steps, the next
process that replaces files restores the old ones, or removes them if the new ones are complete.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.locks import locked
from dlcx.outputs import (
    atomic_file,
    disk_full_error,
    fit_file_name,
    is_disk_full,
    process_namespace,
    remove,
    remove_leftovers,
    sync_folder,
    write_text,
)
from dlcx.untrusted_files import read_json

logger = logging.getLogger(__name__)

_BEGUN, _DECIDED = ".dlcx-replacing-", ".dlcx-replaced-"
#: Seconds to wait for another process that replaces files of the project.
PATIENCE = 600.0
#: Paths that may be replaced: the journal of a stranger's project must not lead to any other folder.
_REPLACEABLE = re.compile(r"(dlc-models-pytorch|evaluation-results-pytorch|training-datasets)/iteration-\d+/[^\0]+")


@contextmanager
def replacement_lock(root: Path) -> Iterator[None]:
    """Let no other process replace files of the project while the body runs; first recover from killed processes.

    Raises
    ------
    DlcxError
        If another process replaces files for more than :data:`PATIENCE` seconds, or the folder cannot be written.
    """
    with locked(root / ".dlcx-replacing.lock", f"the training datasets of {root}", wait=PATIENCE):
        remove_leftovers(root, _BEGUN)
        for journal in _journals(root):
            journal.recover()
        yield


def recover(root: Path) -> None:
    """Complete or undo the replacements of killed processes, and wait for a running one to finish.

    Raises
    ------
    DlcxError
        As :func:`replacement_lock` does.
    """
    if _journals(root):
        with replacement_lock(root):
            pass


@contextmanager
def replace_files(
    root: Path, *, moved: Sequence[Path], copied: Sequence[Path] = (), complete: Sequence[Path] = ()
) -> Iterator[None]:
    """Set files aside while the body writes new ones in their place.

    The old files are removed if the body succeeds, and restored if it raises or the process is killed.

    Parameters
    ----------
    root
        The project's folder.  The caller holds :func:`replacement_lock`.
    moved
        Files and folders that are moved away, so that the body finds none of them.
    copied
        Files that are copied, so that the body can edit or replace them.
    complete
        Files that the body writes last.  If all of them exist, a killed process counts as successful.

    Raises
    ------
    DlcxError
        If a file cannot be moved or copied.
    """
    states = [(path, "moved" if path.exists() else "absent") for path in moved]
    states += [(path, "copied" if path.exists() else "absent") for path in copied]
    journal = _Journal(root, uuid.uuid4().hex[:12], tuple(states), tuple(complete))
    journal.begin()
    try:
        journal.set_aside()
        yield
        journal.decide()
    except BaseException:
        journal.undo()
        raise
    journal.clean()


@contextmanager
def folder_lock(root: Path) -> Iterator[None]:
    """Let no other process create or replace the folder ``root`` while the body runs; first recover from killed ones.

    Raises
    ------
    DlcxError
        If another process holds the lock for more than :data:`PATIENCE` seconds, or the parent folder cannot be
        written.
    """
    with locked(_hidden(root, ".lock"), str(root), wait=PATIENCE):
        remove_leftovers(root.parent, f"{root.name}.")
        aside = _hidden(root, ".before")
        if aside.is_dir() and root.is_dir() and not any(root.iterdir()):
            root.rmdir()
        restore_folder(root)
        yield


@contextmanager
def atomic_folder(root: Path) -> Iterator[Path]:
    """Write a folder completely or not at all.

    The body fills a temporary folder, which replaces ``root`` when the body ends.  The caller holds
    :func:`folder_lock`.

    Yields
    ------
    Path
        The temporary folder, beside ``root``.

    Raises
    ------
    DlcxError
        If a folder cannot be written or renamed; ``root`` is then unchanged.
    """
    mine = f".{process_namespace()[1]}-{os.getpid()}"
    part, aside, discarded = (_hidden(root, ending) for ending in (f"{mine}.part", ".before", f"{mine}.part.old"))
    try:
        part.mkdir(parents=True)
        yield part
        if aside.exists():
            raise DlcxError(f"{aside} already exists", hint="Delete it if you do not need it.")
        if root.exists():
            root.rename(aside)
        part.rename(root)
        sync_folder(root.parent)
        if aside.exists():
            aside.rename(discarded)  # from now on a leftover that any process may remove
    except OSError as error:
        if is_disk_full(error, root.parent):
            remove(part)
            raise disk_full_error(root) from error
        raise DlcxError(f"cannot write {root}: {error.strerror or error}") from error
    except DlcxError as error:
        if type(error) is not DlcxError:
            raise
        raise DlcxError(str(error).replace(str(part), str(root)), hint=error.hint) from error
    finally:
        if aside.exists() and not root.exists():
            aside.rename(root)
        remove(part)
        remove(discarded)


def _hidden(path: Path, ending: str) -> Path:
    return path.with_name(fit_file_name(f".{path.name}", ending))


def restore_folder(folder: Path) -> None:
    """Restore a folder that a killed process had set aside as ``.<name>.before``.

    dlcx 0.1 set the folders of shuffles aside in this way.  If a folder of this name exists, both are kept, because
    either may hold a training.

    Raises
    ------
    DlcxError
        If the folder cannot be moved.
    """
    aside = _hidden(folder, ".before")
    if not aside.is_dir():
        return
    if folder.exists():
        logger.warning("%s is an earlier %s, left by a killed process. Delete it if you do not need it.", aside, folder)
        return
    try:
        aside.rename(folder)
    except OSError as error:
        raise DlcxError(f"cannot move {aside} to {folder}: {error.strerror or error}") from error
    logger.warning("%s is restored: a process was killed while replacing it", folder)


@dataclass(frozen=True)
class _Journal:
    """The journal of one replacement.

    Attributes
    ----------
    root
        The project's folder.
    token
        Random text that identifies the replacement.
    places
        Paths that are replaced, each with ``moved``, ``copied`` or ``absent``: what was done with the old file.
    complete
        Files whose existence shows that all new files were written.
    decided
        Whether the new files count.
    """

    root: Path
    token: str
    places: tuple[tuple[Path, str], ...]
    complete: tuple[Path, ...]
    decided: bool = False

    def _file(self, *, decided: bool) -> Path:
        return self.root / f"{_DECIDED if decided else _BEGUN}{self.token}.json"

    def _beside(self, path: Path, ending: str) -> Path:
        return _hidden(path, f".{self.token}.{ending}")

    def begin(self) -> None:
        """Write the journal, before any file is touched."""
        places = [[path.relative_to(self.root).as_posix(), state] for path, state in self.places]
        complete = [path.relative_to(self.root).as_posix() for path in self.complete]
        content = json.dumps({"places": places, "complete": complete}, indent=1)
        write_text(self._file(decided=False), content + "\n")

    def set_aside(self) -> None:
        """Move or copy the old files."""
        for path, state in self.places:
            aside = self._beside(path, "aside")
            if state == "copied" and not path.is_file():
                raise DlcxError(f"cannot replace {path}: expected a file, found a folder", hint="Move it away.")
            try:
                if state == "moved":
                    path.rename(aside)
                elif state == "copied":
                    with atomic_file(aside) as beside:
                        shutil.copy2(path, beside)
            except OSError as error:
                raise DlcxError(f"cannot replace {path}: {error.strerror or error}") from error

    def decide(self) -> None:
        """Commit: from now on the new files count."""
        os.replace(self._file(decided=False), self._file(decided=True))
        sync_folder(self.root)

    def clean(self) -> None:
        """Remove the old files."""
        asides = [self._beside(path, "aside") for path, _ in self.places]
        self._remove(asides, self._file(decided=True))

    def undo(self) -> None:
        """Restore the old files."""
        discarded = [self._beside(path, "discarded") for path, _ in self.places]
        for (path, state), away in zip(self.places, discarded, strict=True):
            aside = self._beside(path, "aside")
            if not aside.exists() and state != "absent":
                continue  # not yet set aside, or already restored
            if path.exists() and state != "copied":
                if any(path.rglob("*.pt")):  # never remove snapshots, even from an incomplete folder
                    away = path.with_name(f"{path.name}.kept-{self.token}")
                    logger.warning("%s holds snapshots and is kept as %s", path, away.name)
                path.rename(away)
            if aside.exists():
                os.replace(aside, path)
        self._remove(discarded, self._file(decided=False))

    def recover(self) -> None:
        """Complete or undo the replacement of a killed process."""
        first = self.places[0][0].name if self.places else self.root.name
        if not self.decided and not self._is_complete():
            self.undo()
            logger.warning("a process was killed while replacing %s: the old files are restored", first)
            return
        if not self.decided:
            self.decide()
        self.clean()
        logger.warning("a process was killed after replacing %s: the old files are removed", first)

    def _is_complete(self) -> bool:
        """Return whether all old files were set aside and the last new ones written."""
        if not self.complete and any(state == "copied" for _, state in self.places):
            return False
        aside = all(self._beside(path, "aside").exists() for path, state in self.places if state != "absent")
        return aside and all(path.is_file() for path in self.complete)

    @staticmethod
    def _remove(paths: Sequence[Path], journal: Path) -> None:
        """Remove ``paths`` and then the journal; keep the journal if a path cannot be removed."""
        for path in paths:
            remove(path)
        if left := [path for path in paths if os.path.lexists(path)]:
            logger.warning("%s cannot be removed now. The next `dlcx create-dataset` tries again.", left[0])
        else:
            remove(journal)


def _journals(root: Path) -> list[_Journal]:
    """Return the journals of all replacements that were not finished."""
    found = sorted(root.glob(f"{_DECIDED}*.json")) + sorted(root.glob(f"{_BEGUN}*.json"))
    return [_read(path) for path in found]


def _read(path: Path) -> _Journal:
    root, token = path.parent, path.stem.rpartition("-")[2]
    try:
        data = read_json(path)
        places = tuple((_inside(root, name), str(state)) for name, state in data["places"])
        complete = tuple(_inside(root, name) for name in data["complete"])
        if not re.fullmatch(r"[0-9a-f]{12}", token) or not {state for _, state in places} <= _STATES:
            raise ValueError("unknown token or state")
    except (DlcxError, ValueError, KeyError, TypeError) as error:
        raise DlcxError(
            f"{path}: not a journal of dlcx: {str(error)[:200]}",
            hint="Check whether you need the files ending in .aside, then delete the journal.",
        ) from None
    return _Journal(root, token, places, complete, decided=path.name.startswith(_DECIDED))


_STATES = {"moved", "copied", "absent"}


def _inside(root: Path, name: str) -> Path:
    if not _REPLACEABLE.fullmatch(name) or ".." in Path(name).parts:
        raise ValueError(f"{name!r:.80} is not a path that dlcx replaces")
    return root / name
