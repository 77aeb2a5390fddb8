"""Create projects: folders, videos and config.yaml."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.errors import DlcxError
from dlcx.file_transaction import atomic_folder, folder_lock
from dlcx.formats.project_config import layout_of, open_project, read_project_config, write_project_config
from dlcx.options.command_line import command_line
from dlcx.options.commands.create_project import CreateProjectOptions
from dlcx.options.commands.extract_frames import ExtractFramesOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import remove_leftovers
from dlcx.poses import Layout
from dlcx.progress import SILENT, Progress
from dlcx.settings import ProjectConfig
from dlcx.settings.base import check
from dlcx.settings.project import MULTI, VideoSet
from dlcx.workflow.add_videos import bring_in, distinct_stems, frame_crops

#: DeepLabCut's default bodyparts, bones and individuals.
PARTS = ("bodypart1", "bodypart2", "bodypart3", "objectA")
BONES = (("bodypart1", "bodypart2"), ("objectA", "bodypart3"))
SEVERAL_PARTS = ("bodypart1", "bodypart2", "bodypart3")
SEVERAL_BONES = (("bodypart1", "bodypart2"), ("bodypart2", "bodypart3"), ("bodypart1", "bodypart3"))
INDIVIDUALS = ("individual1", "individual2", "individual3")

FOLDERS = ("videos", "labeled-data", "training-datasets", "dlc-models")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

if TYPE_CHECKING:
    from dlcx.options.keywords import CreateProjectKeywords


@dataclass(frozen=True)
class CreateProjectResult:
    """The project folder, its config.yaml and videos; ``existed`` is true if the project already existed."""

    project: Path
    config: Path
    videos: tuple[Path, ...]
    bodyparts: tuple[str, ...]
    individuals: tuple[str, ...]
    existed: bool

    @property
    def next_steps(self) -> tuple[str, ...]:
        """The suggested next steps."""
        named = set(self.bodyparts) - {*PARTS, *SEVERAL_PARTS}
        edit = () if named else (f"Name your bodyparts in {self.config}.",)
        return (*edit, f"Next: {command_line(ExtractFramesOptions(project=self.project))}")

    def lines(self) -> list[str]:
        """Lines of the text output."""
        return [
            f"project: {self.project}{' (there already, unchanged)' if self.existed else ''}",
            *(f"video: {video}" for video in self.videos),
            f"bodyparts: {', '.join(self.bodyparts)}",
            *([f"individuals: {', '.join(self.individuals)}"] if len(self.individuals) > 1 else []),
        ]


@keyword_options(CreateProjectOptions)
def create_project(
    name: str,
    scorer: str,
    videos: Sequence[str | Path] | str | Path,
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[CreateProjectKeywords],
) -> CreateProjectResult:
    """Create the project folder ``<name>-<scorer>-<date>`` with DeepLabCut's subfolders and config.yaml.

    Parameters
    ----------
    name, scorer
        Name of the project, and of the person who labels it.
    videos
        Files, folders and glob patterns.

    Returns
    -------
    CreateProjectResult
        The new project, or the existing one if it has the same names and videos.

    Raises
    ------
    DlcxError
        If a name or video cannot be used, or the folder exists with other contents.
    """
    options = CreateProjectOptions.of(name=name, scorer=scorer, videos=videos, **keywords)
    from dlcx.data.video import find_videos

    day = _day(options.date)
    for flag, word in (("NAME", options.name), ("SCORER", options.scorer)):
        if not word.strip() or re.search(r"[\\/:*?\"<>|\x00-\x1f]", word) or word.startswith("."):
            raise DlcxError(f"{flag} {word!r}: cannot be part of a folder's name")
    for flag, words in (
        ("--bodyparts", options.bodyparts),
        ("--individuals", options.individuals),
        ("--unique", options.unique),
    ):
        if repeated := sorted({word for word in words if list(words).count(word) > 1}):
            raise DlcxError(f"{flag}: {repeated[0]!r} is named more than once")
    root = Path(os.path.realpath(options.folder)) / f"{options.name}-{options.scorer}-{day.isoformat()}"
    found = find_videos(options.videos)
    distinct_stems(found)
    several = options.multi or bool(options.individuals) or bool(options.unique)
    settings = {
        "Task": options.name,
        "scorer": options.scorer,
        "date": f"{_MONTHS[day.month - 1]}{day.day}",
        "project_path": str(root),
        "snapshotindex": -1,
        **(_several(options.bodyparts, options.individuals, options.unique) if several else _single(options.bodyparts)),
    }
    config = check(ProjectConfig, settings, "the new project")
    layout = layout_of(config, "the new project")
    requested = layout if options.bodyparts or options.individuals or options.unique else None
    if root.exists():
        return _already(root, found, requested)
    crops = frame_crops(found)
    targets = [root / "videos" / video.name for video in found]
    sets = {str(path): VideoSet(crop=", ".join(map(str, crops[path.stem]))) for path in targets}
    # Also remove what interrupted calls on other days left behind.
    remove_leftovers(root.parent, f"{options.name}-{options.scorer}-")
    with folder_lock(root):
        if root.exists():  # created by another process in the meantime
            return _already(root, found, requested)
        with atomic_folder(root) as part:
            for below in FOLDERS:
                (part / below).mkdir()
            for video in found:
                (part / "labeled-data" / video.stem).mkdir()
            bring_in(found, part / "videos", copy_videos=options.copy_videos, progress=progress)
            write_project_config(config.model_copy(update={"video_sets": sets}), part / "config.yaml")
    return _result(root, layout, targets, existed=False)


def _day(date: str | None) -> datetime.date:
    try:
        return datetime.date.fromisoformat(date) if date else datetime.date.today()
    except ValueError:
        raise DlcxError(f"--date {date}: expected YYYY-MM-DD") from None


def _single(bodyparts: Sequence[str]) -> dict[str, object]:
    bones = [] if bodyparts else [list(bone) for bone in BONES]
    return {"bodyparts": list(bodyparts or PARTS), "skeleton": bones}


def _several(bodyparts: Sequence[str], individuals: Sequence[str], unique: Sequence[str]) -> dict[str, object]:
    return {
        "multianimalproject": True,
        "identity": False,
        "bodyparts": MULTI,
        "individuals": list(individuals or INDIVIDUALS),
        "uniquebodyparts": list(unique),
        "multianimalbodyparts": list(bodyparts or SEVERAL_PARTS),
        "skeleton": [] if bodyparts else [list(bone) for bone in SEVERAL_BONES],
        "default_augmenter": "albumentations",
        "default_track_method": "ellipse",
    }


def _already(root: Path, videos: Sequence[Path], layout: Layout | None) -> CreateProjectResult:
    """The existing project if it has the requested videos and, unless ``layout`` is None, the requested layout."""
    if not (root / "config.yaml").is_file():
        raise DlcxError(f"{root} exists and is no project", hint="Choose another NAME, or --dir.")
    existing = open_project(root)
    existing_layout = layout_of(read_project_config(existing.config_path), existing.config_path)
    if layout is not None and layout != existing_layout:
        raise DlcxError(
            f"{root} exists, with other bodyparts or individuals", hint=f"Change them in {existing.config_path}."
        )
    if missing := [video for video in videos if existing.video_of(video.stem) is None]:
        raise DlcxError(f"{root} exists, without {missing[0].name}", hint="`dlcx add-videos` adds videos to it.")
    return _result(root, existing_layout, [Path(video.stored) for video in existing.videos], existed=True)


def _result(root: Path, layout: Layout, videos: Sequence[Path], *, existed: bool) -> CreateProjectResult:
    names = (*layout.bodyparts, *layout.unique)
    return CreateProjectResult(root, root / "config.yaml", tuple(videos), names, layout.individuals, existed)
