"""Analyses in which a frame depends on the frames before it: dynamic cropping and CTD tracking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dlcx.errors import DlcxError

if TYPE_CHECKING:
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
    from dlcx.predictors import Conditional, TemporalPredictor

#: Settings of an analysis whose frames are independent, as the chunk store records them.
INDEPENDENT_FRAMES: dict[str, Any] = {"--dynamic-crop": None, "--tracker": None}


@dataclass(frozen=True)
class TemporalMode:
    """Dynamic cropping or CTD tracking, checked against network and project.

    Parameters
    ----------
    net
        The network.
    dynamic_crop
        Score and margin in pixels, see :class:`dlcx.predictors.dynamic_crop.DynamicCropPredictor`; None: CTD tracking.
    """

    net: TrainedNetwork
    dynamic_crop: tuple[float, float] | None

    @classmethod
    def of(cls, net: TrainedNetwork, options: AnalyzeVideoOptions) -> TemporalMode | None:
        """The mode that a call asks for; None if frames are independent.

        Raises
        ------
        DlcxError
            If it does not fit the network, the project or the other options.
        """
        tracks = options.tracker == "ctd"
        if not tracks and options.dynamic_crop is None:
            return None
        if tracks and not net.config.uses_conditions:
            raise DlcxError(
                f"--tracker ctd: {net.config.net_type} does not correct poses of the frame before, only BUCTD nets do",
                hint="ellipse, box and skeleton link what any net finds.",
            )
        mode = cls(net, options.dynamic_crop)
        if options.dynamic_crop is not None:
            mode._check_dynamic_crop(*options.dynamic_crop)
        if options.batch_size not in (None, "auto", 1):
            flag = "--tracker ctd" if tracks else "--dynamic-crop"
            raise DlcxError(f"--batch-size {options.batch_size}: {flag} needs the poses of each frame for the next one")
        return mode

    def _check_dynamic_crop(self, score: float, margin: float) -> None:
        config, layout = self.net.config, self.net.layout
        flag = f"--dynamic-crop {score:g},{margin:g}"
        if not 0 <= score <= 1 or margin < 0:
            raise DlcxError(f"{flag}: expected a score of 0 to 1 and a margin of 0 pixels or more")
        if len(layout.individuals) > 1 or layout.unique:
            raise DlcxError(f"{flag} follows one animal, and the project has more to look for in a frame")
        if config.uses_conditions:
            raise DlcxError(
                f"{flag}: {config.net_type} sees but crops around its conditions anyway",
                hint="--tracker ctd follows the animal.",
            )
        steps = config.data.inference
        if config.uses_full_images and steps and (steps.resize or steps.longest_max_size):
            raise DlcxError(f"{flag}: data.inference would resize crops of any size to the same one")

    @property
    def settings(self) -> dict[str, Any]:
        """What the predictions depend on, as the chunk store records it."""
        tracker = None if self.dynamic_crop else f"ctd, {len(self.net.layout.individuals)} animals"
        return {"--dynamic-crop": list(self.dynamic_crop) if self.dynamic_crop else None, "--tracker": tracker}

    def predictor(self) -> TemporalPredictor:
        """The network, ready to predict consecutive frames."""
        from dlcx.predictors.ctd_tracking import CtdTracking
        from dlcx.predictors.dynamic_crop import DynamicCropPredictor
        from dlcx.predictors.temporal import ResettingPredictor

        predictor = self.net.predictor
        if self.dynamic_crop is None:
            return ResettingPredictor(CtdTracking(cast("Conditional", predictor), len(self.net.layout.individuals)))
        score, margin = self.dynamic_crop
        return ResettingPredictor(DynamicCropPredictor(predictor.local_view(), min_score=score, margin=margin))
