"""``config.yaml``: a project's names, videos and defaults (DeepLabCut 2.x and 3.x).

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

A project is moved, copied and shared more often than its file is edited, so the folder that holds config.yaml counts,
not ``project_path``, and stored paths are looked for below it first: a copy never uses the original's files.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import format_yaml, parse_yaml, read_yaml
from dlcx.locks import exclusive_edit
from dlcx.outputs import write_text
from dlcx.poses import Layout
from dlcx.project import DETECTOR, FOLDERS, POSE, Project, Video
from dlcx.settings import ProjectConfig
from dlcx.settings.base import check, path_component
from dlcx.settings.project import MULTI, VideoSet, parse_crop
from dlcx.untrusted_files import check_name, read_text
from dlcx.user_paths import user_path

#: Comments before the keys that open a group, as DeepLabCut writes them.
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
    """The project in a folder (or of a config.yaml), else ``$DLCX_PROJECT``, else the nearest one at or above here.

    Raises
    ------
    DlcxError
        When there is none, or its config.yaml does not fit.
    """
    path = _find_config(where)
    return project_of(read_project_config(path), path.parent)


def project_of(config: ProjectConfig, root: Path) -> Project:
    """The project that ``config`` describes, in the folder ``root``."""
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
    """How a pytorch_config.yaml says that the names of snapshots begin, by :data:`POSE` and :data:`DETECTOR`.

    Empty where it says nothing, is missing or cannot be read: whoever needs the file says so.
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
            with suppress(ValueError):  # a prefix that leads elsewhere is refused where the file is checked
                found[kind] = path_component(str(block))
    return found


def check_video_name(name: str, where: str) -> None:
    """Refuse a name under which config.yaml would list a video, and then be refused itself.

    Raises
    ------
    DlcxError
        When the name, that of the video's file without its suffix, cannot name folders, or is not UTF-8.
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
    """Bodyparts, individuals and unique bodyparts.

    Raises
    ------
    DlcxError
        When the project names no bodypart, or one name means two things.
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
    """Read and check a config.yaml.

    Raises
    ------
    DlcxError
        When the file is missing or a key does not fit; names file, key and the nearest right key.
    """
    return check(ProjectConfig, read_yaml(path), path)


def write_project_config(config: ProjectConfig, path: str | Path) -> None:
    """Write every key in DeepLabCut's order with its comments, unset ones empty; for new projects.

    A config.yaml that exists is the user's: edit it with functions such as :func:`add_train_fraction`.
    """
    text = "".join(_COMMENTS.get(key, "") + format_yaml({key: value}) for key, value in config.plain().items())
    write_text(Path(path), text)


def add_train_fraction(path: str | Path, fraction: float) -> int:
    """Add ``fraction`` to TrainingFraction unless it is there; comments and order of the file stay.

    Returns
    -------
    int
        Its position, the trainset index.
    """
    path = Path(path)
    if fraction in (there := read_project_config(path).TrainingFraction):
        return there.index(fraction)
    with exclusive_edit(path):
        there = read_project_config(path).TrainingFraction
        if fraction not in there:
            _edit(path, "TrainingFraction", there := [*there, fraction])
    return there.index(fraction)


def add_videos(path: str | Path, crops: Mapping[str, tuple[int, int, int, int]]) -> None:
    """Add paths of videos, with the part x1, x2, y1, y2 to look at, to video_sets; comments and order stay.

    Raises
    ------
    DlcxError
        When the file cannot be edited, or lists another video of the same name by now.
    """
    path = Path(path)
    if not crops:
        return
    entries = {stored: {"crop": ", ".join(map(str, crop))} for stored, crop in crops.items()}
    with exclusive_edit(path):
        there = read_yaml(path).get("video_sets") or {}
        new = {stored: entry for stored, entry in entries.items() if stored not in there}
        for stored in new:
            check_video_name(Video(stored).stem, stored)
        stems = {Video(str(stored)).stem: stored for stored in there}
        for stored in new:
            if other := stems.get(Video(stored).stem):
                raise DlcxError(
                    f"{path} lists another video of this name: {other}, so {stored} is not added", hint="Rename it."
                )
        if new:
            _edit(path, "video_sets", {**there, **new})


def set_iteration(path: str | Path, iteration: int) -> None:
    """Write the number of the round of refinement; comments and order of the file stay."""
    with exclusive_edit(Path(path)):
        _edit(Path(path), "iteration", iteration)


