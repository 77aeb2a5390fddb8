"""Merge corrected machine labels into the labels, and start the next iteration."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.config_edits import set_iteration
from dlcx.formats.labels.collected_data import changing_labels, read_agreed_labels, read_labels, write_labels
from dlcx.formats.labels.machine_labels import Image, read_machine_labels
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.merged_labels import ROUNDING, add_missing_images, empty_labels, to_layout
from dlcx.labeling.backups import LabelBackup
from dlcx.options.command_line import command_after
from dlcx.options.commands.clean_labels import CleanLabelsOptions
from dlcx.options.commands.create_dataset import CreateDatasetOptions
from dlcx.options.commands.merge_labels import MergeLabelsOptions
from dlcx.options.commands.status import StatusOptions
from dlcx.options.entry_points import keyword_options
from dlcx.poses import Labels
from dlcx.progress import SILENT, Progress
from dlcx.project import Project

logger = logging.getLogger(__name__)

#: File of corrected machine labels, as saved by the refinement window of DeepLabCut 2.
REFINED = "MachineLabelsRefine.h5"
#: Maximum number of images to list in a warning.
NAMED = 5

if TYPE_CHECKING:
    from dlcx.options.keywords import MergeLabelsKeywords


@dataclass(frozen=True)
class MergedFolder:
    """Labels of one video: number of existing, corrected, and accepted (uncorrected) rows.

    ``empty`` images have no point above the cutoff; they are accepted only with ``accept_empty``.  ``gone`` is the
    number of machine labels of deleted images, and ``removed`` the number of labels of such images.  ``uncorrected``
    images have no labels although other images of the folder were corrected.
    """

    video: str
    labelled: int
    corrected: int
    accepted: int
    empty: int = 0
    gone: int = 0
    removed: int = 0
    uncorrected: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the label files changed."""
        return bool(self.corrected or self.accepted or self.removed)


@dataclass(frozen=True)
class MergeLabelsResult:
    """Labels of each video, and the iteration in config.yaml after and ``before`` the merge.

    ``nothing_to_merge`` is true if the labels equal those of the iteration's training dataset, so that the iteration
    does not change.
    """

    folders: tuple[MergedFolder, ...]
    before: int
    iteration: int
    accepted_empty: bool = False
    nothing_to_merge: bool = False
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = []
        for one in self.folders:
            more = f", {one.corrected} corrected" if one.corrected else ""
            more += f", {one.accepted} as the net found them" if one.accepted else ""
            more += f", {one.empty} of them without an animal" if one.empty and self.accepted_empty else ""
            more += f", {len(one.uncorrected)} left out (not corrected)" if one.uncorrected else ""
            more += (
                f", {one.empty} left out (no point reaches the cutoff)" if one.empty and not self.accepted_empty else ""
            )
            more += f", {one.gone} left out (the image was deleted)" if one.gone else ""
            more += f", {one.removed} removed (the image was deleted)" if one.removed else ""
            lines.append(f"{one.video}: {one.labelled} labeled images{more}")
        why = " (there already: it has no training dataset yet)" if self.iteration == self.before else ""
        why = " (nothing to merge: the labels are those of its training dataset)" if self.nothing_to_merge else why
        return [*lines, f"iteration: {self.iteration}{why}"]


