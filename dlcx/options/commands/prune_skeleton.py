"""Options of ``dlcx prune-skeleton``."""

from dataclasses import dataclass

from dlcx.options.base import option, same_as
from dlcx.options.compute import BATCH, DeviceOptions
from dlcx.options.network import ShuffleOptions, SnapshotOptions


@dataclass(frozen=True, kw_only=True)
class PruneSkeletonOptions(DeviceOptions, ShuffleOptions):
    """Keep the skeleton edges of a network that best tell its animals apart."""

    snapshot: str | None = same_as(SnapshotOptions, "snapshot")
    batch_size: int = option(1, "Images per forward pass.", limits=BATCH, panel="Computation")
