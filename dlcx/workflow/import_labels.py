"""Import labels of another program into the project."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats import config_edits
from dlcx.formats.labels.collected_data import changing_labels, read_agreed_labels, read_labels, write_labels
from dlcx.formats.labels.imported_labels import ImportedLabels
from dlcx.formats.labels.registry import readable_format
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.merged_labels import add_missing_images, empty_labels, to_layout
from dlcx.labeling.extracted_frames import saved_numbers
from dlcx.labeling.folder_transaction import folder_transaction
from dlcx.labeling.image_sources import ImageFinder, ImageSource, SourceRecording, check_distinct
from dlcx.labeling.recording_folders import choose_folders, same_file
from dlcx.options.commands.import_labels import ImportLabelsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.poses import Labels, Layout
from dlcx.progress import SILENT, Progress
from dlcx.project import Project, Video
from dlcx.workflow.add_videos import Crop, link_video

logger = logging.getLogger(__name__)

Image = tuple[str, str, str]

if TYPE_CHECKING:
    from dlcx.options.keywords import ImportLabelsKeywords


@dataclass(frozen=True)
class ImportedFolder:
    """Imported labels of one video: numbers of new, replaced and kept rows, and of copied images.

    ``removed`` is the number of rows deleted because the imported file is the folder's own label file and lacks them.
    """

    video: str
    new: int
    replaced: int
    kept: int
    copied: int
    labels: Path
    removed: int = 0


@dataclass(frozen=True)
class ImportLabelsResult:
    """Imported labels by video, and bodyparts of the file that the project does not define."""

    format: str
    folders: tuple[ImportedFolder, ...]
    left_out: tuple[str, ...]
    listed: tuple[str, ...]

    @property
    def next_steps(self) -> tuple[str, ...]:
        """Suggested next steps."""
        kept = ("--overwrite replaces labels that are there.",) if any(one.kept for one in self.folders) else ()
        return (*kept, "Next: dlcx check-labels")

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = []
        for one in self.folders:
            more = f", {one.replaced} replaced" if one.replaced else ""
            more += f", {one.kept} kept as they were" if one.kept else ""
            more += f", {one.removed} rows deleted" if one.removed else ""
            more += f", {one.copied} images copied" if one.copied else ""
            lines.append(f"{one.video}: {one.new} newly labeled images{more}")
            lines.append(f"  labels: {one.labels}")
        lines += [f"left out, for config.yaml does not name it: {name}" for name in self.left_out]
        for name in self.listed:
            missing = "" if Path(name).is_file() else " (no such file; its images and labels are enough for training)"
            lines.append(f"added to config.yaml: {name}{missing}")
        return lines


@keyword_options(ImportLabelsOptions)
def import_labels(
    project: str | Path | None = None,
    file: str | Path = "labels.json",
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[ImportLabelsKeywords],
) -> ImportLabelsResult:
    """Import labels and their images into ``labeled-data``; existing labels are kept by default.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    file
        File to import.  The suffix determines the format, see
        :func:`dlcx.formats.labels.registry.label_formats`.

    Returns
    -------
    ImportLabelsResult
        Imported labels by video.

    Raises
    ------
    DlcxError
        If the file, an image or a video cannot be read, or the labels do not match the project.
    """
    options = ImportLabelsOptions.of(project=project, file=file, **keywords)
    home, path = open_project(options.project), options.file
    label_format = readable_format(path)
    assert label_format.read is not None
    given = label_format.read(path, predicted=options.predicted)
    aligned, left_out = _fitted(given, home.layout, path)
    find = ImageFinder(path.parent, home.root, options.images, options.video)
    sources = []
    with progress.task("check", total=len(given.images), unit="image") as task:
        for image in given.images:
            sources.append(find(image))
            sources[-1].check()
            task.advance()
    check_distinct(sources)
    folders = choose_folders(home, _by_recording(sources), options.video)
    rows = [_row(home, source, folders[source.recording]) for source in sources]
    _check_once(rows, sources)
    labels = Labels(home.layout, tuple(rows), aligned.xy, aligned.unique_xy)
    stems = list(dict.fromkeys(row[1] for row in rows))
    with ExitStack() as stack:
        files = stack.enter_context(folder_transaction(home.labeled_data, _is_label_file))
        for stem in stems:
            stack.callback(_remove_empty, home.labeled_data / stem)
        stack.enter_context(changing_labels(*map(home.labels_path, stems)))
        copied: Counter[str] = Counter()
        with progress.task("import", total=len(rows), unit="image") as task:
            for row, source in zip(rows, sources, strict=True):
                if not home.root.joinpath(*row).is_file():
                    source.write(files.path(*row[1:]))
                    copied[row[1]] += 1
                task.advance()
        done = []
        for stem in stems:
            joined, told = _merged(home, labels, stem, path, options.overwrite)
            write_labels(joined, files.path(stem, home.labels_path(stem).name), home.scorer)
            done.append(replace(told, copied=copied[stem]))
        files.publish()
        videos = _new_videos(home, folders, labels)
        config_edits.add_videos(home.config_path, videos)
    _link_videos(home, folders)
    return ImportLabelsResult(label_format.name, tuple(done), left_out, tuple(videos))


def _fitted(given: ImportedLabels, layout: Layout, path: Path) -> tuple[Labels, tuple[str, ...]]:
    """Convert labels to the project's layout; also return the bodyparts that it does not define."""
    wanted = (*layout.bodyparts, *layout.unique)
    theirs = (*given.layout.bodyparts, *given.layout.unique)
    if not set(wanted) & set(theirs):
        raise DlcxError(
            f"{path}: its bodyparts are {', '.join(theirs)}, config.yaml's {', '.join(wanted)}: none is the same",
            hint="Give them the same names in config.yaml.",
        )
    left_out = tuple(name for name in theirs if name not in wanted)
    for name in left_out:
        logger.warning("%s: %s is not in config.yaml, left out. %s", path, name, did_you_mean(name, wanted))
    names = tuple(("labeled-data", "", str(row)) for row in range(len(given.images)))
    if layout.multi:
        renamed = Layout(given.layout.bodyparts, _individuals(given, layout, path), given.layout.unique, multi=True)
        return to_layout(Labels(renamed, names, given.xy, given.unique_xy), layout), left_out
    xy = given.xy
    several = np.isfinite(xy).any((2, 3)).sum(1)  # (M,)
    if (several > 1).any():
        worst = given.images[int(several.argmax())].file
        raise DlcxError(f"{path}: {several.max()} animals in {worst}, but config.yaml is of a single animal")
    first = np.isfinite(xy).any((2, 3)).argmax(1)
    alone = np.take_along_axis(xy, first[:, None, None, None], axis=1)
    # single-animal projects have no unique bodyparts: treat those of the file as ordinary bodyparts
    points = np.concatenate([alone, given.unique_xy[:, None]], axis=2)
    once = Labels(Layout(theirs), names, points, np.zeros((len(names), 0, 2)))
    return to_layout(once, layout), left_out


