"""Loading a trained network: layers, weights, engine, and what finds boxes or initial poses for it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.analysis.conditions import ConditionNetwork
from dlcx.errors import DlcxError, in_file
from dlcx.formats.project_config import read_project_config
from dlcx.project import Snapshot
from dlcx.settings.ignored_keys import IN_PREDICTIONS, WITH_DETECTORS, warn_ignored_keys

if TYPE_CHECKING:
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.nets.model import PoseModel
    from dlcx.predictors import ConditionDetector, Predictor
    from dlcx.settings import DetectorConfig, ModelConfig


@dataclass(frozen=True)
class LoadedNetwork:
    """The layers of a network with its weights, and the predictor that runs them."""

    model: PoseModel
    predictor: Predictor


def configured_engine(config: ModelConfig) -> str:
    """The engine that ``inference.compile.enabled`` of pytorch_config.yaml asks for."""
    return "compile" if config.inference.compile.enabled else "torch"


def configured_precision(config: ModelConfig | DetectorConfig, device: str) -> str:
    """The precision that ``inference.autocast.enabled`` of pytorch_config.yaml asks for.

    Mixed precision is bf16 on a CPU and fp16 elsewhere, as in torch.autocast and DeepLabCut.
    """
    if not config.inference.autocast.enabled:
        return "fp32"
    return "bf16" if device.partition(":")[0] == "cpu" else "fp16"


def exported_path(snapshot: Snapshot, config: ModelConfig) -> Path:
    """The ONNX file of a network, beside its snapshot; the name is a digest of everything that it is made from."""
    import torch

    plain = config.plain()
    made_from = json.dumps([plain["model"], plain["method"], plain["net_type"]], sort_keys=True, default=str)
    key = hashlib.sha256(f"{snapshot.fingerprint()} {made_from} torch {torch.__version__}".encode()).hexdigest()
    return snapshot.path.with_name(f"{snapshot.path.stem}.{key[:16]}.onnx")


def load_network(network: TrainedNetwork) -> LoadedNetwork:
    """Build the layers of a network, read the weights into them, and make the predictor in the network's engine.

    Raises
    ------
    DlcxError
        If a snapshot cannot be read or does not fit the configuration.
    """
    from dlcx.nets.build import build_model

    network.check()
    shuffle, config = network.shuffle, network.config
    warn_ignored_keys(config, shuffle.model_config_path, IN_PREDICTIONS)
    if config.uses_detector:
        project_config = shuffle.project.config_path
        warn_ignored_keys(read_project_config(project_config), project_config, WITH_DETECTORS)
    with in_file(shuffle.model_config_path):
        model = build_model(config)
    return _with_weights(network, model, config, network.snapshot, _condition_detector(network))


def _condition_detector(network: TrainedNetwork) -> ConditionDetector | None:
    """What finds boxes or initial poses for the network: its detector, or another network."""
    from dlcx.nets.build import build_model

    source = network.conditions
    if isinstance(source, ConditionNetwork):
        if source.shuffle is None:
            model = build_model(source.config)
            predictor = _with_weights(network, model, source.config, source.snapshot, None).predictor
        else:
            other = replace(
                network,
                shuffle=source.shuffle,
                config=source.config,
                snapshot=source.snapshot,
                detector=source.detector,
                requested_conditions=None,
                _loaded={},
            )
            predictor = other.predictor
        return lambda images: [found.animals.present() for found in predictor.predict(images)]
    return None if network.detector is None else _detector(network, network.detector)


def _with_weights(
    network: TrainedNetwork,
    model: PoseModel,
    config: ModelConfig,
    snapshot: Snapshot,
    detector: ConditionDetector | None,
) -> LoadedNetwork:
    """Read the weights of ``model`` and make its predictor, on the device and in the engine of ``network``."""
    from dlcx.formats.weights.snapshot import read_snapshot
    from dlcx.nets.weights import load_strict
    from dlcx.predictors import create_predictor

    load_strict(model, read_snapshot(snapshot.path).model, f"snapshot {snapshot.path}")
    predictor = create_predictor(
        model,
        config,
        device=network.device,
        precision=network.requested_precision or configured_precision(config, network.device),
        engine=network.engine,
        detector=detector,
        exported=exported_path(snapshot, config) if network.engine == "onnx" else None,
        frozen=True,
    )
    return LoadedNetwork(model, predictor)


def _detector(network: TrainedNetwork, snapshot: Snapshot) -> ConditionDetector:
    """The detector of a top-down network, with its weights."""
    from dlcx.formats.weights.snapshot import read_snapshot
    from dlcx.nets.build import build_detector
    from dlcx.nets.weights import load_strict
    from dlcx.predictors.detector import create_detector, detector_device

    config = network.config.detector
    if config is None:
        raise DlcxError("pytorch_config.yaml has no detector", hint="Create the dataset again.")
    with in_file(network.shuffle.model_config_path):
        model = build_detector(config)
    load_strict(model, read_snapshot(snapshot.path).model, f"snapshot {snapshot.path}")
    max_animals = len(network.config.metadata.individuals)
    device = detector_device(config, network.device)  # may differ from the network's, and so may the precision
    precision = network.requested_precision or configured_precision(config, device.type)
    detector = create_detector(model, config, max_animals=max_animals, device=str(device), precision=precision)
    return detector.predict
