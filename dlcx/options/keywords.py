"""The keywords of the Python functions, for type checkers.

Written by ``docs/option_keywords.py`` from the dataclasses of :mod:`dlcx.options`.
"""

# ruff: noqa: D101, E501
# fmt: off

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypedDict


class OverwriteKeywords(TypedDict, total=False):
    overwrite: bool


class DemoKeywords(OverwriteKeywords, total=False):
    animals: int
    seed: int


class CopyVideosKeywords(TypedDict, total=False):
    copy_videos: bool


class CreateProjectKeywords(CopyVideosKeywords, total=False):
    folder: str | Path
    date: str | None
    multi: bool
    bodyparts: str | Sequence[str]
    individuals: str | Sequence[str]
    unique: str | Sequence[str]


class AddVideosKeywords(CopyVideosKeywords, total=False):
    crop: tuple[int, int, int, int] | None


class PickingKeywords(TypedDict, total=False):
    method: Literal["kmeans", "uniform"]
    frames: int | None
    seed: int


class ExtractFramesKeywords(PickingKeywords, total=False):
    start: float | None
    stop: float | None
    crop: bool
    step: int
    width: int
    color: bool


class CheckLabelsKeywords(TypedDict, total=False):
    plot: bool
    draw_all: bool
    color_by: Literal["bodypart", "individual"] | None


class CleanLabelsKeywords(TypedDict, total=False):
    drop_unlabeled: bool
    move_images: bool
    to_multi_animal: bool
    individual: str | None
    dry_run: bool


class ImportLabelsKeywords(OverwriteKeywords, total=False):
    images: str | Path | None
    video: str | None
    predicted: bool


class ExportLabelsKeywords(OverwriteKeywords, total=False):
    videos: str | Sequence[str]


class OverridesKeywords(TypedDict, total=False):
    overrides: str | Sequence[str]


class CreateDatasetKeywords(OverwriteKeywords, OverridesKeywords, total=False):
    net_type: str | None
    detector: str | None
    shuffle: int | Sequence[int]
    trainset_index: int | None
    train_fraction: float | None
    train_indices: int | Sequence[int] | str | Path | None
    test_indices: int | Sequence[int] | str | Path | None
    from_shuffle: int | None
    split_by: Literal["frame", "video"]
    seed: int
    weights: str | Path | int
    detector_weights: str | Path | int | None
    conditions: str | Path | int | None


class DeviceKeywords(TypedDict, total=False):
    device: str


class ShuffleKeywords(TypedDict, total=False):
    shuffle: int
    trainset_index: int | None


class JobKeywords(TypedDict, total=False):
    partition: str | None
    time: str | None
    gpus: int | None
    cpus: int | None
    mem: str | None
    set_sbatch: str | Sequence[str]
    dry_run: bool


class TrainKeywords(OverwriteKeywords, OverridesKeywords, DeviceKeywords, ShuffleKeywords, JobKeywords, total=False):
    epochs: int | None
    detector_epochs: int | None
    batch_size: int | None
    precision: Literal["fp32", "bf16", "fp16"]
    engine: Literal["torch", "compile"]
    compile: bool
    workers: int | None
    weights: str | Path | int | None
    detector_weights: str | Path | int | None
    resume: str | Path | int
    early_stop: int | None
    logger: Literal["csv", "tensorboard", "wandb"] | None
    seed: int | None
    devices: int
    cluster: Literal["slurm"] | None
    nodes: int


class PruneSkeletonKeywords(DeviceKeywords, ShuffleKeywords, total=False):
    snapshot: str | Path | int | None
    batch_size: int


class PcutoffKeywords(TypedDict, total=False):
    pcutoff: float | None


class EngineKeywords(DeviceKeywords, total=False):
    engine: Literal["torch", "compile", "onnx", "auto"] | None


class SnapshotKeywords(ShuffleKeywords, total=False):
    snapshot: str | Path | int | None
    detector_snapshot: str | Path | int | None


class NetworkKeywords(SnapshotKeywords, total=False):
    conditions: str | Path | int | None


class EvaluateKeywords(TypedDict, total=False):
    shuffle: int | Sequence[int]
    snapshot: str | Path | int | None
    pcutoff: float | None
    per_bodypart: bool
    plot: bool
    batch_size: int
    trainset_index: int | None
    detector_snapshot: str | Path | int | None
    conditions: str | Path | int | None
    device: str
    engine: Literal["torch", "compile", "onnx", "auto"] | None


class CompareKeywords(DeviceKeywords, PcutoffKeywords, total=False):
    trainset_index: int | None
    detector_snapshot: str | Path | int | None


class BodypartsKeywords(TypedDict, total=False):
    bodyparts: str | Sequence[str]


class ScoreMapsKeywords(OverwriteKeywords, DeviceKeywords, BodypartsKeywords, NetworkKeywords, total=False):
    kinds: Literal["scmap", "locref", "paf"] | Sequence[Literal["scmap", "locref", "paf"]]
    out: str | Path | None


class TableKeywords(OverwriteKeywords, total=False):
    csv: bool


