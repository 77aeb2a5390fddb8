"""Who does the work: processes of this machine, Dask workers, or jobs of SLURM."""

from dataclasses import dataclass
from typing import ClassVar

from dlcx.options.base import Need, Options, option
from dlcx.options.formats import PART
from dlcx.options.limits import whole

_DISTRIBUTED = Need(lambda options: options.cluster or options.devices, "--cluster or --devices")


@dataclass(frozen=True, kw_only=True)
class JobOptions(Options):
    """What is asked of SLURM for a job; None leaves it to the cluster."""

    panel: ClassVar[str] = "SLURM (with --cluster slurm)"

    partition: str | None = option(None, "Partition of the jobs.", metavar="NAME", show_default="the cluster's default")
    time: str | None = option(None, "Time limit of a job: minutes, H:M:S or D-H.", metavar="LIMIT")
    gpus: int | None = option(None, "GPUs per job.", limits=whole(1, 1024))
    cpus: int | None = option(None, "CPU cores per job.", limits=whole(1, 4096))
    mem: str | None = option(None, "Memory per job, e.g. 8G.", metavar="SIZE")
    set_sbatch: tuple[str, ...] = option((), "Another sbatch option; repeat for several.", metavar="KEY=VALUE")
    dry_run: bool = option(False, "Print the sbatch files without submitting them.")


@dataclass(frozen=True, kw_only=True)
class DistributionOptions(JobOptions):
    """How an analysis is divided among processes or jobs."""

    panel: ClassVar[str] = "Parallel processing"

    part: tuple[int, int] | None = option(
        None,
        "Analyze only part I of N of each video; merge-parts joins the parts.",
        format=PART,
        limits=(whole(1, 10**5), whole(1, 10**5)),
    )
    cluster: str | None = option(
        None,
        "Distribute the analysis: as SLURM jobs, over N Dask workers of this machine, or over the workers of a Dask "
        "scheduler.",
        metavar="slurm|local[=N]|dask=ADDRESS",
    )
    devices: int | None = option(
        None,
        "Distribute the analysis over N processes of this machine, each with its own GPU or share of the cores.",
        limits=whole(1, 1024),
    )
    shares: int | None = option(
        None,
        "Number of parts into which --cluster and --devices divide each video.",
        limits=whole(1, 10**5),
        show_default="by length and speed",
        need=_DISTRIBUTED,
    )
    array_parallel: int | None = option(
        None,
        "Maximum number of jobs that run at the same time.",
        limits=whole(1, 10**5),
        panel="SLURM (with --cluster slurm)",
    )
