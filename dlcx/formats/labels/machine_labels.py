"""``machinelabels-iter<I>.h5``: poses that a net found in frames chosen for correction, beside their images.

::

    scorer                            DLC_Resnet50_...        (several animals: a level individuals)
    bodyparts                         snout  snout  snout
    coords                            x      y      likelihood
    labeled-data, vid, img011.png     51.5   102.3  0.39

pandas, fixed format, key ``df_with_missing``; rows in the order in which frames were chosen.  ``machinelabels.csv``
says the same.  Format: DeepLabCut 3.0.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import image_index, level_names, read_image_names
from dlcx.formats.predictions.pose_tables import pose_columns, pose_values, read_h5, split_table, write_h5
from dlcx.outputs import atomic_file
from dlcx.poses import Layout

Image = tuple[str, str, str]


@dataclass(frozen=True)
class MachineLabels:
    """Poses of M images: xy (M, A, K, 2) in pixels, score (M, A, K), unique_xy (M, U, 2), unique_score (M, U)."""

    scorer: str
    layout: Layout
    images: tuple[Image, ...]
    xy: np.ndarray
    score: np.ndarray
    unique_xy: np.ndarray
    unique_score: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def add_missing_images(self, others: MachineLabels) -> MachineLabels:
        """These, and the images of ``others`` that are not among them, under the others' scorer.

        Raises
        ------
        DlcxError
            When they are of other bodyparts or individuals.
        """
        if others.layout != self.layout:
            raise DlcxError(
                f"machine labels of other bodyparts or individuals are there: {', '.join(self.layout.bodyparts)}",
                hint="Correct and merge them first (`dlcx merge-labels`), or delete the file.",
            )
        new = [row for row, image in enumerate(others.images) if image not in set(self.images)]
        join = {
            name: np.concatenate([getattr(self, name), getattr(others, name)[new]])
            for name in ("xy", "score", "unique_xy", "unique_score")
        }
        return MachineLabels(others.scorer, self.layout, (*self.images, *(others.images[row] for row in new)), **join)


def read_machine_labels(path: Path) -> MachineLabels:
    """Read a file of machine labels.

    Raises
    ------
    DlcxError
        When it is missing or no such table.
    """
    frame = read_h5(path)
    frame, scorer, layout = split_table(frame, path)
    values = frame.to_numpy(np.float32).reshape(len(frame), len(frame.columns) // 3, 3)
    animals, parts = len(layout.individuals), len(layout.bodyparts)
    poses = values[:, : animals * parts].reshape(len(frame), animals, parts, 3)
    unique = values[:, animals * parts :]
    images = tuple(read_image_names(frame.index, path))
    return MachineLabels(scorer, layout, images, poses[..., :2], poses[..., 2], unique[..., :2], unique[..., 2])


def write_machine_labels(labels: MachineLabels, path: Path) -> tuple[Path, Path]:
    """Write the h5 and, beside it, ``machinelabels.csv``; returns both."""
    columns = pose_columns(labels.layout, labels.scorer, individuals=labels.layout.multi)
    frame = pd.DataFrame(
        pose_values(labels.xy, labels.score, labels.unique_xy, labels.unique_score).astype(np.float32),
        index=image_index(labels.images),
        columns=level_names(list(columns), [str(name) for name in columns.names]),
    )
    write_h5(frame, path, table=False)
    csv = path.with_name("machinelabels.csv")
    with atomic_file(csv) as beside:
        frame.to_csv(beside)
    return path, csv
