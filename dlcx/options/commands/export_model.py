"""Options of ``dlcx export-model``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlcx.options.base import option
from dlcx.options.network import NetworkOptions
from dlcx.options.output import OverwriteOptions


@dataclass(frozen=True, kw_only=True)
class ExportModelOptions(OverwriteOptions, NetworkOptions):
    """Export a trained network to one file, for DeepLabCut-Live or ONNX."""

    format: Literal["pt", "onnx"] = option("pt", "File format: pt for DeepLabCut-Live, or onnx for any ONNX runtime.")
    verify: bool = option(
        False, "Compare the exported network with the original on ten real frames, and print the difference."
    )
    video: Path | None = option(
        None, "Video that provides these frames.", metavar="FILE", show_default="the labeled images"
    )
    out: Path | None = option(
        None,
        "Folder for the file.",
        metavar="DIR",
        panel="Output",
        show_default="exported-models-pytorch, in the project",
    )
