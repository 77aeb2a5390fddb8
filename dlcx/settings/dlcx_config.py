"""``train/dlcx.yaml``: settings of a shuffle that only dlcx uses; DeepLabCut does not read the file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dlcx.settings.base import MAX_SEED, Settings


class DlcxConfig(Settings):
    """How a shuffle was created; without the file, the defaults apply."""

    net_type: str | None = Field(
        None, description="Network type as given to create-dataset; null: see pytorch_config.yaml."
    )
    weights: str = Field(
        "imagenet",
        description="Initial weights: imagenet, none, a SuperAnimal, a path, or weight_init (pytorch_config.yaml).",
    )
    detector: str | None = Field(None, description="Detector as given to create-dataset; null: none.")
    detector_weights: str | None = Field(
        None,
        description="Its initial weights: coco, none or a path; null: none if weights is none, else coco.",
    )
    split: Literal["frame", "video", "given", "shuffle"] = Field(
        "frame",
        description="How the images were split: by frame or by video at random, given, or as in another shuffle.",
    )
    seed: int | None = Field(None, ge=0, le=MAX_SEED, description="Seed of the random split.")
    from_shuffle: int | None = Field(None, ge=0, le=10**6, description="Shuffle whose split was reused.")
    overrides: list[str] = Field([], description="Values of create-dataset --set.")

    @property
    def detector_source(self) -> str:
        """Initial weights of the detector."""
        return self.detector_weights or ("none" if self.weights == "none" else "coco")
