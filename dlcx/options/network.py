"""Options that select the project, shuffle, and snapshots."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dlcx.options.base import Options, option
from dlcx.options.limits import SHUFFLE, whole


@dataclass(frozen=True, kw_only=True)
class ProjectOptions(Options):
    """The project."""

    panel: ClassVar[str] = "Common options"

    project: Path | None = option(
        None,
        "Project folder, or its config.yaml. Default: $DLCX_PROJECT, else the nearest config.yaml in or above the "
        "working folder.",
        metavar="PATH",
    )


@dataclass(frozen=True, kw_only=True)
class ShuffleOptions(ProjectOptions):
    """The shuffle."""

    panel: ClassVar[str] = "Network"

    shuffle: int = option(1, "Shuffle number.", limits=SHUFFLE)
    trainset_index: int | None = option(
        None,
        "Position of the training fraction in config.yaml's TrainingFraction, counting from 0. Needed only if several "
        "fractions have a shuffle of this number.",
        limits=whole(0, 1000),
        show_default="that of the shuffle",
    )


@dataclass(frozen=True, kw_only=True)
class SnapshotOptions(ShuffleOptions):
    """The shuffle and its trained weights."""

    panel: ClassVar[str] = "Network"

    snapshot: str | None = option(
        None,
        "Snapshot to use: the best, the last, an epoch, or a file.",
        metavar="best|last|EPOCH|PATH",
        show_default="config.yaml's snapshotindex",
    )
    detector_snapshot: str | None = option(
        None,
        "Snapshot of the detector, for top-down networks.",
        metavar="best|last|EPOCH|PATH",
        show_default="config.yaml's detector_snapshotindex",
    )


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(SnapshotOptions):
    """A trained network and how to run it."""

    panel: ClassVar[str] = "Network"

    conditions: str | None = option(
        None,
        "Source of the initial poses for a BUCTD network: a shuffle number or a predictions file.",
        metavar="N[:SNAPSHOT]|FILE",
        show_default="pytorch_config.yaml's inference.conditions",
    )
