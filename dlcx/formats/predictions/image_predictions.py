"""``image_predictions_<scorer>.h5`` and ``.csv``: poses in images that are not frames of a video.

Key ``predictions``, float32, fixed format of pandas.  Rows are the paths of the images.  The level ``individuals``
exists for a single animal, too.  Animals are in the order of the network, and -1 if fewer were detected.
:mod:`dlcx.formats.predictions.pose_tables` shows the table.  Format: DeepLabCut 3.0.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dlcx.formats.predictions.pose_tables import padded_values, pose_columns, write_csv, write_h5
from dlcx.poses import Layout, Prediction


def write_image_predictions(
    images: Sequence[Path],
    predictions: Sequence[Prediction],
    layout: Layout,
    path: Path,
    scorer: str,
    *,
    csv: bool = True,
) -> None:
    """Write the csv and then the h5, whose existence shows that both files are complete.

    Parameters
    ----------
    images, predictions
        The images and the prediction in each, in pixels of the image.
    layout
        Names of bodyparts and individuals.
    path
        The h5 to write.
    scorer
        Name of the network.
    csv
        Whether to write the csv.

    Raises
    ------
    DlcxError
        If a file cannot be written.
    """
    frame = pd.DataFrame(
        padded_values(predictions, layout),
        index=[str(image) for image in images],
        columns=pose_columns(layout, scorer, individuals=True),
    )
    if csv:
        write_csv(frame, path.with_suffix(".csv"))
    write_h5(frame, path, key="predictions", table=False)
