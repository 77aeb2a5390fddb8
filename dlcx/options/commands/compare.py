"""Options of ``dlcx compare``."""

from dataclasses import dataclass

from dlcx.options.base import argument, same_as
from dlcx.options.compute import DeviceOptions
from dlcx.options.limits import SHUFFLE
from dlcx.options.network import ProjectOptions, ShuffleOptions, SnapshotOptions
from dlcx.options.poses import PcutoffOptions


@dataclass(frozen=True, kw_only=True)
class CompareOptions(DeviceOptions, PcutoffOptions, ProjectOptions):
    """Compare networks on the same test images, with confidence intervals."""

    nets: tuple[str | int, ...] = argument(
        "Shuffle numbers, or snapshots such as 1:last; the first is the reference.", "N[:SNAPSHOT]", limits=SHUFFLE
    )
    trainset_index: int | None = same_as(ShuffleOptions, "trainset_index")
    detector_snapshot: str | None = same_as(SnapshotOptions, "detector_snapshot")
