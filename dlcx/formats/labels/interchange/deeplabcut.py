"""``CollectedData_<scorer>.h5`` and ``.csv`` of another DeepLabCut project."""

from __future__ import annotations

from pathlib import Path

from dlcx.formats.labels.imported_labels import ImportedLabels
from dlcx.formats.labels.registry import LabelExport, label_reader, label_writer


@label_reader("DeepLabCut", suffixes=(".h5", ".csv"))
def read_deeplabcut(path: Path, *, predicted: bool = False) -> ImportedLabels:
    """Read a DeepLabCut label file; it never holds predictions.

    Raises
    ------
    DlcxError
        If the file is missing or is not a table of labels.
    """
    from dlcx.formats.labels.collected_data import read_labels

    return ImportedLabels.from_labels(read_labels(path))


@label_writer("DeepLabCut", suffixes=(".h5", ".csv"), written_together=True)
def write_deeplabcut(export: LabelExport, path: Path) -> None:
    """Write the h5 and the csv.

    Raises
    ------
    DlcxError
        If a file cannot be written.
    """
    from dlcx.formats.labels.collected_data import write_labels

    write_labels(export.labels, path.with_suffix(""), export.scorer)
