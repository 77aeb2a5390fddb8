"""``train/dlcx.yaml``: what only dlcx knows of a shuffle; DeepLabCut never reads it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dlcx.settings.base import MAX_SEED, Settings


class DlcxConfig(Settings):
    """What a shuffle was asked to be; the defaults hold where the file is missing."""

    net_type: str | None = Field(None, description="The net as it was asked for; null: see pytorch_config.yaml.")
    weights: str = Field(
        "imagenet",
        description="First weights: imagenet, none, a SuperAnimal, a path, or weight_init: see pytorch_config.yaml.",
    )
    detector: str | None = Field(None, description="The detector as it was asked for; null for nets without one.")
    detector_weights: str | None = Field(
        None, description="Its first weights: coco, none or a path; null: none if the net has none, else coco."
    )
    split: Literal["frame", "video", "given", "shuffle"] = Field(
        "frame", description="How images were divided: drawn one by one, by whole videos, given, or of another shuffle."
    )
    seed: int | None = Field(None, ge=0, le=MAX_SEED, description="The seed that the split was drawn with.")
    from_shuffle: int | None = Field(None, ge=0, le=10**6, description="The shuffle that the split was taken from.")
    overrides: list[str] = Field([], description="--set of create-dataset, as given.")

    @property
    def detector_source(self) -> str:
        """The first weights of the detector."""
        return self.detector_weights or ("none" if self.weights == "none" else "coco")
