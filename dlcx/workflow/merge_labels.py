"""Corrected machine labels become labels, and the next round of refinement begins."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.labels import changing_labels, read_agreed_labels, read_labels, write_labels
from dlcx.formats.machine_labels import read_machine_labels
from dlcx.formats.merged_labels import in_layout, no_labels, with_more
from dlcx.formats.project_config import open_project, set_iteration
from dlcx.poses import Labels
from dlcx.progress import SILENT, Progress
from dlcx.project import Project
from dlcx.ranges import within_ranges

logger = logging.getLogger(__name__)

#: What the refinement window of DeepLabCut 2 saved corrected machine labels as.
REFINED = "MachineLabelsRefine.h5"


@dataclass(frozen=True)
class MergedFolder:
    """The labels of one video: rows there were, rows that came in corrected, and rows nobody corrected.

    ``empty`` images have no point that is sure enough; they are among the accepted ones only with ``accept_empty``.
    ``gone`` are machine labels of images that somebody has deleted.
    """

    video: str
    labelled: int
    corrected: int
    accepted: int
    empty: int = 0
    gone: int = 0


@dataclass(frozen=True)
class MergeLabelsResult:
    """The labels of each video, and the iteration that config.yaml names now; ``before`` is the one it named."""

    folders: tuple[MergedFolder, ...]
    before: int
    iteration: int
    accepted_empty: bool = False

    @property
    def next_steps(self) -> tuple[str, ...]:
        """What to do now."""
        return ("Next: dlcx create-dataset",)

    def lines(self) -> list[str]:
        """One fact a line."""
        said = []
        for one in self.folders:
            more = f", {one.corrected} corrected" if one.corrected else ""
            more += f", {one.accepted} as the net found them" if one.accepted else ""
            more += f", {one.empty} of them without an animal" if one.empty and self.accepted_empty else ""
            more += (
                f", {one.empty} left out (no point reaches the cutoff)" if one.empty and not self.accepted_empty else ""
            )
            more += f", {one.gone} left out (the image was deleted)" if one.gone else ""
            said.append(f"{one.video}: {one.labelled} labelled images{more}")
        there = " (there already: it has no training dataset yet)" if self.iteration == self.before else ""
        return [*said, f"iteration: {self.iteration}{there}"]


@within_ranges
def merge_labels(
    project: str | Path | None = None,
    *,
    accept_machine_labels: bool = False,
    accept_empty: bool = False,
    pcutoff: float | None = None,
    iteration: int | None = None,
    progress: Progress = SILENT,
) -> MergeLabelsResult:
    """Take corrected labels of extracted outliers into the label files, and set config.yaml to the next iteration.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    accept_machine_labels
        Take machine labels that nobody has corrected as they are.
    accept_empty
        Also those of images in which no point is sure enough: they train as images without an animal.
    pcutoff
        Least likelihood of those; default: config.yaml's.
    iteration
        The iteration to set; default: the next one, unless the present one has no training dataset yet.

    Raises
    ------
    DlcxError
        When machine labels are neither corrected nor accepted, or a label file cannot be read.
    """
    home = open_project(project)
    if accept_empty and not accept_machine_labels:
        raise DlcxError("--accept-empty belongs to --accept-machine-labels", hint="Give both.")
    folders = [folder for folder in sorted(home.labeled_data.glob("*")) if folder.is_dir() and _is_of_labels(folder)]
    with changing_labels(*(home.labels_path(folder.name) for folder in folders)):
        home = open_project(home.root)  # another call may have merged them meanwhile
        least = home.pcutoff if pcutoff is None else pcutoff
        merged = [_merged(home, folder.name, least, accept_empty=accept_empty) for folder in folders]
        waiting = [(done.video, count) for done, _ in merged if (count := _uncorrected(done, accept_empty))]
        if waiting and not accept_machine_labels:
            what = ", ".join(f"{count} image(s) of {video}" for video, count in waiting)
            raise DlcxError(
                f"machine labels of {what} are not corrected",
                hint="Correct them in napari-deeplabcut and save, or take them as they are with "
                "--accept-machine-labels.",
            )
        if left := sum(done.empty for done, _ in merged if not accept_empty):
            logger.warning(
                "%d machine-labeled images are not taken: none of their points has a likelihood of %g or more, and "
                "without labels they would train as images without an animal; label them, or take them with "
                "--accept-empty",
                left,
                least,
            )
        changed = False
        with progress.task("merge", total=len(merged), unit="video") as task:
            for done, labels in merged:
                if done.corrected or done.accepted:
                    write_labels(labels, home.labels_path(done.video), home.scorer)
                    changed = True
                task.advance()
        new = iteration if iteration is not None else _next(home, changed=changed)
        if new != home.iteration:
            set_iteration(home.config_path, new)
    return MergeLabelsResult(tuple(done for done, _ in merged), home.iteration, new, accept_empty)


def _uncorrected(done: MergedFolder, accept_empty: bool) -> int:
    """How many images have machine labels that nobody has corrected."""
    return done.accepted + (0 if accept_empty else done.empty)


def _next(project: Project, *, changed: bool) -> int:
    """The iteration to go on with: a new one when datasets of the present one count other rows."""
    used = project.training_set_dir.is_dir() or changed or any(project.labeled_data.glob(f"*/{_machine(project)}"))
    return project.iteration + 1 if used else project.iteration


def _machine(project: Project) -> str:
    return project.machine_labels_path("any").name


def _is_of_labels(folder: Path) -> bool:
    endings = ("CollectedData_*.h5", "CollectedData_*.csv", REFINED, "machinelabels-iter*.h5")
    return any(any(folder.glob(pattern)) for pattern in endings)


def _merged(project: Project, stem: str, least: float, *, accept_empty: bool) -> tuple[MergedFolder, Labels]:
    """What a folder's labels become, and where they come from."""
    path, layout = project.labels_path(stem), project.layout
    there = any(path.with_name(path.name + suffix).is_file() for suffix in (".h5", ".csv"))
    human = read_agreed_labels(path, layout, project.scorer) if there else no_labels(layout)
    refined = path.with_name(REFINED)
    corrected = with_more(human, _refined(refined, project)) if refined.is_file() else human
    machine = project.machine_labels_path(stem)
    found = _without(_sure(machine, project, least), corrected.images) if machine.is_file() else no_labels(layout)
    present = _only(found, [project.root.joinpath(*image).is_file() for image in found.images])
    shown = np.isfinite(present.xy).any((1, 2, 3)) | np.isfinite(present.unique_xy).any((1, 2))
    taken = present if accept_empty else _only(present, shown)
    whole = with_more(corrected, taken)
    empty, gone = int((~shown).sum()), len(found) - len(present)
    return MergedFolder(stem, len(human), len(corrected) - len(human), len(taken), empty, gone), whole


