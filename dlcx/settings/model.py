"""Schema of ``train/pytorch_config.yaml``: the keys of DeepLabCut 3.0.2 in its order.

``Free`` mappings hold arguments of layers, losses, optimizers and so on.  The objects built from them check these.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from dlcx.settings.base import (
    MAX_BATCH,
    MAX_SEED,
    MAX_SIDE,
    AsWritten,
    FormatVersion,
    Free,
    Names,
    Number,
    Probability,
    Settings,
    SnapshotIndex,
    SnapshotPrefix,
    Whole,
)
from dlcx.settings.transforms import Transforms


class ModelSettings(Settings):
    """Layers of the network."""

    backbone: Free = Field(description="Type and its arguments.")
    heads: dict[str, Free] = Field(description="bodypart and, if needed, unique_bodypart and identity.")
    backbone_output_channels: int | None = Field(None, ge=1, le=10**5)
    neck: Free | None = None
    pose_model: Free | None = None


class Metadata(Settings):
    """The project that the shuffle belongs to."""

    project_path: str | None = None
    pose_config_path: str | None = None
    bodyparts: Names
    unique_bodyparts: Names = Field([])
    individuals: Names = Field(["individual_1"])
    with_identity: bool | None = None


Sigma = Annotated[Number, Field(gt=0, le=100)]


class GenerativeSampling(Settings):
    """Simulated errors in the conditions that a BUCTD network is trained with."""

    keypoint_sigmas: Sigma | list[Sigma] = Field(0.1, description="OKS sigma: one value, or one per keypoint.")
    keypoints_symmetry: list[tuple[Whole, Whole]] | None = Field(None, description="Pairs of left and right keypoints.")
    jitter_prob: Probability = 0.16
    swap_prob: Probability = 0.08
    inv_prob: Probability = 0.03
    miss_prob: Probability = 0.10


class Data(Settings):
    """Preprocessing and augmentation of images and labels for the network."""

    bbox_margin: int = Field(
        25, ge=0, le=MAX_SIDE, description="Margin between an animal's keypoints and its box in pixels."
    )
    colormode: Literal["RGB"] = "RGB"
    gen_sampling: GenerativeSampling | None = None
    inference: Transforms | None = None
    train: Transforms | None = None
    loader: Free | None = None


class DetectorData(Settings):
    """Preprocessing and augmentation of images for the detector."""

    colormode: Literal["RGB"] = "RGB"
    inference: Transforms | None = None
    train: Transforms | None = None


class Optimizer(Settings):
    """A class of torch.optim."""

    type: str
    params: Free = Field({})


class Scheduler(Settings):
    """LRListScheduler or a class of torch.optim.lr_scheduler."""

    type: str
    params: Free = Field({})


class SnapshotSettings(Settings):
    """How many snapshots are kept, and how often they are saved."""

    max_snapshots: int = Field(5, ge=1, le=10**6, description="Regular snapshots kept; older ones are deleted.")
    save_epochs: int = Field(25, ge=1, le=10**6, description="Epochs between snapshots.")
    save_optimizer_state: bool = False


class Runner(Settings):
    """The training loop."""

    type: Literal["PoseTrainingRunner", "DetectorTrainingRunner"] = "PoseTrainingRunner"
    gpus: list[Annotated[int, Field(ge=0, le=1024)]] | None = None
    device: str | None = "auto"
    key_metric: str = Field("test.mAP", description="The metric that chooses the best snapshot.")
    key_metric_asc: bool = Field(True, description="Whether larger is better.")
    eval_interval: int = Field(10, ge=1, le=10**6, description="Epochs between evaluations.")
    optimizer: Optimizer = Optimizer(type="AdamW", params={"lr": 1e-4})
    scheduler: Scheduler | None = None
    snapshots: SnapshotSettings = SnapshotSettings()
    snapshot_prefix: SnapshotPrefix | None = Field(None, description="Prefix of the names of snapshots.")
    load_weights_only: bool | None = None


class WeightInit(Settings):
    """Weights of a SuperAnimal model to start from."""

    snapshot_path: str | None = None
    detector_snapshot_path: str | None = None
    dataset: str | None = None
    with_decoder: bool = False
    memory_replay: bool = False
    conversion_array: list[Annotated[int, Field(ge=0, le=10**5)]] | None = None
    bodyparts: list[str] | None = None


class TrainSettings(Settings):
    """Duration and batch size of training."""

    batch_size: int = Field(8, ge=1, le=MAX_BATCH)
    dataloader_workers: int = Field(0, ge=0, le=1024)
    dataloader_pin_memory: bool = False
    display_iters: int = Field(500, ge=1, le=10**6, description="Steps between progress lines.")
    epochs: int = Field(200, ge=0, le=10**6)
    seed: int | None = Field(42, ge=0, le=MAX_SEED)
    weight_init: WeightInit | None = None


class Multithreading(Settings):
    """Reading frames in parallel with prediction."""

    enabled: bool = True
    queue_length: int = Field(4, ge=1, le=10**5)
    timeout: Number = Field(30.0, ge=0, le=10**6, description="Seconds.")


class Compile(Settings):
    """torch.compile."""

    enabled: bool = False
    backend: str = "inductor"


class Autocast(Settings):
    """Mixed precision."""

    enabled: bool = False


class EvalSettings(Settings):
    """Settings of DeepLabCut's evaluation; ``dlcx evaluate`` uses its flags instead."""

    mode: str = "all"
    pcutoff: Probability | list[Probability] | dict[str, Probability] = 0.6
    comparison_bodyparts: str | list[str] | None = "all"
    per_keypoint_evaluation: bool = False
    force_multi_animal: bool = False


