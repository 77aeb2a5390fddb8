"""Clean labels: drop unusable rows and convert single-animal labels to multi-animal labels."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.labels.collected_data import changing_labels
from dlcx.formats.labels.row_edits import Image, LabelRows, read_label_rows, write_label_rows
from dlcx.formats.project_config import open_project
from dlcx.labeling.backups import LabelBackup
from dlcx.labeling.labeled_folders import labeled_stems
from dlcx.options.command_line import command_after
from dlcx.options.commands.check_labels import CheckLabelsOptions
from dlcx.options.commands.clean_labels import CleanLabelsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.progress import SILENT, Progress
from dlcx.project import Project
from dlcx.workflow.check_labels import FailedItem

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from dlcx.options.keywords import CleanLabelsKeywords


@dataclass(frozen=True)
class CleanedFolder:
    """Changes to the labels of one video; images are given by file name.

    ``duplicates`` are images with several rows, of which one is kept; in ``differ``, the dropped rows had different
    labels.  ``gone`` are dropped rows whose image no longer exists, and ``unlabeled`` dropped rows without labels.
    ``images`` are images without a row that were moved to the backup folder.  ``individual`` is the individual that
    single-animal labels were assigned to.
    """

    video: str
    rows: int
    kept: int
    duplicates: tuple[str, ...] = ()
    differ: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    unlabeled: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    individual: str | None = None

    @property
    def changed(self) -> bool:
        """Whether the label files change."""
        return self.kept != self.rows or self.individual is not None

    def lines(self, *, dry_run: bool) -> list[str]:
        """Lines of the text output."""
        drop, move = ("would drop", "would move away") if dry_run else ("dropped", "moved away")
        lines = [f"{self.video}: {self.rows} rows, {self.kept if self.changed else 'nothing to drop'}"]
        lines[0] += (" would be kept" if dry_run else " kept") if self.changed else ""
        for name in self.duplicates:
            other = " (its other rows hold other labels)" if name in self.differ else ""
            lines.append(f"  {drop} duplicate rows: {name}{other}")
        lines += [f"  {drop}, the image is gone: {name}" for name in self.gone]
        lines += [f"  {drop}, nothing is labeled: {name}" for name in self.unlabeled]
        lines += [f"  {move}, no row: {name}" for name in self.images]
        if self.individual:
            lines.append(f"  {'would become' if dry_run else 'now'} labels of individual {self.individual}")
        return lines


@dataclass(frozen=True)
class CleanLabelsResult:
    """The changes to each folder (not applied if ``dry_run``) and the backup of the original files."""

    folders: tuple[CleanedFolder, ...]
    dry_run: bool
    backup: Path | None = None
    failed: tuple[FailedItem, ...] = ()
    next_steps: tuple[str, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """4 if a label file cannot be used, else 0."""
        return 4 if self.failed else 0

    def lines(self) -> list[str]:
        """Lines of the text output."""
        lines = [line for one in self.folders for line in one.lines(dry_run=self.dry_run)]
        lines += [f"backup: {self.backup}"] if self.backup else []
        return lines + [f"failed: {failure.path}: {failure.error}" for failure in self.failed]


@keyword_options(CleanLabelsOptions)
def clean_labels(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[CleanLabelsKeywords],
) -> CleanLabelsResult:
    """Drop duplicate label rows and rows whose image no longer exists, after backing up the label files.

    If an image has several rows, the first row with a label is kept.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Videos of the project; default: all videos with labels.

    Returns
    -------
    CleanLabelsResult
        The changes to each label file and the backup folder.

    Raises
    ------
    DlcxError
        If there are no labels, no label file can be used, or ``to_multi_animal`` is given for a single-animal
        project.
    """
    options = CleanLabelsOptions.of(project=project, videos=videos, **keywords)
    home = open_project(options.project)
    name = _individual(home, options.individual, to_multi_animal=options.to_multi_animal)
    stems = labeled_stems(home, options.videos)
    plan = _Plan(home, options.drop_unlabeled, options.move_images, name)
    backup, done, failed = LabelBackup(home), [], []
    changing = nullcontext() if options.dry_run else changing_labels(*map(home.labels_path, stems))
    with changing, progress.task("clean", len(stems), "video") as task:
        for stem in stems:
            try:
                folder, rows = plan(stem)
                if not options.dry_run:
                    _write(home, folder, rows, backup)
                done.append(folder)
            except DlcxError as error:
                if len(stems) == 1:
                    raise
                logger.error("%s", error)
                failed.append(FailedItem(f"labeled-data/{stem}", str(error)))
            task.advance()
    if not done:
        raise DlcxError(f"none of the {len(stems)} label files can be cleaned, first: {failed[0].error}")
    return CleanLabelsResult(
        tuple(done),
        options.dry_run,
        backup.folder,
        tuple(failed),
        _next_steps(done, backup, options),
    )


def _next_steps(done: Sequence[CleanedFolder], backup: LabelBackup, options: CleanLabelsOptions) -> tuple[str, ...]:
    if options.dry_run and any(one.changed or one.images for one in done):
        return ("Nothing was changed; run it without --dry-run to do so.",)
    return (*backup.how_to_undo, f"Next: {command_after(CheckLabelsOptions, options)}")


def _individual(project: Project, name: str | None, *, to_multi_animal: bool) -> str | None:
    """The individual that single-animal labels are assigned to; None if they are not converted."""
    if name is not None and not to_multi_animal:
        raise DlcxError("--individual belongs to --to-multi-animal", hint="Give both.")
    if not to_multi_animal:
        return None
    layout = project.layout
    if not layout.multi:
        raise DlcxError(
            f"--to-multi-animal: {project.config_path} is of a single animal",
            hint="Set 'multianimalproject: true' and 'bodyparts: MULTI!' there, and name individuals, "
            "multianimalbodyparts and uniquebodyparts.",
        )
    if name is not None and name not in layout.individuals:
        raise DlcxError(f"--individual {name}: no such individual", hint=did_you_mean(name, layout.individuals))
    return name or layout.individuals[0]


@dataclass(frozen=True)
class _Plan:
    """Plans the changes to the labels of a folder."""

    project: Project
    drop_unlabeled: bool
    move_images: bool
    individual: str | None

    @cached_property
    def own(self) -> set[Image]:
        """Images that are labeled in the label file of their own folder."""
        found: set[Image] = set()
        for stem in labeled_stems(self.project, ()):
            with suppress(DlcxError):  # reported when that folder is cleaned
                images = read_label_rows(self.project.labels_path(stem)).images
                found |= {image for image in images if image[1] == stem}
        return found

    def __call__(self, stem: str) -> tuple[CleanedFolder, LabelRows]:
        """Return the changes and the remaining rows.

        Raises
        ------
        DlcxError
            If no row would remain, rows name the wrong folder, or h5 and csv disagree.
        """
        base = self.project.labels_path(stem)
        found = read_label_rows(base)
        folder, rows = self._cleaned(stem, found)
        text = base.with_name(f"{base.name}.csv")
        if found.file != text and text.is_file():
            other = read_label_rows(text)
            if other.multi == found.multi and not self._cleaned(stem, other)[1].agrees(rows):
                raise DlcxError(
                    f"{text} holds other labels than the h5 beside it",
                    hint="Delete the one of the two that is wrong.",
                )
        return folder, rows

    def _cleaned(self, stem: str, found: LabelRows) -> tuple[CleanedFolder, LabelRows]:
        gone = self._gone(stem, found)
        labeled = found.labeled
        first: dict[Image, int] = {}
        for row, image in enumerate(found.images):
            elsewhere = image[1] != stem and image in self.own
            if not elsewhere and (image not in first or (labeled[row] and not labeled[first[image]])):
                first[image] = row
        count = Counter(found.images)
        doubled = [image for image in count if image not in gone and (count[image] > 1 or image not in first)]
        differ = [
            image
            for image in doubled
            if any(labeled[row] and not found.same(row, first[image]) for row in _rows_of(found, image, first))
        ]
        unlabeled = [image for image, row in first.items() if image not in gone and not labeled[row]]
        dropped = {*gone, *(unlabeled if self.drop_unlabeled else ())}
        kept = sorted(row for image, row in first.items() if image not in dropped)
        if found.images and not kept:
            raise DlcxError(
                f"{found.file}: none of its {len(found.images)} rows would be left",
                hint="Restore the images, or delete the label file.",
            )
        rows = found.only(kept)
        if self.individual is not None and not found.multi:
            rows = rows.with_individual(self.individual, self.project.layout)
        return CleanedFolder(
            stem,
            len(found.images),
            len(kept),
            _names(doubled),
            _names(differ),
            _names(gone),
            _names(unlabeled) if self.drop_unlabeled else (),
            self._images_without_row(stem, rows) if self.move_images else (),
            self.individual if rows.multi != found.multi else None,
        ), rows

    def _gone(self, stem: str, found: LabelRows) -> list[Image]:
        """Images that no longer exist.

        Raises
        ------
        DlcxError
            If images are in the folder of the label file but its rows name another folder.
        """
        root = self.project.root
        gone = [image for image in dict.fromkeys(found.images) if not root.joinpath(*image).is_file()]
        moved = [image for image in gone if image[1] != stem and found.file.with_name(image[2]).is_file()]
        if moved:
            raise DlcxError(
                f"{found.file}: {len(moved)} of its rows name images of labeled-data/{moved[0][1]}, "
                f"which lie in labeled-data/{stem}",
                hint=f"Give the folder its name back, or write {stem} into the rows of the csv and delete the h5.",
            )
        return gone

    def _images_without_row(self, stem: str, rows: LabelRows) -> tuple[str, ...]:
        from dlcx.data.images import IMAGE_SUFFIXES

        known = {image[2] for image in rows.images}
        files = sorted(path.name for path in (self.project.labeled_data / stem).iterdir() if path.is_file())
        images = [name for name in files if Path(name).suffix.lower() in IMAGE_SUFFIXES]
        return tuple(name for name in images if name not in known and not Path(name).stem.endswith("labeled"))


def _rows_of(found: LabelRows, image: Image, first: dict[Image, int]) -> np.ndarray:
    """Indices of the rows of an image; empty if the image belongs to the label file of another folder."""
    return np.flatnonzero([other == image for other in found.images]) if image in first else np.array([], int)


def _names(images: Sequence[Image]) -> tuple[str, ...]:
    return tuple(image[2] for image in images)


def _write(project: Project, folder: CleanedFolder, rows: LabelRows, backup: LabelBackup) -> None:
    base = project.labels_path(folder.video)
    if folder.changed:
        backup.copy(base)
        write_label_rows(rows, base)
    for name in folder.images:
        backup.move(base.with_name(name))
