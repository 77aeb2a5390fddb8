"""Check labels: list suspicious ones and draw labeled images."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.project_config import open_project
from dlcx.labeling.labeled_folders import labeled_stems
from dlcx.metrics.label_checks import MIN_ANIMALS, LabelIssue, find_label_issues
from dlcx.options.commands.check_labels import CheckLabelsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.poses import Labels
from dlcx.progress import SILENT, Progress
from dlcx.project import Project

logger = logging.getLogger(__name__)

#: Above this number of images only those with suspicious labels are drawn by default; drawing takes about 30 ms each.
DRAWN_WITHOUT_ASKING = 100

if TYPE_CHECKING:
    from dlcx.options.keywords import CheckLabelsKeywords


@dataclass(frozen=True)
class CheckedFolder:
    """The labels of one video: number of rows, images without a row, and the folder of the drawn images."""

    video: str
    rows: int
    without_row: tuple[str, ...]
    pictures: Path | None


@dataclass(frozen=True)
class LabelCount:
    """How often a bodypart is labeled, of all labeled animals (of all images, for a unique bodypart)."""

    bodypart: str
    labelled: int
    of: int


@dataclass(frozen=True)
class SuspiciousLabel:
    """Suspicious labels in one image: the kind of issue, the individual, the bodyparts, and a description."""

    image: str
    kind: str
    individual: str | None
    bodyparts: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class FailedItem:
    """A label file or image that cannot be used and the reason."""

    path: str
    error: str


@dataclass(frozen=True)
class CheckLabelsResult:
    """The checked labels, suspicious labels, files that could not be checked, and the number of drawn images."""

    folders: tuple[CheckedFolder, ...]
    bodyparts: tuple[LabelCount, ...]
    suspicious: tuple[SuspiciousLabel, ...]
    failed: tuple[FailedItem, ...] = field(default=())
    drawn: int = 0
    plotted: bool = False

    @property
    def exit_code(self) -> int:
        """4 if a label file or image cannot be used, else 0; suspicious labels are not failures."""
        return 4 if self.failed else 0

    @property
    def next_steps(self) -> tuple[str, ...]:
        """The suggested next steps."""
        if self.suspicious or self.failed:
            drop = ("`dlcx clean-labels` drops rows of images that were deleted.",) if self.failed else ()
            return (*drop, "Look at the pictures; correct labels in napari-deeplabcut, then: dlcx check-labels")
        return ("Next: dlcx create-dataset",)

    def lines(self) -> list[str]:
        """Lines of the text output: folders, bodyparts, suspicious labels, failures."""
        lines: list[str] = []
        rows = sum(one.rows for one in self.folders)
        for one in self.folders:
            without = f", {len(one.without_row)} images without labels" if one.without_row else ""
            lines.append(f"{one.video}: {one.rows} labeled images{without}")
            lines += [f"  pictures: {one.pictures}"] if one.pictures else []
        width = max((len(one.bodypart) for one in self.bodyparts), default=0)
        lines += [f"{one.bodypart:{width}}  labeled {one.labelled} times of {one.of}" for one in self.bodyparts]
        if self.plotted and self.drawn + len(self.failed) < rows:
            lines.append(f"drawn: the {self.drawn} images with suspicious labels, of {rows}; --all draws every image")
        lines.append(f"suspicious: {len(self.suspicious) or 'none'}")
        for label in self.suspicious:
            whose = f"{label.individual}: " if label.individual else ""
            lines.append(f"  {label.image}: {whose}{label.text}")
        return lines + [f"failed: {failure.path}: {failure.error}" for failure in self.failed]


@keyword_options(CheckLabelsOptions)
def check_labels(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[CheckLabelsKeywords],
) -> CheckLabelsResult:
    """List suspicious labels and draw labeled images.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Videos of the project; default: all videos with labels.

    Returns
    -------
    CheckLabelsResult
        Label counts, suspicious labels, and files that could not be checked.

    Raises
    ------
    DlcxError
        If there are no labels, or no label file can be read.
    """
    options = CheckLabelsOptions.of(project=project, videos=videos, **keywords)
    from dlcx.data.images import image_size, read_image
    from dlcx.visuals.image_writer import write_picture
    from dlcx.visuals.label_painter import LabelPainter

    home = open_project(options.project)
    by = options.color_by or ("individual" if home.layout.multi else "bodypart")
    stems = labeled_stems(home, options.videos)
    parts, failed = _read(home, stems)
    paint = LabelPainter(
        home.layout,
        skeleton=home.skeleton,
        skeleton_color=home.skeleton_color,
        colormap=home.colormap,
        by=by,
        dotsize=max(home.dotsize // 2, 5),
        opacity=home.alphavalue,
    )
    sizes: dict[str, list[tuple[int, int] | None]] = {}
    images = {stem: [home.root.joinpath(*image) for image in labels.images] for stem, labels in parts.items()}
    for stem in parts:
        sizes[stem] = []
        for path in images[stem]:
            try:
                sizes[stem].append(image_size(path))
            except DlcxError as error:
                sizes[stem].append(None)
                failed.append(FailedItem(str(path.relative_to(home.root)), str(error)))
    found = _suspicions(home, parts, sizes)
    drawn = _rows_to_draw(sizes, found, every=options.draw_all) if options.plot else []
    with progress.task("draw", total=len(drawn), unit="image") as task:
        for stem, row in drawn:
            labels, path = parts[stem], images[stem][row]
            ringed = {
                (_animal(labels, one), part)
                for one in found[stem]
                if one.row == row and one.kind != "missing"
                for part in one.bodyparts
            }
            picture = paint(read_image(path), labels.pose(row), ringed)
            write_picture(picture, _pictures(home, stem) / f"{path.stem}_{by}.png")
            task.advance()
    return CheckLabelsResult(
        folders=tuple(
            CheckedFolder(
                stem,
                len(labels),
                _without_row(home.labeled_data / stem, labels),
                _pictures(home, stem) if any(one == stem for one, _ in drawn) else None,
            )
            for stem, labels in parts.items()
        ),
        bodyparts=_counts(list(parts.values())),
        suspicious=tuple(
            SuspiciousLabel("/".join(parts[stem].images[one.row]), one.kind, one.individual, one.bodyparts, one.text)
            for stem in parts
            for one in found[stem]
        ),
        failed=tuple(failed),
        drawn=len(drawn),
        plotted=options.plot,
    )


def _rows_to_draw(
    sizes: Mapping[str, Sequence[tuple[int, int] | None]],
    found: Mapping[str, Sequence[LabelIssue]],
    *,
    every: bool,
) -> list[tuple[str, int]]:
    """Folder and row of each image to draw, images with suspicious labels first; unreadable images are left out."""
    readable = [(stem, row) for stem, known in sizes.items() for row, size in enumerate(known) if size is not None]
    suspicious = {(stem, one.row) for stem, several in found.items() for one in several}
    first = [item for item in readable if item in suspicious]
    if not every and len(readable) > DRAWN_WITHOUT_ASKING:
        return first
    return first + [item for item in readable if item not in suspicious]


def _read(project: Project, stems: Sequence[str]) -> tuple[dict[str, Labels], list[FailedItem]]:
    parts, failed = {}, []
    for stem in stems:
        try:
            parts[stem] = read_labels(project.labels_path(stem), project.layout, project.scorer)
        except DlcxError as error:
            if len(stems) == 1:
                raise
            logger.error("%s", error)
            failed.append(FailedItem(f"labeled-data/{stem}", str(error)))
    if not parts:
        raise DlcxError(f"none of the {len(stems)} label files can be read, first: {failed[0].error}")
    return parts, failed


def _suspicions(
    project: Project, parts: dict[str, Labels], sizes: dict[str, list[tuple[int, int] | None]]
) -> dict[str, list[LabelIssue]]:
    """Find label issues by video; videos with few images are pooled, as statistics need enough animals."""
    few = [stem for stem, labels in parts.items() if len(labels) < MIN_ANIMALS]
    groups = [[stem] for stem in parts if stem not in few] + ([few] if few else [])
    found: dict[str, list[LabelIssue]] = {stem: [] for stem in parts}
    for group in groups:
        together = Labels(
            project.layout,
            tuple(image for stem in group for image in parts[stem].images),
            np.concatenate([parts[stem].xy for stem in group]),
            np.concatenate([parts[stem].unique_xy for stem in group]),
        )
        places = [(stem, row) for stem in group for row in range(len(parts[stem]))]
        known = [size for stem in group for size in sizes[stem]]
        for one in find_label_issues(together, known, project.skeleton):
            stem, row = places[one.row]
            found[stem].append(LabelIssue(row, one.kind, one.individual, one.bodyparts, one.text))
    return found


def _animal(labels: Labels, one: LabelIssue) -> int | None:
    """Index of the individual of an issue; None for unique bodyparts."""
    if set(one.bodyparts) <= set(labels.layout.unique):
        return None
    return labels.layout.individuals.index(one.individual) if one.individual else 0


def _counts(parts: Sequence[Labels]) -> tuple[LabelCount, ...]:
    layout = parts[0].layout
    labeled = np.concatenate([np.isfinite(labels.xy).all(-1) for labels in parts]).reshape(-1, len(layout.bodyparts))
    labeled_animals = int(labeled.any(-1).sum())
    unique = np.concatenate([np.isfinite(labels.unique_xy).all(-1) for labels in parts])
    animals = [
        LabelCount(name, int(labeled[:, part].sum()), labeled_animals) for part, name in enumerate(layout.bodyparts)
    ]
    once = [LabelCount(name, int(unique[:, part].sum()), len(unique)) for part, name in enumerate(layout.unique)]
    return (*animals, *once)


def _without_row(folder: Path, labels: Labels) -> tuple[str, ...]:
    from dlcx.data.images import IMAGE_SUFFIXES

    rows = {image[-1] for image in labels.images}
    names = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    return tuple(name for name in names if name not in rows and not name.endswith("labeled.png"))


def _pictures(project: Project, stem: str) -> Path:
    return project.labeled_data / f"{stem}_labeled"
