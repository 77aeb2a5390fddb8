"""The folders of labeled-data: number of images and of labeled images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.project import Project


@dataclass(frozen=True)
class LabeledFolder:
    """The labels of one video.

    Attributes
    ----------
    video
        Name of the folder.
    images
        Number of images.
    labeled, empty
        Number of images with a labeled bodypart, and of labeled images without an animal.
    trouble
        Why the labels cannot be read.
    """

    video: str
    images: int
    labeled: int
    empty: int = 0
    trouble: str = ""


def labeled_folders(project: Project) -> list[LabeledFolder]:
    """Return the folders that contain images or labels, including unreadable ones."""
    folders = sorted(project.labeled_data.iterdir()) if project.labeled_data.is_dir() else []
    wanted = [one for one in folders if one.is_dir() and not one.name.endswith("_labeled") and one.name[0] != "."]
    return [found for folder in wanted if (found := _count(project, folder))]


def labeled_stems(project: Project, wanted: Sequence[str | Path]) -> list[str]:
    """Return the names of the folders that have labels of the project's scorer.

    Parameters
    ----------
    project
        The project.
    wanted
        Videos or folders; empty for all.

    Raises
    ------
    DlcxError
        If there are no labels, or a wanted video has none.
    """
    labeled = sorted(
        path.name
        for path in project.labeled_data.glob("*")
        if any(path.glob(f"CollectedData_{project.scorer}.h5")) or any(path.glob(f"CollectedData_{project.scorer}.csv"))
    )
    if not labeled:
        raise DlcxError(
            f"no labels in {project.labeled_data}: expected <video>/CollectedData_{project.scorer}.h5 or .csv",
            hint="Label frames, or set the scorer of the label files in config.yaml.",
        )
    if not wanted:
        return labeled
    chosen = [Path(item).name if Path(item).name in labeled else Path(item).stem for item in wanted]
    for stem in chosen:
        if stem not in labeled:
            raise DlcxError(f"no labels of {stem} in {project.labeled_data}", hint=f"Labeled: {', '.join(labeled)}")
    return chosen


def _count(project: Project, folder: Path) -> LabeledFolder | None:
    import numpy as np

    from dlcx.formats.labels.collected_data import read_labels

    images = count = empty = 0
    base = project.labels_path(folder.name)
    try:
        pictures = (path for path in folder.iterdir() if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
        images = sum(not path.stem.endswith("labeled") for path in pictures)  # pictures of extract-outliers --plot
        if any(base.with_name(base.name + suffix).is_file() for suffix in (".h5", ".csv")):
            labels = read_labels(base, project.layout)
            seen = np.isfinite(labels.xy).any((1, 2, 3)) | np.isfinite(labels.unique_xy).any((1, 2))
            count = int(seen.sum())
            empty = len(labels) - count
    except DlcxError as error:
        return LabeledFolder(folder.name, images, 0, trouble=f"{error}. {error.hint}" if error.hint else str(error))
    except OSError as error:
        return LabeledFolder(folder.name, images, 0, trouble=f"cannot read {folder}: {error.strerror or error}")
    return LabeledFolder(folder.name, images, count, empty) if images or count else None
