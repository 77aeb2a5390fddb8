"""Corrected machine labels become labels, and the next round of refinement begins."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.labels import changing_labels, read_labels, write_labels
from dlcx.formats.machine_labels import read_machine_labels
from dlcx.formats.merged_labels import in_layout, no_labels, with_more
from dlcx.formats.project_config import open_project, set_iteration
from dlcx.poses import Labels
from dlcx.progress import SILENT, Progress
from dlcx.project import Project

logger = logging.getLogger(__name__)

#: What the refinement window of DeepLabCut 2 saved corrected machine labels as.
REFINED = "MachineLabelsRefine.h5"


@dataclass(frozen=True)
class MergedFolder:
    """The labels of one video: rows there were, rows that came in corrected, and rows nobody corrected."""

    video: str
    labelled: int
    corrected: int
    accepted: int


@dataclass(frozen=True)
class MergeLabelsResult:
    """The labels of each video, and the iteration that config.yaml names now; ``before`` is the one it named."""

    folders: tuple[MergedFolder, ...]
    before: int
    iteration: int

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
            said.append(f"{one.video}: {one.labelled} labelled images{more}")
        there = " (there already: it has no training dataset yet)" if self.iteration == self.before else ""
        return [*said, f"iteration: {self.iteration}{there}"]


def merge_labels(
    project: str | Path | None = None,
    *,
    accept_machine_labels: bool = False,
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
    if iteration is not None and iteration < 0:
        raise DlcxError(f"--iteration {iteration}: expected 0 or more")
    folders = [folder for folder in sorted(home.labeled_data.glob("*")) if folder.is_dir() and _is_of_labels(folder)]
    with changing_labels(*(home.labels_path(folder.name) for folder in folders)):
        home = open_project(home.root)  # another call may have merged them meanwhile
        least = home.pcutoff if pcutoff is None else pcutoff
        merged = [_merged(home, folder.name, least) for folder in folders]
        waiting = [(done.video, done.accepted) for done, _ in merged if done.accepted]
        if waiting and not accept_machine_labels:
            what = ", ".join(f"{count} image(s) of {video}" for video, count in waiting)
            raise DlcxError(
                f"machine labels of {what} are not corrected",
                hint="Correct them in napari-deeplabcut and save, or take them as they are with "
                "--accept-machine-labels.",
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
    return MergeLabelsResult(tuple(done for done, _ in merged), home.iteration, new)


def _next(project: Project, *, changed: bool) -> int:
    """The iteration to go on with: a new one when datasets of the present one count other rows."""
    used = project.training_set_dir.is_dir() or changed or any(project.labeled_data.glob(f"*/{_machine(project)}"))
    return project.iteration + 1 if used else project.iteration


def _machine(project: Project) -> str:
    return project.machine_labels_path("any").name


def _is_of_labels(folder: Path) -> bool:
    endings = ("CollectedData_*.h5", "CollectedData_*.csv", REFINED, "machinelabels-iter*.h5")
    return any(any(folder.glob(pattern)) for pattern in endings)


def _merged(project: Project, stem: str, least: float) -> tuple[MergedFolder, Labels]:
    """What a folder's labels become, and where they come from."""
    path, layout = project.labels_path(stem), project.layout
    there = any(path.with_name(path.name + suffix).is_file() for suffix in (".h5", ".csv"))
    human = read_labels(path, layout, project.scorer) if there else no_labels(layout)
    refined = path.with_name(REFINED)
    corrected = with_more(human, read_labels(refined, layout)) if refined.is_file() else human
    machine = project.machine_labels_path(stem)
    whole = with_more(corrected, _sure(machine, project, least)) if machine.is_file() else corrected
    done = MergedFolder(stem, len(human), len(corrected) - len(human), len(whole) - len(corrected))
    return done, whole


def _sure(path: Path, project: Project, least: float) -> Labels:
    """Machine labels as labels, those of low likelihood left out."""
    machine = read_machine_labels(path)
    xy = np.where(machine.score[..., None] >= least, machine.xy, np.nan).astype(np.float64)
    unique = np.where(machine.unique_score[..., None] >= least, machine.unique_xy, np.nan).astype(np.float64)
    return in_layout(Labels(machine.layout, machine.images, xy, unique), project.layout)
