"""Options of ``dlcx analyze-video``."""

import re
from dataclasses import dataclass

from dlcx.errors import DlcxError
from dlcx.options.base import option
from dlcx.options.cluster import DistributionOptions, JobOptions
from dlcx.options.compute import ComputeOptions
from dlcx.options.formats import CROP, DYNAMIC_CROP
from dlcx.options.limits import FRACTION, PIXEL, Range
from dlcx.options.network import NetworkOptions
from dlcx.options.output import TableOptions
from dlcx.options.poses import AnalysisOptions, VideosOptions
from dlcx.options.tracking import TrackingOptions
from dlcx.options.video import FrameRange, frames_option


@dataclass(frozen=True, kw_only=True)
class AnalyzeVideoOptions(
    TableOptions, DistributionOptions, TrackingOptions, ComputeOptions, AnalysisOptions, NetworkOptions, VideosOptions
):
    """Estimate the poses in whole videos, or resume an interrupted analysis."""

    frames: FrameRange | None = frames_option("Analyze only frames A to B, B excluded; rows keep their frame numbers.")
    crop: tuple[int, int, int, int] | None = option(
        None,
        "Region of the frame that the network sees; coordinates still refer to the full frame.",
        format=CROP,
        limits=(PIXEL, PIXEL, PIXEL, PIXEL),
        show_default="config.yaml's, if cropping is true",
    )
    dynamic_crop: tuple[float, float] | None = option(
        None,
        "Follow one animal: look only at its last pose plus MARGIN pixels, as long as a keypoint reaches SCORE.",
        format=DYNAMIC_CROP,
        limits=(FRACTION, Range(0, 10**5)),
    )

    def check_distribution(self) -> None:
        """Refuse options of analyses in parts, by hand or distributed, that cannot be used together.

        Raises
        ------
        DlcxError
            Names the two flags.
        """
        cluster, devices = self.cluster, self.devices
        if cluster and not re.fullmatch(r"slurm|local(=[1-9]\d{0,3})?|dask=[a-z]+://\S+:\d+", cluster):
            raise DlcxError(
                f"--cluster {cluster}: expected slurm, local, local=N or dask=ADDRESS",
                hint="An address is what 'dask scheduler' says, e.g. dask=tcp://10.0.0.1:8786.",
            )
        by = f"--cluster {cluster}" if cluster else f"--devices {devices}"
        if cluster and devices:
            raise DlcxError(
                f"{by} and --devices {devices}: one or the other",
                hint="--cluster local=N is Dask's way to N processes; SLURM gets --gpus of each share.",
            )
        given = self.given(JobOptions) or self.given(DistributionOptions, "array_parallel")
        if given and cluster != "slurm":
            raise DlcxError(f"{given[0]} is for --cluster slurm", hint="Add it, or leave the other out.")
        if not (cluster or devices):
            if self.shares:
                raise DlcxError(
                    f"--shares {self.shares} is for --cluster and --devices", hint="--part I/N makes one share."
                )
            if not self.part:
                return
            by = f"--part {self.part[0]}/{self.part[1]}"
            if self.frames:
                raise DlcxError(f"{by} and --frames: one or the other")
        elif self.part:
            raise DlcxError(f"{by} and --part {self.part[0]}/{self.part[1]}: {by} makes and joins all parts itself")
        elif self.frames:
            raise DlcxError(f"{by} and --frames: shares are of whole videos")
        for flag, value, named in (
            ("--engine", self.engine, "torch, compile or onnx"),
            ("--batch-size", self.batch_size, "N"),
        ):
            if value == "auto":
                raise DlcxError(
                    f"{by} and {flag} auto: shares that chose differently could not be joined",
                    hint=f"Name one for all shares: {flag} {named}.",
                )