@keyword_options(MergeLabelsOptions)
def merge_labels(
    project: str | Path | None = None,
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[MergeLabelsKeywords],
) -> MergeLabelsResult:
    """Merge corrected labels of extracted outliers into the label files, and advance the iteration in config.yaml.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.

    Returns
    -------
    MergeLabelsResult
        Merged labels of each video, and the iteration.

    Raises
    ------
    DlcxError
        If the machine labels of a folder are neither corrected nor accepted, or a label file cannot be read.
    """
    options = MergeLabelsOptions.of(project=project, **keywords)
    home = open_project(options.project)
    if options.accept_empty and not options.accept_machine_labels:
        raise DlcxError("--accept-empty belongs to --accept-machine-labels", hint="Give both.")
    folders = [folder for folder in sorted(home.labeled_data.glob("*")) if folder.is_dir() and _is_of_labels(folder)]
    with changing_labels(*(home.labels_path(folder.name) for folder in folders)):
        home = open_project(home.root)  # another process may have merged the labels in the meantime
        min_likelihood = home.pcutoff if options.pcutoff is None else options.pcutoff
        trained = _labels_of_dataset(home)
        merge = _Merge(
            home, min_likelihood, frozenset(trained.images), options.accept_machine_labels, options.accept_empty
        )
        merged = [merge(folder.name) for folder in folders]
        _refuse_uncorrected(merged)
        _tell_left_out([one.folder for one in merged], min_likelihood, accept_empty=options.accept_empty)
        backup = LabelBackup(home)
        with progress.task("merge", total=len(merged), unit="video") as task:
            for one in merged:
                base = home.labels_path(one.folder.video)
                if one.folder.removed:
                    backup.copy(base)
                if one.folder.changed:
                    write_labels(one.labels, base, home.scorer)
                task.advance()
        nothing = options.iteration is None and not _is_new(home, merged, trained)
        new = options.iteration if options.iteration is not None else home.iteration + (not nothing)
        if new != home.iteration:
            set_iteration(home.config_path, new)
    done = tuple(one.folder for one in merged)
    nothing = nothing and home.training_set_dir.is_dir()
    steps = (*backup.how_to_undo, *_next_steps(home, merged, options, nothing=nothing))
    return MergeLabelsResult(done, home.iteration, new, options.accept_empty, nothing, steps)


@dataclass(frozen=True)
class _Merged:
    """Merged labels of a folder.

    ``reviewed`` is whether any machine labels of the folder were corrected; if none were, ``waiting`` is the number of
    images with machine labels.
    """

    folder: MergedFolder
    labels: Labels
    waiting: int
    reviewed: bool


def _refuse_uncorrected(merged: Sequence[_Merged]) -> None:
    if waiting := [(one.folder.video, one.waiting) for one in merged if one.waiting]:
        what = ", ".join(f"{count} image(s) of {video}" for video, count in waiting)
        raise DlcxError(
            f"machine labels of {what} are not corrected",
            hint="Correct them in napari-deeplabcut and save; delete images that show no animal; or take all as they "
            "are with --accept-machine-labels.",
        )


def _tell_left_out(done: Sequence[MergedFolder], min_likelihood: float, *, accept_empty: bool) -> None:
    for one in done:
        if one.uncorrected:
            logger.warning(
                "%s: %d machine-labeled images have no corrected labels and are left out: %s; if they show an animal, "
                "label them, or take the machine labels with --accept-machine-labels",
                one.video,
                len(one.uncorrected),
                ", ".join(one.uncorrected[:NAMED]) + (", ..." if len(one.uncorrected) > NAMED else ""),
            )
    if left := sum(one.empty for one in done if not accept_empty):
        logger.warning(
            "%d machine-labeled images are not taken: none of their points has a likelihood of %g or more, and "
            "without labels they would train as images without an animal; label them, or take them with "
            "--accept-machine-labels --accept-empty",
            left,
            min_likelihood,
        )


def _next_steps(
    home: Project, merged: Sequence[_Merged], options: MergeLabelsOptions, *, nothing: bool
) -> tuple[str, ...]:
    """Suggested next steps; labels of deleted images must be removed before create-dataset."""
    images = (image for one in merged for image in one.labels.images)
    if any(not home.root.joinpath(*image).is_file() for image in images):
        logger.warning("some labels are of images that were deleted; without them, no training dataset can be made")
        return (f"Next: {command_after(CleanLabelsOptions, options)}",)
    if not nothing:
        return (f"Next: {command_after(CreateDatasetOptions, options)}",)
    if any(one.folder.empty or one.folder.uncorrected for one in merged):
        return ("Next: label the images that are left out, in napari-deeplabcut",)
    return (f"Next: {command_after(StatusOptions, options)}",)


def _labels_of_dataset(project: Project) -> Labels:
    """Labels of the iteration's training datasets; empty if they cannot be read."""
    try:
        return read_labels(project.merged_labels_path, project.layout)
    except DlcxError:
        return empty_labels(project.layout)


