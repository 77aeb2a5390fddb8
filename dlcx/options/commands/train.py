"""Options of ``dlcx train``."""

from dataclasses import dataclass, replace
from typing import Literal, Self

from dlcx.options.base import items, option, same_as
from dlcx.options.cluster import JobOptions
from dlcx.options.compute import BATCH, DeviceOptions, Precision
from dlcx.options.limits import SEED, whole
from dlcx.options.network import ShuffleOptions
from dlcx.options.output import OverwriteOptions
from dlcx.options.training import OverridesOptions

SLURM = JobOptions.panel


@dataclass(frozen=True, kw_only=True)
class TrainOptions(OverwriteOptions, OverridesOptions, DeviceOptions, ShuffleOptions, JobOptions):
    """Train the network of a shuffle (the detector of a top-down network first), or resume an interrupted run.

    pytorch_config.yaml provides all settings that are not given as options. The values of --epochs, --batch-size,
    --seed and --set are written to it.
    """

    epochs: int | None = option(
        None, "Total number of epochs, including those of earlier runs.", limits=whole(0, 10**6)
    )
    detector_epochs: int | None = option(
        None, "Total number of epochs of the detector; 0 skips the detector.", limits=whole(0, 10**6)
    )
    batch_size: int | None = option(
        None, "Images per step, on all devices together.", limits=BATCH, panel="Computation"
    )
    precision: Precision = option("fp32", "Floating-point precision.", panel="Computation")
    engine: Literal["torch", "compile"] = option(
        "torch", "How the network runs: PyTorch, or torch.compile.", panel="Computation"
    )
    compile: bool = option(False, "The same as --engine compile.", panel="Computation", hidden=True)
    workers: int | None = option(
        None,
        "Number of threads that prepare images; has no effect on the result.",
        limits=whole(0, 1024),
        panel="Computation",
    )
    weights: str | None = option(
        None,
        "Initial weights; NAME is a SuperAnimal, such as superanimal_topviewmouse.",
        panel="Network",
        metavar="imagenet|none|NAME|PATH",
        show_default="as given to create-dataset",
    )
    detector_weights: str | None = option(
        None,
        "Initial weights of the detector.",
        panel="Network",
        metavar="coco|none|PATH",
        show_default="as given to create-dataset",
    )
    resume: str = option(
        "auto",
        "Resume the last training if there is one (auto), start over (none), or continue from a snapshot.",
        metavar="auto|none|PATH",
    )
    early_stop: int | None = option(
        None, "Stop after N evaluations without improvement of the key metric.", limits=whole(1, 10**6)
    )
    logger: Literal["csv", "tensorboard", "wandb"] | None = option(
        None, "Additional logger; learning_stats.csv is always written."
    )
    seed: int | None = option(None, "Random seed; the same seed gives the same result.", limits=SEED)
    devices: int = option(
        1,
        "Number of GPUs of this machine (or processes on its CPU) to train on.",
        limits=whole(1, 1024),
        panel="Parallel processing",
    )
    cluster: Literal["slurm"] | None = option(None, "Submit the training as a SLURM job.", panel="Parallel processing")
    nodes: int = option(
        1,
        "Number of nodes that train together, each with --devices processes, by default one per GPU.",
        limits=whole(1, 10**4),
        panel=SLURM,
    )
    gpus: int | None = same_as(JobOptions, "gpus", help="GPUs per node.")
    cpus: int | None = same_as(JobOptions, "cpus", help="CPU cores per process.")
    mem: str | None = same_as(JobOptions, "mem", help="Memory per node, e.g. 32G.")

    def for_one_process(self) -> Self:
        """Return the options for each training process, however it is started."""
        elsewhere = {item.name: item.default for item in items(JobOptions)}
        return replace(self, devices=1, cluster=None, nodes=1, **elsewhere)

    @property
    def node_processes(self) -> int:
        """Number of processes on each node: ``devices`` if it is more than one, otherwise one per GPU."""
        return self.devices if self.devices > 1 else self.gpus or 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.compile:
            object.__setattr__(self, "engine", "compile")
            object.__setattr__(self, "compile", False)
