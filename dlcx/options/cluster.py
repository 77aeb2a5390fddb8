"""Where a command runs: in processes on this machine, on Dask workers, or as SLURM jobs."""

import re
from dataclasses import dataclass
from typing import ClassVar

from dlcx.errors import DlcxError
from dlcx.options.base import Need, Options, option
from dlcx.options.formats import PART
from dlcx.options.limits import whole

#: Options of sbatch that dlcx sets itself; ``--set-sbatch`` cannot change them.
OWN_KEYS = frozenset({"array", "dependency", "parsable", "test-only", "wait", "wrap"})
_TIME = r"\d+(:\d{1,2}(:\d{1,2})?)?|\d+-\d{1,2}(:\d{1,2}(:\d{1,2})?)?"
_DISTRIBUTED = Need(lambda options: options.cluster or options.devices, "--cluster or --devices")


@dataclass(frozen=True, kw_only=True)
class JobOptions(Options):
    """Resources requested from SLURM for a job; None leaves the choice to the cluster."""

    panel: ClassVar[str] = "SLURM (with --cluster slurm)"

    partition: str | None = option(None, "Partition of the jobs.", metavar="NAME", show_default="the cluster's default")
    time: str | None = option(None, "Time limit of a job: minutes, H:M:S or D-H.", metavar="LIMIT")
    gpus: int | None = option(None, "GPUs per job.", limits=whole(1, 1024))
    cpus: int | None = option(None, "CPU cores per job.", limits=whole(1, 4096))
    mem: str | None = option(None, "Memory per job, e.g. 8G.", metavar="SIZE")
    set_sbatch: tuple[str, ...] = option((), "Another sbatch option; repeat for several.", metavar="KEY=VALUE")
    dry_run: bool = option(False, "Print the sbatch files without submitting them.")

    def __post_init__(self) -> None:
        super().__post_init__()
        for flag, value, pattern, example in (
            ("--time", self.time, _TIME, "90 (minutes), 1:30:00 or 1-12"),
            ("--mem", self.mem, r"\d+[KMGT]?", "8G"),
            ("--partition", self.partition, r"[^\s,]+(,[^\s,]+)*", "gpu"),
        ):
            if value is not None and not re.fullmatch(pattern, value):
                raise DlcxError(f"{flag} '{value}': expected e.g. {example}")
        for key, text in self.more.items():
            if key in OWN_KEYS:
                raise DlcxError(f"--set-sbatch {key}: dlcx sets this option")
            if not re.fullmatch(r"[a-z][a-z0-9-]*", key) or "\n" in (text or ""):
                raise DlcxError(
                    f"--set-sbatch {key}: expected KEY=VALUE with a long option of sbatch, e.g. account=lab"
                )

    @property
    def more(self) -> dict[str, str | None]:
        """``--set-sbatch account=lab --set-sbatch exclusive`` -> {"account": "lab", "exclusive": None}."""
        split = (pair.strip().lstrip("-").partition("=") for pair in self.set_sbatch)
        return {key: value if equals else None for key, equals, value in split}


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
