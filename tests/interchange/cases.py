"""The exchanged networks, one case each: project, weights and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Source:
    """A project of which small copies are made, scaled to ``size`` (w, h) pixels.

    ``identity`` replaces the value in config.yaml, because DeepLabCut does not allow top-down networks with it.
    """

    folder: str
    size: tuple[int, int]
    identity: bool | None = None
    images: int = 16
    frames: int = 24


# About half of openfield's 640x480, but not a multiple of any stride, to test the rounding of sizes.
OPENFIELD = Source("openfield-Pranav-2018-10-30", (338, 254))
# DeepLabCut pads the images of HRNet on a random side unless their sizes are multiples of 32.
OPENFIELD_32 = Source("openfield-Pranav-2018-10-30", (320, 256))
FLIES = Source("flypair24", (128, 128), frames=20)
FLIES_UNNAMED = replace(FLIES, identity=False)


@dataclass(frozen=True)
class Weights:
    """Arguments of ``fill_weights``: random weights that produce clear maps, unlike the usual initialization."""

    gain: float
    head_gain: float = 1.0
    heat_bias: float = 0.0
    seed: int = 1

    @property
    def words(self) -> tuple[float, ...]:
        """Return the values in the order of the command line."""
        return (self.seed, self.gain, self.head_gain, self.heat_bias)


SSDLITE = Weights(1.5)
# About a dozen peaks per bodypart, some below the threshold; DeepLabCut scores every pair of them.
PAF_WEIGHTS = Weights(1.0, 1.2, -9.0)
SNAPSHOT, DETECTOR = "snapshot", "snapshot-detector"


def crop_sampling(side: int) -> dict[str, Any]:
    """Return settings that train networks for whole images on squares of ``side`` pixels."""
    return {f"data.train.crop_sampling.{edge}": side for edge in ("width", "height")}


def crops(side: int) -> dict[str, Any]:
    """Return settings for networks on crops of ``side`` x ``side`` pixels."""
    return {f"data.{use}.top_down_crop.{edge}": side for use in ("train", "inference") for edge in ("width", "height")}


# Slightly fewer edges than all: if all are kept, DeepLabCut's evaluation selects edges based on the test images.
FEWER_EDGES = {"model.heads.bodypart.predictor.edges_to_keep": list(range(66))}
# With a low learning rate, the maps remain clear.
GENTLE = {"runner.optimizer.params.lr": 1e-5}
NO_WORKERS = {"train_settings.dataloader_workers": 0}
# No keypoints outside the image: for these, DeepLabCut's evaluation computes a different box than its analysis.
NEAR_THE_CELL = {"model.heads.bodypart.predictor.locref_stdev": 0.1}


@dataclass(frozen=True)
class Case:
    """A network to exchange.

    Without ``weights``, the network starts from random weights.  With ``trained`` False, the weights are saved as a
    snapshot without training.  ``conditions`` is the network of shuffle 1 that provides the initial poses of a
    conditional network in shuffle 2.  With ``any_order``, the two programs intentionally order the animals of an image
    differently: those of DEKR, and single animals with an identity.
    """

    net_type: str
    source: Source
    weights: Weights | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    detector: str | None = None
    conditions: Case | None = None
    trained: bool = True
    any_order: bool = False
    epochs: int = 2
    batch_size: int = 4

    @property
    def shuffle(self) -> int:
        """Shuffle number."""
        return 2 if self.conditions else 1

    @property
    def several(self) -> bool:
        """Whether the project has several animals."""
        return self.source.folder == FLIES.folder

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Prefixes of the snapshot names: of the network and of its detector."""
        return (SNAPSHOT, DETECTOR) if self.detector else (SNAPSHOT,)

    @property
    def overrides(self) -> dict[str, Any]:
        """Keys of pytorch_config.yaml with values for a short training."""
        often = {"runner.snapshots.save_epochs": 1}
        if self.detector:
            often |= {"detector.runner.snapshots.save_epochs": 1, "detector.train_settings.batch_size": self.batch_size}
        return often | dict(self.settings)


CONDITIONS = Case(
    "resnet_50",
    FLIES_UNNAMED,
    PAF_WEIGHTS,
    crop_sampling(128) | FEWER_EDGES | NEAR_THE_CELL,
    trained=False,
)
CASES = {
    "resnet_50": Case("resnet_50", OPENFIELD, None, crop_sampling(128)),
    "resnet_101": Case("resnet_101", OPENFIELD, None, crop_sampling(128)),
    "hrnet_w18": Case("hrnet_w18", OPENFIELD_32, Weights(0.42, 0.00235), crop_sampling(128) | GENTLE),
    "cspnext_s": Case("cspnext_s", OPENFIELD, Weights(2.44, 0.00606), crop_sampling(128) | GENTLE),
    "resnet_50_flies": Case("resnet_50", FLIES, PAF_WEIGHTS, crop_sampling(128) | GENTLE | FEWER_EDGES, any_order=True),
    "dlcrnet_stride16_ms5": Case(
        "dlcrnet_stride16_ms5", FLIES, Weights(1.1, 0.116), crop_sampling(128) | GENTLE | FEWER_EDGES, any_order=True
    ),
    "dekr_w18": Case("dekr_w18", FLIES, Weights(0.42, 0.03, seed=4), crop_sampling(128) | GENTLE, any_order=True),
    "top_down_resnet_50": Case(
        "top_down_resnet_50", FLIES_UNNAMED, Weights(1.0, 0.0996), crops(128) | GENTLE, detector="ssdlite"
    ),
    "rtmpose_s": Case("rtmpose_s", FLIES_UNNAMED, Weights(2.26), GENTLE | NO_WORKERS, detector="ssdlite"),
    "ctd_prenet_rtmpose_s": Case(
        "ctd_prenet_rtmpose_s", FLIES_UNNAMED, Weights(1.81), GENTLE | NO_WORKERS, conditions=CONDITIONS
    ),
    "animaltokenpose_base": Case(
        "animaltokenpose_base", FLIES_UNNAMED, Weights(0.42, 0.0213), detector="ssdlite", trained=False
    ),
}
#: One network of every family; the others run only on request.
FAMILIES = tuple(name for name in CASES if name != "resnet_101")
