"""Paths stored in the files of a project, resolved to where the files are now.

Projects are moved and copied more often than their files are edited.  A stored path is therefore first looked up below
the project's folder, and a copy of a project never uses the files of the original.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import read_yaml
from dlcx.project import FOLDERS, Project, Video


def resolve_video(project: Project, video: str | Path | Video) -> Path:
    """Return the current path of a video of the project.

    Files inside the project take precedence: the stored path if it is below the project, then the end of the stored
    path below the project (``videos/m4s1.avi``), then the file name in ``videos``.  Otherwise the stored path is used,
    unless it is below the project of which this one is a copy.  Paths may use Windows separators on any system.

    Raises
    ------
    DlcxError
        If the video is not found.
    """
    stored = video.stored if isinstance(video, Video) else str(video)
    if _is_inside(project.root, stored) and os.path.isfile(stored):
        return Path(stored)
    parts = _parts(stored)
    tails = [project.root.joinpath(*parts[start:]) for start in range(len(parts))]
    for candidate in [*tails, *([project.videos_dir / parts[-1]] if parts else [])]:
        if candidate.is_file():
            return candidate
    if os.path.isabs(stored) and os.path.isfile(stored):
        if not _leads_into_original(project, stored):
            return Path(stored)
        raise DlcxError(
            f"no such video in {project.root}: {stored} belongs to the project that this one is a copy of",
            hint=f"Copy or link it into {project.videos_dir}.",
        )
    raise DlcxError(f"no such video: {stored}", hint=f"There is no file of that name below {project.root}, either.")


def path_in_project(project: Project, stored: str) -> str:
    """Return the current path for a path stored in one of the project's files.

    A file that exists below the project takes precedence.  A path into the project of which this one is a copy becomes
    the corresponding path below this project, whether or not it exists.  Other paths are returned as they are.
    """
    parts = _parts(stored)
    if not parts or _is_inside(project.root, stored):
        return stored
    if not _is_absolute(stored):
        inside = project.root.joinpath(*parts)
        return str(inside) if inside.is_file() else stored
    original = _leads_into_original(project, stored)
    starts = [at for at, part in enumerate(parts) if part in FOLDERS]
    for start in starts:
        inside = project.root.joinpath(*parts[start:])
        if inside.is_file() or (original and start == starts[-1]):
            return str(inside)
    if not original:
        return stored
    if parts[-1] == "config.yaml":
        return str(project.config_path)
    below = parts[len(_parts(project.stored_root)) :] if _is_below(stored, project.stored_root) else parts[-1:]
    return str(project.root.joinpath(*below))


def _parts(stored: str) -> list[str]:
    return [part for part in re.split(r"[\\/]+", stored) if part]


def _is_absolute(stored: str) -> bool:
    return os.path.isabs(stored) or bool(re.match(r"[A-Za-z]:[\\/]|\\\\", stored))


def _is_inside(root: Path, stored: str) -> bool:
    """Return whether a stored path is below the project, whose folder may have several paths (symbolic links)."""
    folder = Path(os.path.realpath(os.path.dirname(stored)))
    return _is_below(stored, str(root)) or (os.path.isabs(stored) and folder.is_relative_to(os.path.realpath(root)))


def _is_below(stored: str, folder: str) -> bool:
    parts, above = _parts(stored), _parts(folder)
    return bool(above) and parts[: len(above)] == above


def _leads_into_original(project: Project, stored: str) -> bool:
    """Return whether a path is below another folder that holds or held the same project: one is a copy of the other."""
    moved = project.stored_root and not _same_folder(project.stored_root, project.root)
    if moved and _is_below(stored, project.stored_root):
        return True
    for folder in Path(stored).parents:
        config = folder / "config.yaml"
        if config.is_file() and not _same_folder(folder, project.root):
            return _is_config_of(config, project)
    return False


def _same_folder(one: str | Path, other: str | Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _is_config_of(path: Path, project: Project) -> bool:
    """Return whether a config.yaml has the Task, scorer and date of the project."""
    try:
        found = read_yaml(path)
    except DlcxError:
        return False
    expected = {"Task": project.task, "scorer": project.scorer, "date": project.date}
    return isinstance(found, Mapping) and all(str(found.get(key)) == value for key, value in expected.items())
