"""Files and folders of a project that are replaced together: all of them become the new ones, or the old ones stay.

::

    .dlcx-replacing-<token>.json    {"places": [[path, "moved" | "copied" | "absent"], ...], "complete": [path, ...]}
    .dlcx-replaced-<token>.json     the same, once the new ones count and until the old ones are removed
    .<name>.<token>.aside           an old file or folder, beside its place

Renaming the first of them to the second is the one step that decides.  A process may be killed between any two steps;
the next one that replaces something brings the old files back, or removes them if the new ones are complete.
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
#: What may be replaced: a stranger's project must not lead to other folders.
_REPLACEABLE = re.compile(r"(dlc-models-pytorch|evaluation-results-pytorch|training-datasets)/iteration-\d+/[^\0]+")


@contextmanager
def replacement_lock(root: Path) -> Iterator[None]:
    """Be the only process that replaces files of the project; what a killed one has begun is settled first.

    Raises
    ------
    DlcxError
        When another process holds the project for :data:`PATIENCE` seconds, or its folder cannot be written.
    """
    with locked(root / ".dlcx-replacing.lock", f"the training datasets of {root}", wait=PATIENCE):
        remove_leftovers(root, _BEGUN)
        for journal in _journals(root):
            journal.settle()
        yield


def recover(root: Path) -> None:
    """Finish what a killed process has begun to replace in the project, and wait for one that is at it.

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
    """Set files aside while the body writes others of their names; they go when it succeeds and come back when not.

    Parameters
    ----------
    root
        The project's folder; the caller holds it (:func:`replacement_lock`).
    moved
        Files and folders that are absent when the body begins.
    copied
        Files that the body edits or replaces.
    complete
        Files that the body writes last: a process that is killed after that has succeeded.

    Raises
    ------
    DlcxError
        When one cannot be moved or copied.
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
    """Be the only process that makes or replaces the folder ``root``; what a killed one has begun is settled first.

    Raises
    ------
    DlcxError
        When another process holds it for :data:`PATIENCE` seconds, or the folder above cannot be written.
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
    """Yield a temporary folder beside ``root``; on success it becomes ``root``, and a folder of that name goes.

    The caller holds ``root`` (:func:`folder_lock`).

    Raises
    ------
    DlcxError
        When a folder cannot be written or renamed; then ``root`` is what it was.
    """
    mine = f".{process_namespace()[1]}-{os.getpid()}"
    part, aside, gone = (_hidden(root, ending) for ending in (f"{mine}.part", ".before", f"{mine}.part.old"))
    try:
        part.mkdir(parents=True)
        yield part
        if aside.exists():
            raise DlcxError(f"{aside} is in the way", hint="Delete it if you do not need it.")
        if root.exists():
            root.rename(aside)
        part.rename(root)
        sync_folder(root.parent)
        if aside.exists():
            aside.rename(gone)  # from here on it is a leftover
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
        remove(gone)


def _hidden(path: Path, ending: str) -> Path:
    return path.with_name(fit_file_name(f".{path.name}", ending))


def restore_folder(folder: Path) -> None:
    """Give a folder back that a killed process had set aside as ``.<name>.before``, as dlcx 0.1 did for shuffles.

    Where another folder has its name by now, it stays as it is: either may hold a training.

    Raises
    ------
    DlcxError
        When it cannot be moved.
    """
    aside = _hidden(folder, ".before")
    if not aside.is_dir():
        return
    if folder.exists():
        logger.warning("%s is an earlier %s, left by a killed process; delete it if you do not need it", aside, folder)
        return
    try:
        aside.rename(folder)
    except OSError as error:
        raise DlcxError(f"cannot move {aside} to {folder}: {error.strerror or error}") from error
    logger.warning("%s is back: a process was killed while it replaced it", folder)


@dataclass(frozen=True)
class _Journal:
    """One replacement: places with what became of the file there, and the files that tell that it is complete."""

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
        """Note what will be replaced."""
        places = [[path.relative_to(self.root).as_posix(), state] for path, state in self.places]
        complete = [path.relative_to(self.root).as_posix() for path in self.complete]
        content = json.dumps({"places": places, "complete": complete}, indent=1)
        write_text(self._file(decided=False), content + "\n")

    def set_aside(self) -> None:
        """Move the old files away, or copy them."""
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
        """From now on the new files count."""
        os.replace(self._file(decided=False), self._file(decided=True))
        sync_folder(self.root)

    def clean(self) -> None:
        """Remove the old files."""
        asides = [self._beside(path, "aside") for path, _ in self.places]
        self._remove(asides, self._file(decided=True))

    def undo(self) -> None:
        """Bring the old files back."""
        discarded = [self._beside(path, "discarded") for path, _ in self.places]
        for (path, state), away in zip(self.places, discarded, strict=True):
            aside = self._beside(path, "aside")
            if not aside.exists() and state != "absent":
                continue  # not yet set aside, or back already
            if path.exists() and state != "copied":
                if any(path.rglob("*.pt")):  # trained in a folder that is not complete: never removed
                    away = path.with_name(f"{path.name}.kept-{self.token}")
                    logger.warning("%s holds snapshots: it is kept as %s", path, away.name)
                path.rename(away)
            if aside.exists():
                os.replace(aside, path)
        self._remove(discarded, self._file(decided=False))

    def settle(self) -> None:
        """Finish what a killed process has begun."""
        first = self.places[0][0].name if self.places else self.root.name
        if not self.decided and not self._is_complete():
            self.undo()
            logger.warning("a process was killed while it replaced %s: the old files are back", first)
            return
        if not self.decided:
            self.decide()
        self.clean()
        logger.warning("a process was killed after it had replaced %s: the old files are removed", first)

    def _is_complete(self) -> bool:
        """Whether all old files were set aside and the last of the new ones written."""
        if not self.complete and any(state == "copied" for _, state in self.places):
            return False
        aside = all(self._beside(path, "aside").exists() for path, state in self.places if state != "absent")
        return aside and all(path.is_file() for path in self.complete)

    @staticmethod
    def _remove(paths: Sequence[Path], journal: Path) -> None:
        """Remove ``paths``, then the journal; it stays when one of them cannot be removed now."""
        for path in paths:
            remove(path)
        if left := [path for path in paths if os.path.lexists(path)]:
            logger.warning("%s cannot be removed now; the next `dlcx create-dataset` tries again", left[0])
        else:
            remove(journal)


def _journals(root: Path) -> list[_Journal]:
    """The replacements that were not finished."""
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
            hint="Look whether files that end in .aside are to be kept, then delete it.",
        ) from None
    return _Journal(root, token, places, complete, decided=path.name.startswith(_DECIDED))


_STATES = {"moved", "copied", "absent"}


def _inside(root: Path, name: str) -> Path:
    if not _REPLACEABLE.fullmatch(name) or ".." in Path(name).parts:
        raise ValueError(f"{name!r:.80} is not replaced by dlcx")
    return root / name