def _individuals(given: ImportedLabels, layout: Layout, path: Path) -> tuple[str, ...]:
    """Map the individuals of the file to the project's: by name, otherwise to the next unused one."""
    theirs = given.layout.individuals
    free = [name for name in layout.individuals if name not in theirs]
    if len(theirs) > len(layout.individuals):
        raise DlcxError(
            f"{path}: {len(theirs)} individuals ({', '.join(theirs)}), config.yaml names {len(layout.individuals)}",
            hint="Name as many individuals in config.yaml.",
        )
    places = [name if name in layout.individuals else free.pop(0) for name in theirs]
    if given.individuals_named:
        for one, other in zip(theirs, places, strict=True):
            if one != other:
                logger.warning("%s: individual %s becomes %s", path, one, other)
    return tuple(places)


def _by_recording(sources: Sequence[ImageSource]) -> dict[SourceRecording, list[ImageSource]]:
    found: dict[SourceRecording, list[ImageSource]] = {}
    for source in sources:
        found.setdefault(source.recording, []).append(source)
    return found


def _row(project: Project, source: ImageSource, folder: str) -> Image:
    """Return the path of an image in labeled-data.

    Raises
    ------
    DlcxError
        If a different image has this path.
    """
    there = saved_numbers(project.labeled_data / folder).get(source.frame) if source.frame is not None else None
    row = ("labeled-data", folder, there or source.name)
    target = project.root.joinpath(*row)
    if target.is_file() and not same_file(source, target):
        raise DlcxError(
            f"{target} is another picture than {_called(source)}",
            hint="Give the images another folder of labeled-data: --video NAME.",
        )
    return row


