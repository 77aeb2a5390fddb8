"""Options of ``dlcx create-dataset``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dlcx.options.base import Need, option, same_as
from dlcx.options.limits import FRAME, SEED, SHUFFLE, Range
from dlcx.options.network import ProjectOptions, ShuffleOptions
from dlcx.options.output import OverwriteOptions
from dlcx.options.training import OverridesOptions

_RANDOM = Need(
    lambda options: not (options.train_indices or options.test_indices or options.from_shuffle),
    "a call without --train-indices, --test-indices and --from-shuffle",
)
#: Row numbers, or paths in a text file.
Images = tuple[int, ...] | Path | None


@dataclass(frozen=True, kw_only=True)
class CreateDatasetOptions(OverwriteOptions, OverridesOptions, ProjectOptions):
    """Create a training dataset: merge the labels, split them, and write the configuration of a network."""

    net_type: str | None = option(
        None,
        "Network architecture; `dlcx list-models` lists them.",
        panel="Network",
        metavar="NAME",
        show_default="config.yaml's default_net_type",
    )
    detector: str | None = option(
        None, "Detector of a top-down network.", panel="Network", metavar="NAME", show_default="ssdlite"
    )
    shuffle: tuple[int, ...] = option(
        (),
        "Shuffle number; repeat for several.",
        panel="Network",
        limits=SHUFFLE,
        show_default="1, or the next free number if TensorFlow or another fraction uses it",
    )
    trainset_index: int | None = same_as(
        ShuffleOptions,
        "trainset_index",
        help="Position of the training fraction in config.yaml's TrainingFraction, counting from 0.",
        show_default="that of an existing --shuffle or --from-shuffle, else 0",
    )
    train_fraction: float | None = option(
        None,
        "Fraction of training images; added to TrainingFraction in config.yaml.",
        limits=Range(0.01, 1),
        show_default="the fraction of --trainset-index",
    )
    train_indices: Images = option(
        None, "Training images: a text file of row numbers or paths.", metavar="FILE", limits=FRAME
    )
    test_indices: Images = option(
        None, "Test images: a text file of row numbers or paths.", metavar="FILE", limits=FRAME
    )
    from_shuffle: int | None = option(None, "Use the split of this shuffle, to compare networks.", limits=SHUFFLE)
    split_by: Literal["frame", "video"] = option("frame", "Assign single frames or whole videos to training and test.")
    seed: int = option(42, "Random seed; a different seed gives a different split.", limits=SEED, need=_RANDOM)
    weights: str = option(
        "imagenet",
        "Initial weights; NAME is a SuperAnimal, such as superanimal_topviewmouse.",
        panel="Network",
        metavar="imagenet|none|NAME|PATH",
    )
    detector_weights: str | None = option(
        None,
        "Initial weights of the detector.",
        panel="Network",
        metavar="coco|none|PATH",
        show_default="coco; none with --weights none",
    )
    conditions: str | None = option(
        None,
        "Source of the initial poses for a BUCTD network: a shuffle number or a predictions file.",
        panel="Network",
        metavar="N[:SNAPSHOT]|FILE",
    )
