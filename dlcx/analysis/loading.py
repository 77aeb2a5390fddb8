"""A trained net, ready to predict: what evaluate, analyze-video and analyze-images begin with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.analysis.conditions import ConditionFile, ConditionNet, ConditionSource, chosen_conditions
from dlcx.errors import DlcxError, in_file
from dlcx.formats.project_config import read_project_config
from dlcx.formats.shuffles.model_config import shuffle_config
from dlcx.nets.registry import untrainable
from dlcx.project import DETECTOR, Shuffle, Snapshot
from dlcx.settings.ignored_keys import IN_PREDICTIONS, WITH_DETECTORS, warn_ignored_keys

if TYPE_CHECKING:
    from dlcx.data.labeled_images import LabeledImage
    from dlcx.nets.model import PoseModel
    from dlcx.poses import Instances
    from dlcx.predictors import Finder, Predictor
    from dlcx.settings import Detector, ModelConfig


@dataclass(frozen=True)
class Loaded:
    """One shuffle's configuration, the snapshots that were loaded, and the predictor that runs them.

    ``told`` is what the predictor must be told of a labelled image, because nothing else finds it: boxes around the
    labels for a top-down net without a detector, poses of a file for a conditional one.
    """

    config: ModelConfig
    snapshot: Snapshot
    detector: Snapshot | None
    conditions: ConditionSource | None
    scorer: str
    model: PoseModel
    predictor: Predictor
    device: str
    told: Callable[[LabeledImage], Instances] | None = None


def check_net(
    shuffle: Shuffle,
    *,
    snapshot: str | None = None,
    detector_snapshot: str | None = None,
    conditions: str | Path | None = None,
    device: str = "auto",
    precision: str | None = None,
    engine: str | None = None,
) -> None:
    """Raise what :func:`load_predictor` would, as far as that is known before a network is built or read.

    Raises
    ------
    DlcxError
        When a file, device or package is missing, or a name is unknown.
    """
    _choose(shuffle, snapshot, detector_snapshot, conditions, device, precision, engine)


def _choose(
    shuffle: Shuffle,
    snapshot: str | None,
    detector_snapshot: str | None,
    conditions: str | Path | None,
    device: str,
    precision: str | None,
    engine: str | None,
) -> tuple[ModelConfig, Snapshot, Snapshot | None, ConditionSource | None, str]:
    """The configuration, the snapshots of network and detector, the conditions and the device, all of which exist."""
    config = shuffle_config(shuffle)
    return (
        config,
        chosen_snapshot(shuffle, config, snapshot),
        chosen_detector(shuffle, config, detector_snapshot),
        chosen_conditions(shuffle, config, conditions),
        _checked_device(config, device, precision, engine),
    )


def _checked_device(config: ModelConfig, device: str, precision: str | None, engine: str | None) -> str:
    """The device, once it is known that it is there and can run the engine in that precision."""
    from dlcx.engines.devices import choose_device
    from dlcx.engines.torch import check_engine

    named = str(choose_device(config.device if device == "auto" else device, config.net_type))
    if engine != "auto":
        check_engine(engine or configured_engine(config), precision or configured_precision(config, named), named)
    return named


def load_predictor(
    shuffle: Shuffle,
    *,
    snapshot: str | None = None,
    detector_snapshot: str | None = None,
    conditions: str | Path | None = None,
    device: str = "auto",
    precision: str | None = None,
    engine: str | None = None,
) -> Loaded:
    """Build the net of a shuffle, load a snapshot into it and make its predictor.

    Parameters
    ----------
    snapshot, detector_snapshot
        ``best``, ``last``, an epoch or a path; None: config.yaml's, see :meth:`dlcx.project.Shuffle.snapshot`.
    conditions
        Where a conditional net finds its conditions, see
        :func:`dlcx.analysis.conditions.conditions_block`; default: as its pytorch_config.yaml says.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    precision
        ``fp32``, ``bf16`` or ``fp16``; default: see :func:`configured_precision`.
    engine
        ``torch``, ``compile`` or ``onnx``; default: see :func:`configured_engine`.

    Raises
    ------
    DlcxError
        When the shuffle or snapshot does not exist, cannot be read, or does not fit the other.
    """
    from dlcx.data.labeled_images import labeled_boxes
    from dlcx.formats.weights.snapshot import read_snapshot
    from dlcx.nets.build import build_model
    from dlcx.nets.weights import load_strict
    from dlcx.predictors import create_predictor

    config, chosen, detector, source, named = _choose(
        shuffle, snapshot, detector_snapshot, conditions, device, precision, engine
    )
    engine = engine or configured_engine(config)
    warn_ignored_keys(config, shuffle.model_config_path, IN_PREDICTIONS)
    if config.method == "td":
        warn_ignored_keys(read_project_config(shuffle.project.config_path), shuffle.project.config_path, WITH_DETECTORS)
    with in_file(shuffle.model_config_path):
        model = build_model(config)
    load_strict(model, read_snapshot(chosen.path).model, f"snapshot {chosen.path}")
    finder = None if detector is None else _finder(shuffle, config, detector, device=device, precision=precision)
    if isinstance(source, ConditionNet):
        finder = _condition_finder(source, device=device, precision=precision, engine=engine)
    predictor = create_predictor(
        model,
        config,
        device=device,
        precision=precision or configured_precision(config, named),
        engine=engine,
        finder=finder,
        exported=exported_file(chosen, config) if engine == "onnx" else None,
        frozen=True,
    )
    told: Callable[[LabeledImage], Instances] | None = None
    if config.method == "td" and detector is None:
        told = partial(labeled_boxes, margin=config.data.bbox_margin)
    elif isinstance(source, ConditionFile):
        given = source.given
        told = lambda labeled: given.of_image(labeled.path)  # noqa: E731

    return Loaded(
        config,
        chosen,
        detector,
        source,
        shuffle.scorer(config.net_type, chosen, detector),
        model,
        predictor,
        named,
        told,
    )


def configured_engine(config: ModelConfig) -> str:
    """The engine that pytorch_config.yaml asks for, by ``inference.compile.enabled``."""
    return "compile" if config.inference.compile.enabled else "torch"


def configured_precision(config: ModelConfig | Detector, device: str) -> str:
    """The precision that pytorch_config.yaml asks for, by ``inference.autocast.enabled``.

    On a CPU that is bf16, elsewhere fp16, as torch.autocast and DeepLabCut choose.
    """
    if not config.inference.autocast.enabled:
        return "fp32"
    return "bf16" if device.partition(":")[0] == "cpu" else "fp16"


def exported_file(snapshot: Snapshot, config: ModelConfig) -> Path:
    """Where the engine ``onnx`` keeps the net: beside the snapshot, named by all that it is made from."""
    import torch

    plain = config.plain()
    made_from = json.dumps([plain["model"], plain["method"], plain["net_type"]], sort_keys=True, default=str)
    key = hashlib.sha256(f"{snapshot.fingerprint()} {made_from} torch {torch.__version__}".encode()).hexdigest()
    return snapshot.path.with_name(f"{snapshot.path.stem}.{key[:16]}.onnx")


def chosen_snapshot(shuffle: Shuffle, config: ModelConfig, which: str | None = None) -> Snapshot:
    """:meth:`dlcx.project.Shuffle.snapshot` of the pose net; the hint fits networks that dlcx does not train.

    Raises
    ------
    DlcxError
        When there is no such snapshot.
    """
    named = which is not None and which.endswith(".pt")
    if not named and not shuffle.snapshots() and (reason := untrainable(config.net_type)):
        raise DlcxError(
            f"{shuffle.name} has no {shuffle.prefix()} in {shuffle.train_dir}, and {config.net_type} cannot be "
            f"trained: {reason}",
            hint=shuffle.supply_hint,
        )
    return shuffle.snapshot(which)


def chosen_detector(shuffle: Shuffle, config: ModelConfig, which: str | None = None) -> Snapshot | None:
    """The snapshot of a top-down net's detector; None for other nets, and where none is named and there is none.

    Raises
    ------
    DlcxError
        When a snapshot is asked for that does not exist, or of a net without a detector.
    """
    if config.method != "td":
        if which is not None:
            raise DlcxError(
                f"--detector-snapshot {which}: {config.net_type} of {shuffle.name} has no detector",
                hint="Only top-down networks have one, see `dlcx list-models`.",
            )
        return None
    if which in (None, "best") and not shuffle.snapshots(DETECTOR):
        return None
    return shuffle.snapshot(which, DETECTOR)


def check_detector_flag(shuffles: Sequence[Shuffle], which: str | None) -> None:
    """Refuse ``--detector-snapshot`` where none of several shuffles has a detector.

    Raises
    ------
    DlcxError
        In that case.
    """
    if which is not None and not any(_has_detector(shuffle) for shuffle in shuffles):
        chosen_detector(shuffles[0], shuffle_config(shuffles[0]), which)


def detector_flag_for(shuffle: Shuffle, which: str | None) -> str | None:
    """What ``--detector-snapshot`` says to one of several shuffles; nothing where it has no detector."""
    return which if which is not None and _has_detector(shuffle) else None


def _has_detector(shuffle: Shuffle) -> bool:
    return shuffle_config(shuffle).method == "td"


def _condition_finder(source: ConditionNet, *, device: str, precision: str | None, engine: str) -> Finder:
    """The net that finds the poses which another one corrects."""
    from dlcx.formats.weights.snapshot import read_snapshot
    from dlcx.nets.build import build_model
    from dlcx.nets.weights import load_strict
    from dlcx.predictors import create_predictor

    if source.shuffle is not None:
        predictor = load_predictor(
            source.shuffle, snapshot=str(source.snapshot.path), device=device, precision=precision, engine=engine
        ).predictor
    else:
        model = build_model(source.config)
        load_strict(model, read_snapshot(source.snapshot.path).model, f"snapshot {source.snapshot.path}")
        exported = exported_file(source.snapshot, source.config) if engine == "onnx" else None
        predictor = create_predictor(
            model,
            source.config,
            device=device,
            precision=precision or configured_precision(source.config, device),
            engine=engine,
            exported=exported,
            frozen=True,
        )
    return lambda images: [found.animals.present() for found in predictor.predict(images)]


def _finder(shuffle: Shuffle, config: ModelConfig, snapshot: Snapshot, *, device: str, precision: str | None) -> Finder:
    """The detector of a shuffle, with the weights of a snapshot."""
    from dlcx.formats.weights.snapshot import read_snapshot
    from dlcx.nets.build import build_detector
    from dlcx.nets.weights import load_strict
    from dlcx.predictors.detector import create_detector

    if config.detector is None:
        raise DlcxError("pytorch_config.yaml has no detector", hint="Create the dataset again.")
    with in_file(shuffle.model_config_path):
        model = build_detector(config.detector)
    load_strict(model, read_snapshot(snapshot.path).model, f"snapshot {snapshot.path}")
    most = len(config.metadata.individuals)
    found = create_detector(model, config.detector, most=most, device=device, precision=precision or "fp32")
    if precision is None and (own := configured_precision(config.detector, found.device.type)) != "fp32":
        found = create_detector(model, config.detector, most=most, device=device, precision=own)
    return found.predict
