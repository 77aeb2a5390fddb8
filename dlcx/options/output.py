"""Options for output files and for overwriting existing ones."""

from dataclasses import dataclass
from typing import ClassVar

from dlcx.options.base import Options, option


@dataclass(frozen=True, kw_only=True)
class OverwriteOptions(Options):
    """Whether existing results are replaced."""

    panel: ClassVar[str] = "Output"

    overwrite: bool = option(False, "Replace existing results.")


@dataclass(frozen=True, kw_only=True)
class TableOptions(OverwriteOptions):
    """Tables as h5 and csv."""

    panel: ClassVar[str] = "Output"

    csv: bool = option(True, "Write a csv file next to the h5 file.")
