"""A trained net, ready to predict: what evaluate, analyze-video and analyze-images begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlcx.project import Shuffle, Snapshot

if TYPE_CHECKING:
    from dlcx.nets.model import PoseModel
    from dlcx.predictors import Predictor
    from dlcx.settings import ModelConfig


@dataclass(frozen=True)
class Loaded:
    """One shuffle's configuration, the snapshot that was loaded, and the predictor that runs it."""

    config: ModelConfig
    snapshot: Snapshot
    scorer: str
    model: PoseModel
    predictor: Predictor


def load_predictor(
    shuffle: Shuffle,
    *,
    snapshot: str = "best",
    device: str = "auto",
    precision: str = "fp32",
    engine: str = "torch",
) -> Loaded:
    """Build the net of a shuffle, load a snapshot into it and make its predictor.

    Parameters
    ----------
    snapshot
        ``best``, ``last``, an epoch or a path, see :meth:`dlcx.project.Shuffle.snapshot`.
    device
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    precision
        ``fp32``, ``bf16`` or ``fp16``.
    engine
        ``torch`` or ``compile``.

    Raises
    ------
    DlcxError
        When the shuffle or snapshot does not exist, cannot be read, or does not fit the other.
    """
    from dlcx.formats.model_config import read_model_config
    from dlcx.formats.snapshot import read_snapshot
    from dlcx.nets.build import build_model
    from dlcx.nets.weights import load_strict
    from dlcx.predictors import create_predictor

    config = read_model_config(shuffle.model_config_path)
    chosen = shuffle.snapshot(snapshot)
    model = build_model(config)
    load_strict(model, read_snapshot(chosen.path).model, f"snapshot {chosen.path}")
    predictor = create_predictor(model, config, device=device, precision=precision, engine=engine)
    return Loaded(config, chosen, shuffle.scorer(config.net_type, chosen), model, predictor)
