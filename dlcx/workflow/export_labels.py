"""The project's labels as a file of another program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import write_labels
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.merged_labels import read_all_labels
from dlcx.outputs import check_folder
from dlcx.poses import Labels
from dlcx.progress import SILENT, Progress
from dlcx.user_paths import user_path

#: What a file's suffix means.
FORMATS = {".json": "COCO keypoints", ".slp": "SLEAP", ".h5": "DeepLabCut", ".csv": "DeepLabCut"}


@dataclass(frozen=True)
class ExportLabelsResult:
    """The files written, their format, and how many images they label."""

    files: tuple[Path, ...]
    format: str
    images: int

    def lines(self) -> list[str]:
        """One fact a line."""
        return [*(f"{self.format}: {path}" for path in self.files), f"images: {self.images}"]


def export_labels(
    project: str | Path | None = None,
    file: str | Path = "labels.json",
    *,
    videos: Sequence[str] = (),
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> ExportLabelsResult:
    """Write all labels into one file; images stay where they are and are named by their paths.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    file
        ``.json``: COCO keypoints; ``.slp``: SLEAP; ``.h5`` or ``.csv``: both of DeepLabCut's.
    videos
        Names of some videos; default: all.
    overwrite
        Replace the file.

    Raises
    ------
    DlcxError
        When there are no labels, or the file exists or cannot be written.
    """
    home, path = open_project(project), user_path(file)
    if path.suffix not in FORMATS:
        raise DlcxError(f"{path}: unknown format '{path.suffix}'", hint=f"Choose from: {', '.join(FORMATS)}")
    targets = [path.with_suffix(suffix) for suffix in (".h5", ".csv")] if path.suffix in (".h5", ".csv") else [path]
    for target in targets:
        if target.exists() and not overwrite:
            raise DlcxError(f"{target} exists", hint="--overwrite replaces it.")
    check_folder(path.parent)
    if path.suffix == ".slp":
        from dlcx.formats.labels.sleap import import_sleap_io

        import_sleap_io()
    labels = _of_videos(read_all_labels(home), videos)
    if path.suffix == ".json":
        from dlcx.formats.labels.coco import write_coco

        write_coco(labels, _sizes(labels, home.root, progress), path, home.skeleton)
    elif path.suffix == ".slp":
        from dlcx.formats.labels.sleap import write_slp

        write_slp(labels, home.root, path, home.skeleton)
    else:
        write_labels(labels, path.with_suffix(""), home.scorer)
    return ExportLabelsResult(tuple(targets), FORMATS[path.suffix], len(labels))


def _of_videos(labels: Labels, videos: Sequence[str]) -> Labels:
    stems = {image[1] for image in labels.images}
    wanted = {name if name in stems else Path(name).stem for name in videos} or stems
    if missing := sorted(wanted - stems):
        raise DlcxError(f"--video {missing[0]}: no labels of it", hint=f"There are: {', '.join(sorted(stems))}")
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
