"""Export the labels of a project for another program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.errors import DlcxError
from dlcx.formats.labels.registry import LabelExport, writable_format
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.merged_labels import read_all_labels
from dlcx.options.commands.export_labels import ExportLabelsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import check_folder
from dlcx.poses import Labels
from dlcx.progress import SILENT, Progress

if TYPE_CHECKING:
    from dlcx.options.keywords import ExportLabelsKeywords


@dataclass(frozen=True)
class ExportLabelsResult:
    """Written files, their format, and the number of labeled images."""

    files: tuple[Path, ...]
    format: str
    images: int

    def lines(self) -> list[str]:
        """Return the lines to print."""
        return [*(f"{self.format}: {path}" for path in self.files), f"images: {self.images}"]


@keyword_options(ExportLabelsOptions)
def export_labels(
    project: str | Path | None = None,
    file: str | Path = "labels.json",
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[ExportLabelsKeywords],
) -> ExportLabelsResult:
    """Write all labels to one file, which refers to the images by their paths.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    file
        File to write.  The suffix determines the format, see :func:`dlcx.formats.labels.registry.label_formats`.  In
        DeepLabCut's format, both ``.h5`` and ``.csv`` are written.

    Returns
    -------
    ExportLabelsResult
        Written files and the number of labeled images.

    Raises
    ------
    DlcxError
        If there are no labels, or the file exists or cannot be written.
    """
    options = ExportLabelsOptions.of(project=project, file=file, **keywords)
    opened, path = open_project(options.project), options.file
    label_format = writable_format(path)
    assert label_format.write is not None
    targets = label_format.targets(path)
    for target in targets:
        if target.exists() and not options.overwrite:
            raise DlcxError(f"{target} exists", hint="--overwrite replaces it.")
    check_folder(path.parent)
    if label_format.requirements is not None:
        label_format.requirements()
    labels = _of_videos(read_all_labels(opened), options.videos)
    sizes = partial(_sizes, labels, opened.root, progress)
    label_format.write(LabelExport(labels, opened.root, opened.scorer, opened.skeleton, sizes), path)
    return ExportLabelsResult(targets, label_format.name, len(labels))


def _of_videos(labels: Labels, videos: Sequence[str]) -> Labels:
    stems = {image[1] for image in labels.images}
    wanted = {name if name in stems else Path(name).stem for name in videos} or stems
    if missing := sorted(wanted - stems):
        raise DlcxError(f"--video {missing[0]}: it has no labels", hint=f"Labeled: {', '.join(sorted(stems))}")
    rows = [row for row, image in enumerate(labels.images) if image[1] in wanted]
    return Labels(labels.layout, tuple(labels.images[row] for row in rows), labels.xy[rows], labels.unique_xy[rows])


def _sizes(labels: Labels, root: Path, progress: Progress) -> list[tuple[int, int]]:
    from dlcx.data.images import image_size

    sizes = []
    with progress.task("measure", total=len(labels), unit="image") as task:
        for image in labels.images:
            sizes.append(image_size(root.joinpath(*image)))
            task.advance()
    return sizes