def resolve_video(project: Project, video: str | Path | Video) -> Path:
    """Where a video of the project lies now.

    A file inside the project wins: the stored path where it leads there, else its tail below the project
    (``videos/m4s1.avi``), then its name in ``videos``.  Else the stored path counts, unless it leads into the project
    that this one is a copy of.  Windows separators are understood everywhere.

    Raises
    ------
    DlcxError
        When the video is found nowhere.
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
        if not _is_of_the_original(project, stored):
            return Path(stored)
        raise DlcxError(
            f"no such video in {project.root}: {stored} belongs to the project that this one is a copy of",
            hint=f"Copy or link it into {project.videos_dir}.",
        )
    raise DlcxError(f"no such video: {stored}", hint=f"Looked below {project.root} too.")


def path_in_project(project: Project, stored: str) -> str:
    """A path that one of the project's files holds, as it holds now.

    What exists below the project wins, and so does its place there where the path leads into the project that this one
    is a copy of; other paths stay as they are.
    """
    parts = _parts(stored)
    if not parts or _is_inside(project.root, stored):
        return stored
    if not _is_absolute(stored):
        own = project.root.joinpath(*parts)
        return str(own) if own.is_file() else stored
    original = _is_of_the_original(project, stored)
    starts = [at for at, part in enumerate(parts) if part in FOLDERS]
    for start in starts:
        own = project.root.joinpath(*parts[start:])
        if own.is_file() or (original and start == starts[-1]):
            return str(own)
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
    """Whether a stored path leads into the project, whose folder may be known by several paths."""
    folder = Path(os.path.realpath(os.path.dirname(stored)))
    return _is_below(stored, str(root)) or (os.path.isabs(stored) and folder.is_relative_to(os.path.realpath(root)))


def _is_below(stored: str, folder: str) -> bool:
    parts, above = _parts(stored), _parts(folder)
    return bool(above) and parts[: len(above)] == above


def _is_of_the_original(project: Project, stored: str) -> bool:
    """Whether a path leads into another folder that holds, or held, this very project: one is a copy of the other."""
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
    """Whether a config.yaml has the project's Task, scorer and date."""
    try:
        found = read_yaml(path)
    except DlcxError:
        return False
    asked = {"Task": project.task, "scorer": project.scorer, "date": project.date}
    return isinstance(found, Mapping) and all(str(found.get(key)) == value for key, value in asked.items())


def _find_config(where: str | Path | None) -> Path:
    named = where if where is not None else os.environ.get("DLCX_PROJECT") or None
    if named is not None:
        origin = "--project" if where is not None else "$DLCX_PROJECT"
        path = user_path(named)
        config = path / "config.yaml" if path.is_dir() else path
        if not config.is_file():
            raise DlcxError(f"{origin} {named}: no config.yaml there", hint="Name a project folder or its config.yaml.")
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


def _edit(path: Path, key: str, value: Any) -> None:
    """Set one key of the user's file, which the caller holds; every other line stays as it is."""
    import io

    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    editor = YAML()
    editor.width = 2**20
    editor.preserve_quotes = True
    text = read_text(path)
    if indented := re.search(r"(?m)^( +)[^\s#-]", text):
        editor.indent(mapping=len(indented[1]))
    before = parse_yaml(text, path)
    try:
        data = editor.load(text)
    except YAMLError as error:  # ruamel refuses a little that PyYAML reads, such as a tab after a colon
        mark = getattr(error, "problem_mark", None)
        raise DlcxError(
            f"{path}{f', line {mark.line + 1}' if mark else ''}: cannot be edited: {getattr(error, 'problem', error)}",
            hint="Write that line plainly, as DeepLabCut does: 'key: value'.",
        ) from None
    there = data.get(key)
    if there and isinstance(there, list):
        # In place, since the comments that follow a list hang on its items.
        there.extend(value[len(there) :])
    elif there and isinstance(there, dict):
        _add_entries(there, {name: item for name, item in value.items() if name not in there})
    else:
        data[key] = value
    stream = io.StringIO()
    editor.dump(data, stream)
    after = parse_yaml(stream.getvalue(), path)
    if {**before, key: value} != after:
        raise DlcxError(f"{path}: cannot be edited without changing other keys", hint=f"Set {key}: {value} there.")
    write_text(path, stream.getvalue())


def _add_entries(mapping: Any, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Add entries to a ruamel mapping, before the comment that follows it and that ruamel hangs on its last key."""
    from ruamel.yaml.comments import CommentedMap

    owner, last = _innermost(mapping)
    mapping.update({name: CommentedMap(entry) for name, entry in entries.items()})
    tokens = owner.ca.items.get(last) if isinstance(owner, CommentedMap) else None
    token = tokens[2] if tokens else None
    if token is None:
        return
    of_the_line, newline, following = token.value.partition("\n")
    moved = copy.copy(token)
    token.value, moved.value = of_the_line + newline, newline + following
    if not of_the_line.strip():
        del owner.ca.items[last]
    if following.strip():
        owner, last = _innermost(mapping)
        owner.ca.items[last] = [None, None, moved, None]


def _innermost(mapping: Any) -> tuple[Any, Any]:
    """The mapping, of a ruamel mapping and those below, whose last key ends it, and that key."""
    last = next(reversed(mapping))
    below = mapping[last]
    return _innermost(below) if below and isinstance(below, dict) else (mapping, last)
