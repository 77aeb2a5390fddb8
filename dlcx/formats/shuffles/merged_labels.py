"""The labels of all videos of a project as one table, whose rows the splits of its shuffles count.

Rows are sorted by video and image; the table lies as ``CollectedData_<scorer>.h5`` and ``.csv`` in the folder of
training datasets of the iteration.
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

#: Pixels by which coordinates may differ and still be the same label: text and single precision round them, people
#: move them farther.
ROUNDING = 1e-4


def read_all_labels(project: Project) -> Labels:
    """All labels of the project's videos; of every folder of labeled-data when none of the videos has any.

    Raises
    ------
    DlcxError
        When there are none, or a file does not fit the project.
    """
    folders = sorted(path.name for path in project.labeled_data.glob("*") if path.is_dir())
    labelled = [stem for stem in folders if _has_labels(project, stem)]
    listed = list(dict.fromkeys(video.stem for video in project.videos))
    used = [stem for stem in listed if stem in labelled] or labelled
    if not used:
        raise DlcxError(
            f"no labels in {project.labeled_data}: expected <video>/CollectedData_{project.scorer}.h5 or .csv",
            hint=f"Label frames, or put the scorer of the label files into config.yaml (now {project.scorer!r}).",
        )
    for stem in listed:
        if stem not in labelled:
            images = any((project.labeled_data / stem).glob("img*"))
            (logger.warning if images else logger.info)("no labels for video %s", stem)
    for stem in sorted(set(labelled) - set(used)):
        logger.warning("the labels in labeled-data/%s are left out: config.yaml lists no such video", stem)
    parts = [read_labels(project.labels_path(stem), project.layout, project.scorer) for stem in used]
    labels = merge_labels(parts, project.layout)
    if not len(labels):
        raise DlcxError(f"the label files in {project.labeled_data} have no rows", hint="Label frames first.")
    return labels


def merge_labels(parts: Sequence[Labels], layout: Layout) -> Labels:
    """All labels as one table, rows sorted by video and image; an image labelled in two files is an error.

    Raises
    ------
    DlcxError
        Names the image.
    """
    images = [image for part in parts for image in part.images]
    order = sorted(range(len(images)), key=images.__getitem__)
    for before, after in itertools.pairwise(order):
        if images[before] == images[after]:
            raise DlcxError(
                f"{'/'.join(images[after])} is labelled twice", hint="Run `dlcx clean-labels` to keep one row of it."
            )
    return Labels(
        layout=layout,
        images=tuple(images[index] for index in order),
        xy=np.concatenate([part.xy for part in parts])[order],
        unique_xy=np.concatenate([part.unique_xy for part in parts])[order],
    )


def to_layout(labels: Labels, layout: Layout) -> Labels:
    """The same labels under the names of ``layout``, in its order; what it does not name is left out."""
    parts = _places(layout.bodyparts, labels.layout.bodyparts)
    animals = _places(layout.individuals, labels.layout.individuals) if layout.multi else [0]
    unique = _places(layout.unique, labels.layout.unique)
    padded = np.pad(labels.xy, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=np.nan)
    singles = np.pad(labels.unique_xy, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan)
    return Labels(layout, labels.images, padded[:, animals][:, :, parts], singles[:, unique])


def add_missing_images(labels: Labels, others: Labels) -> Labels:
    """``labels``, and the images of ``others`` that are not among them; sorted by video and image."""
    there = set(labels.images)
    new = [row for row, image in enumerate(others.images) if image not in there]
    more = Labels(labels.layout, tuple(others.images[row] for row in new), others.xy[new], others.unique_xy[new])
    return merge_labels([labels, more], labels.layout)


def empty_labels(layout: Layout) -> Labels:
    """Labels of no image."""
    animals, parts, unique = len(layout.individuals), len(layout.bodyparts), len(layout.unique)
    return Labels(layout, (), np.zeros((0, animals, parts, 2)), np.zeros((0, unique, 2)))


def _places(wanted: Sequence[str], there: Sequence[str]) -> list[int]:
    """Where each wanted name is; -1, the last place, for those that are not there."""
    return [there.index(name) if name in there else -1 for name in wanted]


def merged_labels_changed(project: Project, labels: Labels, remade: Collection[Shuffle] = ()) -> bool:
    """Whether the merged labels on disk are missing or others; ``remade`` are shuffles about to be made anew.

    Raises
    ------
    DlcxError
        When other shuffles of the iteration count rows that would move.
    """
    base = project.merged_labels_path
    if not base.with_name(base.name + ".h5").is_file():
        return True
    splits = {path.name for path in project.training_set_dir.glob("Documentation_data-*.pickle")}
    others = sorted(splits - {shuffle.documentation_path.name for shuffle in remade})
    try:
        there = read_labels(base)
    except DlcxError:
        if others:
            raise
        return True
    same_rows = there.images == labels.images and there.layout == labels.layout
    if same_rows and _same(there.xy, labels.xy) and _same(there.unique_xy, labels.unique_xy):
        return False
    if others and not same_rows:
        what = "images" if there.images != labels.images else "bodyparts or individuals"
        raise DlcxError(
            f"the labelled {what} have changed ({len(there)} images then, {len(labels)} now); merging them would give "
            f"the splits of this iteration other test images: {', '.join(others)}",
            hint=f"Start the next round with 'iteration: {project.iteration + 1}' in config.yaml"
            + ("." if tensorflow_shuffles(project) else ", or remake all these shuffles in one call with --overwrite."),
        )
    if others:
        logger.warning(
            "labels were corrected, which changes what older shuffles train on and are compared with: %s",
            ", ".join(others),
        )
    return True


def _same(there: np.ndarray, now: np.ndarray) -> bool:
    """Whether coordinates (pixels, any shape) are equal but for rounding."""
    return bool(np.allclose(there, now, rtol=0, atol=ROUNDING, equal_nan=True))


def _has_labels(project: Project, stem: str) -> bool:
    base = project.labels_path(stem)
    return any(base.with_name(base.name + suffix).is_file() for suffix in (".h5", ".csv"))
