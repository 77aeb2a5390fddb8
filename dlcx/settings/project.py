"""Schema of ``config.yaml``: the keys of DeepLabCut 3.0.2 in its order."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import ConfigDict, Field, field_validator, model_validator

from dlcx.settings.base import (
    MAX_BATCH,
    MAX_NUMBER,
    FileName,
    FormatVersion,
    Names,
    Number,
    Settings,
    SnapshotIndex,
    Whole,
)

#: Value of ``bodyparts`` in the files of projects with several animals.
MULTI = "MULTI!"

_ALIASES = {"with_identity": "identity", "unique_bodyparts": "uniquebodyparts"}
_EMPTY_IS_DEFAULT = ("skeleton", "TrainingFraction", "video_sets", "bodyparts")


class VideoSet(Settings):
    """Settings of one video; keys other than ``crop`` are kept."""

    model_config = ConfigDict(extra="allow")

    crop: str | None = Field(None, description="'x1, x2, y1, y2' in pixels.")

    @field_validator("crop", mode="before")
    @classmethod
    def _joined(cls, crop: Any) -> Any:
        return ", ".join(map(str, crop)) if isinstance(crop, list) else crop

    @field_validator("crop")
    @classmethod
    def _four_numbers(cls, crop: str | None) -> str | None:
        if crop is not None and crop.strip():
            parse_crop(crop)
        return crop or None


def parse_crop(crop: str) -> tuple[int, int, int, int]:
    """Parse a crop such as ``'0, 640, 0, 480'`` into x1, x2, y1, y2 in pixels.

    Raises
    ------
    ValueError
        If it does not consist of four integers.
    """
    try:
        x1, x2, y1, y2 = (int(float(part)) for part in crop.split(","))
    except (ValueError, OverflowError):
        raise ValueError(f"expected four integers 'x1, x2, y1, y2', got {crop!r}") from None
    if any(abs(side) > MAX_NUMBER for side in (x1, x2, y1, y2)):
        raise ValueError(f"expected four integers of at most {MAX_NUMBER}, got {crop!r}")
    return x1, x2, y1, y2


class ProjectConfig(Settings):
    """A project: its names, its videos, its defaults."""

    config_version: FormatVersion = 0
    Task: FileName
    scorer: FileName = Field(description="Who labeled; level 0 of the label files.")
    date: FileName = Field(description="Month and day, such as Oct5.")
    multianimalproject: bool = False
    identity: bool | None = Field(None, description="Whether individuals can be distinguished by their appearance.")
    project_path: str = ""
    pose_config_path: str | None = None
    engine: Literal["pytorch", "tensorflow"] = "pytorch"
    video_sets: dict[str, VideoSet | None] = Field({}, description="Path of each video and its crop.")
    bodyparts: Names | Literal["MULTI!"] = Field([])
    individuals: Names = Field(["individual_1"])
    uniquebodyparts: Names = Field([], description="Bodyparts that exist once in an image (multi-animal projects).")
    multianimalbodyparts: Names = Field([], description="Bodyparts of each animal (multi-animal projects).")
    start: Number = Field(
        0.0, ge=0, le=1, description="Start of the range from which frames are extracted, as a fraction of the video."
    )
    stop: Number = Field(1.0, ge=0, le=1)
    numframes2pick: int = Field(20, ge=0, le=10**6, description="Frames to extract from a video.")
    skeleton: list[list[str]] = Field([], description="Pairs of bodyparts drawn as bones.")
    skeleton_color: str = "black"
    pcutoff: Number = Field(0.6, ge=0, le=1, description="Points with a lower likelihood are not drawn or counted.")
    dotsize: int = Field(12, ge=0, le=1000)
    alphavalue: Number = Field(0.7, ge=0, le=1)
    colormap: str = "rainbow"
    TrainingFraction: list[Number] = Field([0.95], description="Fractions of the labeled images used for training.")
    iteration: int | None = Field(
        0, ge=0, le=10**6, description="Number of the round of refinement, used in folder names."
    )
    default_net_type: str = "resnet_50"
    default_augmenter: str | None = "default"
    default_track_method: str | None = None
    snapshotindex: SnapshotIndex | Literal["all"] = "all"
    detector_snapshotindex: SnapshotIndex = -1
    batch_size: int = Field(8, ge=1, le=MAX_BATCH, description="Frames per forward pass in video analysis.")
    detector_batch_size: int = Field(1, ge=1, le=MAX_BATCH)
    cropping: bool = Field(False, description="Whether only x1..x2, y1..y2 is analyzed.")
    x1: Whole | None = 0
    x2: Whole | None = 640
    y1: Whole | None = 277
    y2: Whole | None = 624
    corner2move2: list[Whole] | None = Field([50, 50])
    move2corner: bool | None = True
    SuperAnimalConversionTables: dict[str, dict[str, str]] | None = None
    resnet: int | None = Field(None, ge=0, le=1000)
    croppedtraining: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _older_files(cls, data: Any) -> Any:
        """Apply the reading rules: aliases, and empty values that mean the default."""
        if not isinstance(data, dict):
            return data
        named = {_ALIASES.get(key, key): value for key, value in data.items()}
        empty = {key for key, value in named.items() if value is None and key in cls._never_null()}
        empty |= {key for key in _EMPTY_IS_DEFAULT if named.get(key) == ""}
        kept = {key: value for key, value in named.items() if key not in empty}
        if kept.get("multianimalproject") and not kept.get("bodyparts"):
            kept["bodyparts"] = MULTI
        return kept

    @classmethod
    def _never_null(cls) -> set[str]:
        return {name for name, field in cls.model_fields.items() if type(None) not in get_args(field.annotation)}

    @field_validator("skeleton")
    @classmethod
    def _pairs(cls, skeleton: list[list[str]]) -> list[list[str]]:
        for bone in skeleton:
            if len(bone) != 2 or bone[0] == bone[1]:
                raise ValueError(f"each bone must join two different bodyparts, got {bone}")
        return skeleton

    @field_validator("TrainingFraction")
    @classmethod
    def _shares(cls, fractions: list[Number]) -> list[Number]:
        for fraction in fractions:
            if not 0 <= fraction <= 1:
                raise ValueError(f"each fraction must lie between 0 and 1, got {fraction}")
        return fractions

    @model_validator(mode="after")
    def _fits_together(self) -> ProjectConfig:
        if self.multianimalproject and self.bodyparts != MULTI:
            raise ValueError(f"bodyparts must be {MULTI!r} in a multi-animal project; names go to multianimalbodyparts")
        if not self.multianimalproject and self.bodyparts == MULTI:
            raise ValueError(f"bodyparts is {MULTI!r}, but multianimalproject is false")
        if self.start >= self.stop:
            raise ValueError(f"start must be less than stop, got {self.start} and {self.stop}")
        if self.cropping and None in (self.x1, self.x2, self.y1, self.y2):
            raise ValueError("cropping is true, so x1, x2, y1 and y2 must be set")
        return self
