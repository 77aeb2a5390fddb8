"""``image_predictions_<scorer>.h5`` and ``.csv``: poses in images that are no frames of a video, as DeepLabCut 3.0.2.

Key ``predictions``, float32, pandas' fixed format; rows are the images' paths; the level ``individuals`` is there for
a single animal too.  Animals are in the net's order, -1 where fewer were found.  The table itself is drawn in
:mod:`dlcx.formats.predictions.pose_tables`.
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
    """Write the csv, if it is wanted, and then the h5, which says that all is there: one row an image.

    Raises
    ------
    DlcxError
        When a file cannot be written.
    """
    frame = pd.DataFrame(
        padded_values(predictions, layout),
        index=[str(image) for image in images],
        columns=pose_columns(layout, scorer, individuals=True),
    )
    if csv:
        write_csv(frame, path.with_suffix(".csv"))
    write_h5(frame, path, key="predictions", table=False)
