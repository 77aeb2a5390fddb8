"""What an analysis remembers from frame to frame, checked against net and project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.errors import DlcxError

if TYPE_CHECKING:
    from dlcx.predictors import Conditional, Predictor, TemporalPredictor

#: Score and margin in pixels, see :class:`dlcx.predictors.dynamic_crop.DynamicCropPredictor`.
DynamicCrop = tuple[float, float]


@dataclass(frozen=True)
class VideoMemory:
    """Where one animal was (``dynamic_crop``), where all were (``ctd``: CTD tracking), or nothing."""

    net: TrainedNetwork
    dynamic_crop: DynamicCrop | None = None
    ctd: bool = False

    def __post_init__(self) -> None:
        net, layout = self.net.config.net_type, self.net.layout
        if self.ctd and not self.net.config.uses_conditions:
            raise DlcxError(
                f"--tracker ctd: {net} does not correct poses of the frame before, only BUCTD nets do",
                hint="ellipse, box and skeleton link what any net finds.",
            )
        if self.dynamic_crop is None:
            return
        score, margin = self.dynamic_crop
        flag = f"--dynamic-crop {score:g},{margin:g}"
        if not 0 <= score <= 1 or margin < 0:
            raise DlcxError(f"{flag}: expected a score of 0 to 1 and a margin of 0 pixels or more")
        if len(layout.individuals) > 1 or layout.unique:
            raise DlcxError(f"{flag} follows one animal, and the project has more to look for in a frame")
        if self.net.config.uses_conditions:
            raise DlcxError(
                f"{flag}: {net} sees but crops around its conditions anyway", hint="--tracker ctd follows the animal."
            )
        steps = self.net.config.data.inference
        if self.net.config.uses_full_images and steps and (steps.resize or steps.longest_max_size):
            raise DlcxError(f"{flag}: data.inference would resize crops of any size to the same one")

    @property
    def batch_size(self) -> int | None:
        """The only one that fits, None: any."""
        return 1 if self.ctd or self.dynamic_crop else None

    @property
    def settings(self) -> dict[str, Any]:
        """What the numbers depend on."""
        animals = len(self.net.layout.individuals)
        return {
            "--dynamic-crop": list(self.dynamic_crop) if self.dynamic_crop else None,
            "--tracker": f"ctd, {animals} animals" if self.ctd else None,
        }

    def watch(self, predictor: Predictor) -> TemporalPredictor:
        """What looks at the frames, with the net."""
        from dlcx.predictors.ctd_tracking import CtdTracking
        from dlcx.predictors.dynamic_crop import DynamicCropPredictor
        from dlcx.predictors.temporal import IndependentFrames, ResettingPredictor

        if self.ctd:
            return ResettingPredictor(CtdTracking(cast("Conditional", predictor), len(self.net.layout.individuals)))
        if self.dynamic_crop is None:
            return IndependentFrames(predictor)
        score, margin = self.dynamic_crop
        return ResettingPredictor(DynamicCropPredictor(predictor.local_view(), min_score=score, margin=margin))