class DistributionKeywords(JobKeywords, total=False):
    part: tuple[int, int] | None
    cluster: str | None
    devices: int | None
    shares: int | None
    array_parallel: int | None


class LinkingKeywords(TypedDict, total=False):
    tracker: Literal["ellipse", "box", "skeleton", "ctd"] | None
    animals: int | None
    relink: bool


class TrackingKeywords(LinkingKeywords, total=False):
    track: bool


class ComputeKeywords(EngineKeywords, total=False):
    precision: Literal["fp32", "bf16", "fp16"] | None
    batch_size: int | Literal["auto"] | None


class AnalysisKeywords(SnapshotKeywords, total=False):
    out: str | Path | None


class AnalyzeVideoKeywords(TableKeywords, DistributionKeywords, TrackingKeywords, ComputeKeywords, AnalysisKeywords, NetworkKeywords, total=False):
    frames: tuple[int | None, int | None] | None
    crop: tuple[int, int, int, int] | None
    dynamic_crop: tuple[float, float] | None


class MergePartsKeywords(TableKeywords, TrackingKeywords, AnalysisKeywords, total=False):
    pass


class AnalyzeImagesKeywords(TypedDict, total=False):
    batch_size: int
    pcutoff: float | None
    out: str | Path | None
    plot: bool
    shuffle: int
    trainset_index: int | None
    snapshot: str | Path | int | None
    detector_snapshot: str | Path | int | None
    conditions: str | Path | int | None
    device: str
    engine: Literal["torch", "compile", "onnx", "auto"] | None
    precision: Literal["fp32", "bf16", "fp16"] | None
    overwrite: bool
    csv: bool


class AllowChangedVideoKeywords(TypedDict, total=False):
    allow_changed_video: bool


class TrackKeywords(TypedDict, total=False):
    tracker: Literal["ellipse", "box", "skeleton"] | None
    identity_only: bool
    min_length: int | None
    max_gap: int | None
    pcutoff: float | None
    max_age: int | None
    min_hits: int | None
    threshold: float | None
    shuffle: int
    trainset_index: int | None
    snapshot: str | Path | int | None
    detector_snapshot: str | Path | int | None
    out: str | Path | None
    allow_changed_video: bool
    animals: int | None
    relink: bool
    overwrite: bool
    csv: bool


class SwapTracksKeywords(TypedDict, total=False):
    last: int | None


class UnfilteredPosesKeywords(AllowChangedVideoKeywords, AnalysisKeywords, total=False):
    tracker: Literal["ellipse", "box", "skeleton", "ctd", "transformer", "none"] | None
    poses: str | Path | None


class FilterPredictionsKeywords(TableKeywords, UnfilteredPosesKeywords, total=False):
    filter: Literal["median", "arima", "spline"]
    window: int
    p_bound: float
    ar: int
    ma: int


class ColormapKeywords(TypedDict, total=False):
    colormap: str | None


class PosesKeywords(UnfilteredPosesKeywords, total=False):
    filtered: bool


class CreateLabeledVideoKeywords(OverwriteKeywords, BodypartsKeywords, ColormapKeywords, PcutoffKeywords, PosesKeywords, total=False):
    dotsize: int | None
    color_by: Literal["bodypart", "individual"]
    skeleton: bool
    trail: int
    boxes: Literal["no", "too", "only"]
    keypoints_only: bool
    frame_number: bool
    legend: bool
    codec: str | None
    fps: float | None
    frames: tuple[int | None, int | None] | None


class EvaluateTracksKeywords(TypedDict, total=False):
    frames: tuple[int | None, int | None] | None
    offset: int
    sigma: float
    threshold: float
    scale: float | None


class PlotTrajectoriesKeywords(OverwriteKeywords, ColormapKeywords, PcutoffKeywords, BodypartsKeywords, PosesKeywords, total=False):
    individuals: str | Sequence[str]
    linewidth: float
    image_type: Literal["png", "pdf", "svg"]
    dpi: int


class AnalyzeSkeletonKeywords(TableKeywords, PcutoffKeywords, PosesKeywords, total=False):
    pass


class ExportPredictionsKeywords(TableKeywords, PosesKeywords, total=False):
    format: Literal["nwb", "h5"]
    split_unique: bool
    split_individuals: bool
    session_start: str | None
    to: str | Path | None


class ReportKeywords(DeviceKeywords, PcutoffKeywords, PosesKeywords, total=False):
    overview: bool


class ExtractOutliersKeywords(CopyVideosKeywords, PickingKeywords, BodypartsKeywords, PosesKeywords, total=False):
    algorithm: Literal["jump", "uncertain", "fitting", "list"]
    epsilon: float
    p_bound: float
    ar: int
    ma: int
    frame_numbers: int | Sequence[int]
    plot: bool


class MergeLabelsKeywords(PcutoffKeywords, total=False):
    accept_machine_labels: bool
    accept_empty: bool
    iteration: int | None


class ExportModelKeywords(OverwriteKeywords, NetworkKeywords, total=False):
    format: Literal["pt", "onnx"]
    verify: bool
    video: str | Path | None
    out: str | Path | None


class ListModelsKeywords(TypedDict, total=False):
    kind: Literal["single", "multi", "detector"] | None