class Conditions(AsWritten):
    """Source of the initial poses for a BUCTD network: a predictions file, another shuffle, or a model."""

    source: Literal["file", "shuffle", "model"] | None = None
    filepath: str | None = None
    shuffle: int | None = Field(None, ge=0, le=10**6)
    config: str | None = None
    trainset_index: int = Field(0, ge=0, le=1000)
    modelprefix: str = ""
    snapshot: str | None = None
    snapshot_index: SnapshotIndex | None = None
    config_path: str | None = None
    snapshot_path: str | None = None
    scorer: str | None = None


class Inference(Settings):
    """How predictions are made."""

    multithreading: Multithreading = Multithreading()
    compile: Compile = Compile()
    autocast: Autocast = Autocast()
    conditions: Conditions | str | None = None
    snapshot: SnapshotIndex | Annotated[str, Field(strict=True)] | list[Any] | None = None
    eval: EvalSettings | None = EvalSettings()
    output_dir: str | None = None


class DetectorModel(Settings):
    """Layers of the detector."""

    type: str
    freeze_bn_stats: bool = False
    freeze_bn_weights: bool = False
    variant: str | None = None
    box_score_thresh: Probability = 0.01


class DetectorConfig(Settings):
    """The detector of a top-down network."""

    model: DetectorModel
    device: str = "auto"
    data: DetectorData
    runner: Runner = Runner(type="DetectorTrainingRunner", key_metric="test.mAP@50:95")
    train_settings: TrainSettings = TrainSettings()
    inference: Inference = Inference()
    resume_training_from: str | None = None


class ModelConfig(Settings):
    """Network, data and training of a shuffle."""

    config_version: FormatVersion = 0
    model: ModelSettings
    net_type: str
    method: Literal["bu", "td", "ctd"] = Field(description="Bottom-up, top-down or conditional top-down.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps.")
    metadata: Metadata
    data: Data
    runner: Runner = Runner()
    train_settings: TrainSettings = TrainSettings()
    inference: Inference = Inference()
    logger: Free | None = None
    with_center_keypoints: bool = Field(False, description="Add the animal's center as a keypoint (DEKR).")
    detector: DetectorConfig | None = None
    resume_training_from: str | None = None

    @property
    def uses_detector(self) -> bool:
        """Whether a detector finds the animals, in whose boxes the network estimates the poses (top-down)."""
        return self.method == "td"

    @property
    def uses_conditions(self) -> bool:
        """Whether the network corrects given poses (conditional top-down)."""
        return self.method == "ctd"

    @property
    def uses_full_images(self) -> bool:
        """Whether the network finds all animals of an image in one pass (bottom-up)."""
        return self.method == "bu"

    @field_validator("net_type")
    @classmethod
    def _canonical(cls, name: str) -> str:
        return "dlcrnet_stride16_ms5" if name == "dlcrnet_ms5" else name

    @model_validator(mode="after")
    def _has_head(self) -> ModelConfig:
        if not self.model.heads:
            raise ValueError("model.heads must name at least one head")
        return self

    @model_validator(mode="after")
    def _check_runner_types(self) -> ModelConfig:
        for where, found, wanted in (
            ("runner", self.runner, "PoseTrainingRunner"),
            ("detector.runner", self.detector and self.detector.runner, "DetectorTrainingRunner"),
        ):
            if found and found.type != wanted:
                raise ValueError(f"{where}.type must be {wanted}, got {found.type}")
        return self

    @model_validator(mode="after")
    def _prefixes_differ(self) -> ModelConfig:
        prefix = self.runner.snapshot_prefix or "snapshot"
        detector_prefix = (self.detector and self.detector.runner.snapshot_prefix) or "snapshot-detector"
        if prefix == detector_prefix:
            raise ValueError(f"runner.snapshot_prefix {prefix!r} is also the prefix of the detector's snapshots")
        return self
