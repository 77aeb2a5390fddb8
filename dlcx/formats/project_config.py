"""``config.yaml``: names, videos and default settings of a project (DeepLabCut 2.x and 3.x).

::

    Task: openfield
    scorer: Pranav
    date: Oct30
    multianimalproject: false
    project_path: /where/it/was/last/time
    video_sets:
      /where/it/was/last/time/videos/m4s1.avi:
        crop: 0, 640, 0, 480
    bodyparts:
    - snout
    ...

The root of the project is the folder of config.yaml, whatever ``project_path`` is, because projects are moved and
copied.  :mod:`dlcx.formats.stored_paths` resolves the paths in the file, :mod:`dlcx.formats.config_edits` edits it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import format_yaml, parse_yaml, read_yaml
from dlcx.outputs import write_text
from dlcx.poses import Layout
from dlcx.project import DETECTOR, POSE, Project, Video
from dlcx.settings import ProjectConfig
from dlcx.settings.base import check, path_component
from dlcx.settings.project import MULTI, VideoSet, parse_crop
from dlcx.untrusted_files import check_name, read_text
from dlcx.user_paths import user_path

#: Comments in front of the first key of each group, as DeepLabCut writes them.
_COMMENTS = {
    "config_version": "# Config schema version. Do not edit manually.\n",
    "Task": "# Project definitions (do not edit)\n",
    "project_path": "\n# Project path (change when moving around)\n",
    "engine": "\n# Default DeepLabCut engine to use for shuffle creation (either pytorch or tensorflow)\n",
    "video_sets": "\n# Annotation data set configuration (and individual video cropping parameters)\n",
    "start": "\n# Fraction of video to start/stop when extracting frames for labeling/refinement\n",
    "skeleton": "\n# Plotting configuration\n",
    "TrainingFraction": "\n# Training,Evaluation and Analysis configuration\n",
    "cropping": "\n# Cropping Parameters (for analysis and outlier frame detection)\n",
    "x1": "# if cropping is true for analysis, then set the values here:\n",
    "corner2move2": "\n# Refinement configuration (parameters from annotation dataset configuration"
    " also relevant in this stage)\n",
    "SuperAnimalConversionTables": "\n# Conversion tables to fine-tune SuperAnimal weights\n",
    "resnet": "\n# These are very old parameters that are no longer used They are simply ignored.\n",
}


def open_project(where: str | Path | None = None) -> Project:
    """Open a project.

    Parameters
    ----------
    where
        The project's folder or its config.yaml.  None uses ``$DLCX_PROJECT`` or, if that is not set, the nearest
        project at or above the working folder.

    Returns
    -------
    Project
        Names, paths and settings of the project.

    Raises
    ------
    DlcxError
        If there is no project, or its config.yaml is not valid.

    Examples
    --------
    >>> project = open_project("my-project")  # doctest: +SKIP
    >>> project.layout.bodyparts  # doctest: +SKIP
    ('snout', 'tailbase')
    """
    path = _find_config(where)
    return project_of(read_project_config(path), path.parent)


def project_of(config: ProjectConfig, root: Path) -> Project:
    """Return the project with the settings ``config`` in the folder ``root``.

    Raises
    ------
    DlcxError
        If names contradict each other or the stem of a video cannot name a folder.
    """
    return Project(
        root=root,
        task=config.Task,
        scorer=config.scorer,
        date=config.date,
        iteration=config.iteration or 0,
        layout=layout_of(config, root / "config.yaml"),
        identity=bool(config.identity),
        train_fractions=tuple(float(fraction) for fraction in config.TrainingFraction),
        videos=tuple(_video(stored, entry, root / "config.yaml") for stored, entry in config.video_sets.items()),
        skeleton=tuple((first, second) for first, second in config.skeleton),
        pcutoff=float(config.pcutoff),
        default_net_type=config.default_net_type,
        batch_size=config.batch_size,
        detector_batch_size=config.detector_batch_size,
        crop=_crop(config),
        colormap=config.colormap,
        dotsize=config.dotsize,
        alphavalue=float(config.alphavalue),
        skeleton_color=config.skeleton_color,
        snapshot_prefixes=read_prefixes,
        snapshot_index=config.snapshotindex,
        detector_snapshot_index=config.detector_snapshotindex,
        stored_root=config.project_path,
    )


def read_prefixes(config: Path) -> Mapping[str, str]:
    """Return the prefixes of snapshot names that a pytorch_config.yaml sets, by :data:`POSE` and :data:`DETECTOR`.

    The result is empty if the file sets none, is missing, or cannot be read.  Code that needs the file reports that.
    """
    try:
        found = config.stat()
    except OSError:
        return {}
    return _prefixes(config, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=4096)
def _prefixes(config: Path, _time: int, _size: int) -> Mapping[str, str]:
    try:
        text = read_text(config)
        data = parse_yaml(text, config) if re.search(r"snapshot_prefix[\"']?:[ \t]*[^\s#]", text) else None
    except DlcxError:
        return {}
    found = {}
    for kind, keys in ((POSE, ("runner",)), (DETECTOR, ("detector", "runner"))):
        block: Any = data
        for key in (*keys, "snapshot_prefix"):
            block = block.get(key) if isinstance(block, dict) else None
        if block and isinstance(block, str | int | float) and not isinstance(block, bool):
            with suppress(ValueError):  # reading the complete file refuses a prefix that leads to another folder
                found[kind] = path_component(str(block))
    return found


def check_video_name(name: str, where: str) -> None:
    """Refuse a video whose name would make config.yaml invalid.

    Parameters
    ----------
    name
        Name of the video's file without its suffix.
    where
        Option or file that names the video, for messages.

    Raises
    ------
    DlcxError
        If the name cannot name a folder, or is not UTF-8.
    """
    try:
        path_component(name).encode()
    except UnicodeEncodeError:
        raise DlcxError(f"{where}: a video's name must be UTF-8, got {name!r}", hint="Rename the file.") from None
    except ValueError as error:
        raise DlcxError(f"{where}: a video's name {error}", hint="Choose another name.") from None


def _video(stored: str, entry: VideoSet | None, source: object) -> Video:
    video = Video(stored, parse_crop(entry.crop) if entry and entry.crop else None)
    try:
        path_component(video.stem)
    except ValueError as error:
        raise DlcxError(f"{source}: video_sets: a video's name {error}") from None
    return video


def layout_of(config: ProjectConfig, source: object = "config.yaml") -> Layout:
    """Return the names of bodyparts, individuals and unique bodyparts.

    Parameters
    ----------
    config
        Settings of the project.
    source
        The file, for messages.

    Raises
    ------
    DlcxError
        If there are no bodyparts or no individuals, or a name is both a bodypart and a unique bodypart.
    """
    if not config.multianimalproject:
        parts = () if config.bodyparts == MULTI else tuple(config.bodyparts)
        if not parts:
            raise DlcxError(f"{source}: bodyparts: expected at least one name, got none")
        return Layout(bodyparts=parts)
    parts, unique = tuple(config.multianimalbodyparts), tuple(config.uniquebodyparts)
    if not parts:
        raise DlcxError(f"{source}: multianimalbodyparts: expected at least one name, got none")
    if not config.individuals:
        raise DlcxError(f"{source}: individuals: expected at least one name, got none")
    if both := sorted(set(parts) & set(unique)):
        raise DlcxError(f"{source}: uniquebodyparts: {both[0]!r} is also one of multianimalbodyparts")
    return Layout(bodyparts=parts, individuals=tuple(config.individuals), unique=unique, multi=True)


def read_project_config(path: str | Path) -> ProjectConfig:
    """Read and validate a config.yaml.

    Raises
    ------
    DlcxError
        If the file is missing or a key is unknown or has a wrong value; the message names file and key.
    """
    return check(ProjectConfig, read_yaml(path), path)


def write_project_config(config: ProjectConfig, path: str | Path) -> None:
    """Write the config.yaml of a new project: all keys in DeepLabCut's order with its comments, unset ones empty.

    To edit an existing file, which belongs to the user, use :mod:`dlcx.formats.config_edits`.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    text = "".join(_COMMENTS.get(key, "") + format_yaml({key: value}) for key, value in config.plain().items())
    write_text(Path(path), text)


def _find_config(where: str | Path | None) -> Path:
    named = where if where is not None else os.environ.get("DLCX_PROJECT") or None
    if named is not None:
        origin = "--project" if where is not None else "$DLCX_PROJECT"
        path = user_path(named)
        config = path / "config.yaml" if path.is_dir() else path
        if not config.is_file():
            raise DlcxError(f"{origin} {named}: no config.yaml found", hint="Name a project folder or its config.yaml.")
        config = config.absolute()
        check_name(config)
        return config
    here = Path.cwd()
    for folder in (here, *here.parents):
        config = folder / "config.yaml"
        if config.is_file() and re.search(r"(?m)^\s*Task\s*:", read_text(config)):
            return config
    raise DlcxError(f"no project at or above {here}", hint="Name one with --project, or set $DLCX_PROJECT.")


def _crop(config: ProjectConfig) -> tuple[int, int, int, int] | None:
    if not config.cropping:
        return None
    x1, x2, y1, y2 = (int(side or 0) for side in (config.x1, config.x2, config.y1, config.y2))
    return x1, x2, y1, y2
