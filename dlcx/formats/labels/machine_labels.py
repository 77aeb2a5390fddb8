"""``machinelabels-iter<I>.h5``: poses that a network predicted in frames chosen for correction.

::

    scorer                            DLC_Resnet50_...        (several animals: a level individuals)
    bodyparts                         snout  snout  snout
    coords                            x      y      likelihood
    labeled-data, vid, img011.png     51.5   102.3  0.39

The file lies beside the images.  pandas, fixed format, key ``df_with_missing``; rows in the order in which the frames
were chosen.  ``machinelabels.csv`` holds the same values.  Format: DeepLabCut 3.0.2.
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
    """Predicted poses in M images with A individuals of K bodyparts and U unique bodyparts.

    Attributes
    ----------
    scorer
        Name of the network.
    layout
        Names of bodyparts and individuals.
    images
        The images, each as ``labeled-data``, folder and file name.
    xy, unique_xy
        Positions (M, A, K, 2) and (M, U, 2) in pixels of the image, x then y.
    score, unique_score
        Likelihoods (M, A, K) and (M, U).
    """

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
        """Return these poses and those of ``others`` in images that are not among them, with the scorer of ``others``.

        Raises
        ------
        DlcxError
            If the bodyparts or individuals differ.
        """
        if others.layout != self.layout:
            raise DlcxError(
                f"existing machine labels are of other bodyparts or individuals: {', '.join(self.layout.bodyparts)}",
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
        If the file is missing or is not a table of poses.
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
    """Write the h5 and, beside it, ``machinelabels.csv``; return both paths."""
    columns = pose_columns(labels.layout, labels.scorer, individuals=labels.layout.multi)
    frame = pd.DataFrame(
        pose_values(labels.xy, labels.score, labels.unique_xy, labels.unique_score).astype(np.float32),
        index=image_index(labels.images),
        columns=level_names(list(columns), [str(name) for name in columns.names]),
    )
    write_h5(frame, path, table=False)
    csv = path.with_name("machinelabels.csv")
    with atomic_file(csv) as temporary:
        frame.to_csv(temporary)
    return path, csv