def _called(source: ImageSource) -> str:
    path = source.path or source.given.file
    return f"frame {source.frame} of {path}" if source.frame is not None else str(path)


def _check_once(rows: Sequence[Image], sources: Sequence[ImageSource]) -> None:
    seen: dict[Image, ImageSource] = {}
    for row, source in zip(rows, sources, strict=True):
        if other := seen.get(row):
            both = "" if _called(other) == _called(source) else f": by {_called(other)} and {_called(source)}"
            raise DlcxError(f"{'/'.join(row)} is labeled twice{both}", hint="Keep one row of it, or leave out --video.")
        seen[row] = source


def _merged(project: Project, labels: Labels, stem: str, file: Path, overwrite: bool) -> tuple[Labels, ImportedFolder]:
    """Merge the labels of one video with the existing labels, and count the rows.

    If ``file`` is the folder's own label file, edited by the user, it is complete: rows that it lacks are deleted.
    """
    path, layout = project.labels_path(stem), project.layout
    rows = [row for row, image in enumerate(labels.images) if image[1] == stem]
    came = Labels(layout, tuple(labels.images[row] for row in rows), labels.xy[rows], labels.unique_xy[rows])
    pair = [path.with_name(path.name + suffix) for suffix in (".h5", ".csv")]
    edited = overwrite and any(one.is_file() and one.samefile(file) for one in pair)
    if not any(one.is_file() for one in pair):
        there = empty_labels(layout)
    elif edited:
        there = read_labels(next(one for one in pair if one.is_file()), layout, project.scorer)
    else:
        there = read_agreed_labels(path, layout, project.scorer)
    both = len(set(there.images) & set(came.images))
    joined = (
        add_missing_images(came, empty_labels(layout) if edited else there)
        if overwrite
        else add_missing_images(there, came)
    )
    replaced, kept = (both, 0) if overwrite else (0, both)
    removed = len(there) - both if edited else 0
    return joined, ImportedFolder(stem, len(came) - both, replaced, kept, 0, pair[0], removed)


def _remove_empty(folder: Path) -> None:
    """Remove a folder that a failed import created for its lock file only."""
    with suppress(OSError):
        folder.rmdir()


def _is_label_file(path: Path) -> bool:
    return path.suffix in (".h5", ".csv")


def _new_videos(project: Project, folders: Mapping[SourceRecording, str], labels: Labels) -> dict[str, Crop]:
    """Videos to add to config.yaml, so that their labels are used, with the size of their frames."""
    from dlcx.data.images import image_size
    from dlcx.data.video import open_video

    crops: dict[str, Crop] = {}
    for recording, folder in folders.items():
        if project.video_of(folder) is not None or any(Video(stored).stem == folder for stored in crops):
            continue
        if (target := _link_of(project, recording, folder)) is not None:
            video = open_video(Path(recording.path))
            crops[str(target)] = (0, video.width, 0, video.height)
        else:
            first = next(image for image in labels.images if image[1] == folder)
            width, height = image_size(project.root.joinpath(*first))
            crops[str(project.videos_dir / f"{folder}.mp4")] = (0, width, 0, height)
    return crops


def _link_of(project: Project, recording: SourceRecording, folder: str) -> Path | None:
    """Path in the project for the video of a folder, or None if the video file does not exist."""
    path = Path(recording.path)
    return project.videos_dir / f"{folder}{path.suffix}" if recording.is_video and path.is_file() else None


def _link_videos(project: Project, folders: Mapping[SourceRecording, str]) -> None:
    """Link videos into the project if config.yaml lists them there and they do not exist."""
    for recording, folder in folders.items():
        target, listed = _link_of(project, recording, folder), open_project(project.root).video_of(folder)
        if target and listed and listed.stored == str(target) and (reason := link_video(Path(recording.path), target)):
            logger.warning("%s is not linked to %s: %s", target, recording.path, reason)
