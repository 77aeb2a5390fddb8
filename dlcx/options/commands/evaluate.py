"""Options of ``dlcx evaluate``."""

from dataclasses import dataclass

from dlcx.options.base import option, same_as
from dlcx.options.compute import BATCH, EngineOptions
from dlcx.options.network import NetworkOptions, ShuffleOptions, SnapshotOptions
from dlcx.options.poses import PcutoffOptions


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(PcutoffOptions, EngineOptions, NetworkOptions):
    """Compare predictions with labels on the training and the test images."""

    shuffle: tuple[int, ...] = same_as(  # type: ignore[assignment]
        ShuffleOptions, "shuffle", default=(1,), help="Shuffle number; repeat for several.", show_default="1"
    )
    snapshot: str | None = same_as(
        SnapshotOptions,
        "snapshot",
        help="Snapshots to evaluate: the best, the last, all, an epoch, or a file.",
        metavar="best|last|all|EPOCH|PATH",
    )
    pcutoff: float | None = same_as(PcutoffOptions, "pcutoff", help="Minimum likelihood of a confident prediction.")
    per_bodypart: bool = option(False, "Also report the error of each bodypart.")
    plot: bool = option(False, "Draw labels and predictions on every image.")
    batch_size: int = option(1, "Images per forward pass.", limits=BATCH, panel="Computation")