def _is_new(project: Project, merged: Sequence[_Merged], trained: Labels) -> bool:
    """Whether the labels differ from those of the iteration's training datasets."""
    if not len(trained):
        return project.training_set_dir.is_dir() or any(one.folder.changed or one.reviewed for one in merged)
    listed = {video.stem for video in project.videos}
    used = [one for one in merged if one.folder.video in listed] or merged
    place = {image: row for row, image in enumerate(trained.images)}
    images = [image for one in used for image in one.labels.images]
    if len(images) != len(place) or set(images) != set(place):
        return True
    rows = [place[image] for image in images]
    pairs = (
        (np.concatenate([one.labels.xy for one in used]), trained.xy[rows]),
        (np.concatenate([one.labels.unique_xy for one in used]), trained.unique_xy[rows]),
    )
    return not all(np.allclose(now, then, rtol=0, atol=ROUNDING, equal_nan=True) for now, then in pairs)


def _is_of_labels(folder: Path) -> bool:
    endings = ("CollectedData_*.h5", "CollectedData_*.csv", REFINED, "machinelabels-iter*.h5")
    return any(any(folder.glob(pattern)) for pattern in endings)


@dataclass(frozen=True)
class _Merge:
    """Merge the labels of a folder.

    Images in ``trained`` were labeled before the outliers were extracted, so their labels do not indicate corrections.
    """

    project: Project
    min_likelihood: float
    trained: frozenset[Image]
    accept: bool
    accept_empty: bool

    def __call__(self, stem: str) -> _Merged:
        project, layout = self.project, self.project.layout
        path, machine = project.labels_path(stem), project.machine_labels_path(stem)
        there = any(path.with_name(path.name + suffix).is_file() for suffix in (".h5", ".csv"))
        before = read_agreed_labels(path, layout, project.scorer) if there else empty_labels(layout)
        outliers = _sure(machine, project, self.min_likelihood) if machine.is_file() else empty_labels(layout)
        deleted = {image for image in outliers.images if not project.root.joinpath(*image).is_file()}
        human = _without(before, deleted)
        refined = path.with_name(REFINED)
        corrected = add_missing_images(human, _refined(refined, project)) if refined.is_file() else human
        found = _without(outliers, {*corrected.images, *deleted})
        shown = np.isfinite(found.xy).any((1, 2, 3)) | np.isfinite(found.unique_xy).any((1, 2))
        sure = _only(found, shown)
        taken = found if self.accept and self.accept_empty else sure if self.accept else _only(found, [])
        reviewed = len(corrected) > len(human) or bool({*before.images} & {*outliers.images} - self.trained)
        left = () if self.accept or not reviewed else tuple(image[2] for image in sure.images)
        folder = MergedFolder(
            stem,
            len(human),
            len(corrected) - len(human),
            len(taken),
            int((~shown).sum()),
            len(deleted - {*before.images}),
            len(before) - len(human),
            left,
        )
        waiting = 0 if self.accept or reviewed else len(sure)
        return _Merged(folder, add_missing_images(corrected, taken), waiting, reviewed)


def _refined(path: Path, project: Project) -> Labels:
    """Rows corrected in this iteration; rows of earlier iterations are merged already, or were deleted since."""
    labels = read_labels(path, project.layout)
    now = project.machine_labels_path(path.parent.name)
    earlier = [other for other in path.parent.glob("machinelabels-iter*.h5") if other != now]
    merged = {image for other in earlier for image in read_machine_labels(other).images}
    if now.is_file():
        merged -= set(read_machine_labels(now).images)
    present = _only(labels, [project.root.joinpath(*image).is_file() for image in labels.images])
    return _without(present, merged)


def _only(labels: Labels, kept: Sequence[bool] | np.ndarray) -> Labels:
    rows = np.flatnonzero(np.asarray(kept, bool))
    return replace(
        labels, images=tuple(labels.images[row] for row in rows), xy=labels.xy[rows], unique_xy=labels.unique_xy[rows]
    )


def _without(labels: Labels, images: Collection[tuple[str, str, str]]) -> Labels:
    there = set(images)
    return _only(labels, [image not in there for image in labels.images])


def _sure(path: Path, project: Project, min_likelihood: float) -> Labels:
    """Convert machine labels to labels, without points of low likelihood."""
    machine = read_machine_labels(path)
    xy = np.where(machine.score[..., None] >= min_likelihood, machine.xy, np.nan).astype(np.float64)
    unique = np.where(machine.unique_score[..., None] >= min_likelihood, machine.unique_xy, np.nan).astype(np.float64)
    return to_layout(Labels(machine.layout, machine.images, xy, unique), project.layout)