def _refined(path: Path, project: Project) -> Labels:
    """Rows that were corrected in this iteration: those of earlier ones are merged, and may be deleted since."""
    labels = read_labels(path, project.layout)
    now = project.machine_labels_path(path.parent.name)
    earlier = [other for other in path.parent.glob("machinelabels-iter*.h5") if other != now]
    merged = {image for other in earlier for image in read_machine_labels(other).images}
    if now.is_file():
        merged -= set(read_machine_labels(now).images)
    present = _only(labels, [project.root.joinpath(*image).is_file() for image in labels.images])
    return _without(present, merged)


def _only(labels: Labels, kept: Sequence[bool] | np.ndarray) -> Labels:
    rows = np.flatnonzero(kept)
    return replace(
        labels, images=tuple(labels.images[row] for row in rows), xy=labels.xy[rows], unique_xy=labels.unique_xy[rows]
    )


def _without(labels: Labels, images: Collection[tuple[str, str, str]]) -> Labels:
    there = set(images)
    return _only(labels, [image not in there for image in labels.images])


def _sure(path: Path, project: Project, least: float) -> Labels:
    """Machine labels as labels, those of low likelihood left out."""
    machine = read_machine_labels(path)
    xy = np.where(machine.score[..., None] >= least, machine.xy, np.nan).astype(np.float64)
    unique = np.where(machine.unique_score[..., None] >= least, machine.unique_xy, np.nan).astype(np.float64)
    return in_layout(Labels(machine.layout, machine.images, xy, unique), project.layout)
