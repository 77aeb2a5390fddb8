"""The merged labels: the labels of all videos of a project in one table.

The splits of the shuffles refer to images by their row in this table.  Rows are sorted by video and image.  The table
is ``CollectedData_<scorer>.h5`` and ``.csv`` in the folder of training datasets of the iteration.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Sequence

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.shuffles.tensorflow_shuffles import tensorflow_shuffles
from dlcx.poses import Labels, Layout
from dlcx.project import Project, Shuffle

logger = logging.getLogger(__name__)

#: Coordinates that differ by less than this many pixels are the same label.  Text and single precision round by less,
#: people move points by more.
ROUNDING = 1e-4


def read_all_labels(project: Project) -> Labels:
    """Read the labels of all videos of a project.

    If no video in config.yaml has labels, all folders of labeled-data are read.

    Raises
    ------
    DlcxError
        If there are no labels, or a file does not fit the project.
    """
    folders = sorted(path.name for path in project.labeled_data.glob("*") if path.is_dir())
    labeled = [stem for stem in folders if _has_labels(project, stem)]
    listed = list(dict.fromkeys(video.stem for video in project.videos))
    used = [stem for stem in listed if stem in labeled] or labeled
    if not used:
        raise DlcxError(
            f"no labels in {project.labeled_data}: expected <video>/CollectedData_{project.scorer}.h5 or .csv",
            hint=f"Label frames, or set the scorer in config.yaml (now {project.scorer!r}) to that of the label files.",
        )
    for stem in listed:
        if stem not in labeled:
            images = any((project.labeled_data / stem).glob("img*"))
            (logger.warning if images else logger.info)("no labels for video %s", stem)
    for stem in sorted(set(labeled) - set(used)):
        logger.warning("the labels in labeled-data/%s are left out, since config.yaml does not list that video", stem)
    parts = [read_labels(project.labels_path(stem), project.layout, project.scorer) for stem in used]
    labels = merge_labels(parts, project.layout)
    if not len(labels):
        raise DlcxError(f"the label files in {project.labeled_data} have no rows", hint="Label frames first.")
    return labels


def merge_labels(parts: Sequence[Labels], layout: Layout) -> Labels:
    """Return all labels in one table, sorted by video and image.

    Raises
    ------
    DlcxError
        If an image is labeled twice.
    """
    images = [image for part in parts for image in part.images]
    order = sorted(range(len(images)), key=images.__getitem__)
    for before, after in itertools.pairwise(order):
        if images[before] == images[after]:
            raise DlcxError(
                f"{'/'.join(images[after])} is labeled twice", hint="Run `dlcx clean-labels` to remove duplicate rows."
            )
    return Labels(
        layout=layout,
        images=tuple(images[index] for index in order),
        xy=np.concatenate([part.xy for part in parts])[order],
        unique_xy=np.concatenate([part.unique_xy for part in parts])[order],
    )


def to_layout(labels: Labels, layout: Layout) -> Labels:
    """Select and reorder the bodyparts and individuals of ``layout``; missing ones are nan."""
    parts = _indices(layout.bodyparts, labels.layout.bodyparts)
    animals = _indices(layout.individuals, labels.layout.individuals) if layout.multi else [0]
    unique = _indices(layout.unique, labels.layout.unique)
    padded = np.pad(labels.xy, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=np.nan)
    singles = np.pad(labels.unique_xy, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan)
    return Labels(layout, labels.images, padded[:, animals][:, :, parts], singles[:, unique])


def add_missing_images(labels: Labels, others: Labels) -> Labels:
    """Return ``labels`` and the labels of ``others`` in images that are not among them, sorted by video and image."""
    existing = set(labels.images)
    new = [row for row, image in enumerate(others.images) if image not in existing]
    more = Labels(labels.layout, tuple(others.images[row] for row in new), others.xy[new], others.unique_xy[new])
    return merge_labels([labels, more], labels.layout)


def empty_labels(layout: Layout) -> Labels:
    """Return a table of labels without rows."""
    animals, parts, unique = len(layout.individuals), len(layout.bodyparts), len(layout.unique)
    return Labels(layout, (), np.zeros((0, animals, parts, 2)), np.zeros((0, unique, 2)))


def _indices(names: Sequence[str], existing: Sequence[str]) -> list[int]:
    """Return the index of each name in ``existing``; -1, the index of the padding, if it is missing."""
    return [existing.index(name) if name in existing else -1 for name in names]


def merged_labels_changed(project: Project, labels: Labels, remade: Collection[Shuffle] = ()) -> bool:
    """Return whether the merged labels on disk are missing or differ from ``labels``.

    Parameters
    ----------
    project
        The project.
    labels
        The labels as they are now.
    remade
        Shuffles that are about to be replaced, so that their splits no longer matter.

    Raises
    ------
    DlcxError
        If the images, bodyparts or individuals changed and the splits of other shuffles refer to the old rows.
    """
    base = project.merged_labels_path
    if not base.with_name(base.name + ".h5").is_file():
        return True
    splits = {path.name for path in project.training_set_dir.glob("Documentation_data-*.pickle")}
    others = sorted(splits - {shuffle.documentation_path.name for shuffle in remade})
    try:
        before = read_labels(base)
    except DlcxError:
        if others:
            raise
        return True
    same_rows = before.images == labels.images and before.layout == labels.layout
    if same_rows and _same(before.xy, labels.xy) and _same(before.unique_xy, labels.unique_xy):
        return False
    if others and not same_rows:
        what = "images" if before.images != labels.images else "bodyparts or individuals"
        raise DlcxError(
            f"the labeled {what} have changed ({len(before)} images before, {len(labels)} now); merging them would "
            f"change the test images of existing shuffles: {', '.join(others)}",
            hint=f"Start the next iteration with 'iteration: {project.iteration + 1}' in config.yaml"
            + (
                "." if tensorflow_shuffles(project) else ", or replace all these shuffles in one call with --overwrite."
            ),
        )
    if others:
        logger.warning(
            "labels were corrected, which changes the training and test data of existing shuffles: %s",
            ", ".join(others),
        )
    return True


def _same(before: np.ndarray, now: np.ndarray) -> bool:
    """Return whether coordinates (pixels, any shape) are equal except for rounding."""
    return bool(np.allclose(before, now, rtol=0, atol=ROUNDING, equal_nan=True))


def _has_labels(project: Project, stem: str) -> bool:
    base = project.labels_path(stem)
    return any(base.with_name(base.name + suffix).is_file() for suffix in (".h5", ".csv"))
