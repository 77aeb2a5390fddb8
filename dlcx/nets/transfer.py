"""Transfer of weights from another training: backbones unchanged, heads with their keypoints remapped."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from dlcx.errors import DlcxError
from dlcx.formats.weights.tensor_checks import check_values
from dlcx.heads.keypoint_channels import (
    ChannelMap,
    TensorChannels,
    find_mismatch,
    keypoint_channels,
    remap_channels,
    remap_keypoint_lists,
)
from dlcx.nets.model import PoseModel
from dlcx.settings import ModelConfig

logger = logging.getLogger(__name__)

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Origin:
    """Weights of another network and what is known about their channels.

    Parameters
    ----------
    label
        The user's option, for messages.
    state
        State dict.
    names
        Names of the keypoints of each head; None if they are unknown.
    blocks
        Blocks of the heads in pytorch_config.yaml.
    table
        The project's bodyparts -> the origin's names of them; None if the names are the same.
    numbers
        The project's bodyparts -> the origin's channels, as an alternative to names.
    heads
        Whether to transfer heads in addition to the backbone.
    """

    label: str
    state: State
    names: Mapping[str, Sequence[str]] | None = None
    blocks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    table: Mapping[str, str] | None = None
    numbers: Mapping[str, int] | None = None
    heads: bool = True


def keypoint_names(config: ModelConfig) -> dict[str, tuple[str, ...]]:
    """Return the names of the channels of each head and of the neck: bodyparts, unique bodyparts or individuals."""
    names = config.metadata
    known = {"unique_bodypart": names.unique_bodyparts, "identity": names.individuals}
    return {head: tuple(known.get(head, names.bodyparts)) for head in ("neck", *config.model.heads)}


def fill(model: PoseModel, config: ModelConfig, origin: Origin) -> str:
    """Load the backbone, and each head with the same architecture as the origin's.

    Keypoints that the origin does not have, and heads with another architecture, keep their random weights.

    Parameters
    ----------
    model
        The network, changed in place.
    config
        Its settings.
    origin
        The weights.

    Returns
    -------
    str
        One line on what was loaded.

    Raises
    ------
    DlcxError
        If the backbone does not match.
    """
    own = keypoint_names(config)
    loaded = [_load_backbone(model.backbone, origin, own["bodypart"])]
    parts: dict[str, nn.Module] = {} if model.neck is None else {"neck": model.neck}
    if origin.heads:
        parts |= {f"heads.{name}": head for name, head in model.heads.items()}
    for prefix, module in parts.items():
        name = prefix.removeprefix("heads.")
        title = name if name == prefix else f"head {name}"
        summary, problem = _load_head(module, _submodule(origin.state, prefix), origin, name, own[name])
        if problem:
            logger.warning("%s: the %s keeps random weights: %s", origin.label, title, problem)
        else:
            loaded.append(f"{title}{summary}")
    return f"first weights: {', '.join(loaded)} from {origin.label.removeprefix('--weights ')}"


def _load_backbone(backbone: nn.Module, origin: Origin, bodyparts: Sequence[str]) -> str:
    """Load the backbone, or else the network that it wraps; return what was loaded."""
    state = _submodule(origin.state, "backbone")
    keypoints = _match_keypoints(origin, "bodypart", bodyparts, _count_keypoints(backbone, state, None))
    channels = (keypoints and keypoint_channels(backbone, keypoints, None)) or {}
    problem = _load(backbone, state, channels, origin.label)
    wrapped = getattr(backbone, "wrapped_network", None)
    if problem and wrapped is not None:
        inner = _submodule(state, wrapped) if any(key.startswith(f"{wrapped}.") for key in state) else state
        if not _load(getattr(backbone, wrapped), inner, {}, origin.label):
            logger.warning("%s: the backbone's layers for conditions keep random weights", origin.label)
            return "backbone without conditions"
    if problem:
        raise DlcxError(
            f"{origin.label}: the file does not match the backbone: {problem}", hint="Use a file of the same network."
        )
    return "backbone"


def _load_head(
    module: nn.Module, state: State, origin: Origin, head: str, own: Sequence[str]
) -> tuple[str, str | None]:
    """Load the tensors of a head; return a summary of its keypoints, and the reason if they cannot be loaded."""
    if not state:
        return "", "the file does not contain it"
    block = origin.blocks.get(head)
    count = _count_keypoints(module, state, block)
    keypoints = _match_keypoints(origin, head, own, count)
    if keypoints is None:
        return "", _mismatch_reason(origin, head, own, count)
    channels = keypoint_channels(module, keypoints, block)
    if channels is None and not keypoints.is_identity:
        return "", "its keypoints cannot be remapped"
    if problem := _load(module, remap_keypoint_lists(module, state, keypoints), channels or {}, origin.label):
        return "", problem
    if origin.names is None and origin.numbers is None:
        logger.warning("%s: the names of its keypoints are unknown; '%s' takes them by position", origin.label, head)
    return _summarize_keypoints(origin, head, own, keypoints), None


def _submodule(state: State, prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{prefix}."): value for key, value in state.items() if key.startswith(f"{prefix}.")}


def _match_keypoints(origin: Origin, head: str, own: Sequence[str], count: int | None) -> ChannelMap | None:
    """Map the network's keypoints to the origin's ``count`` keypoints; None if this is not possible."""
    if origin.numbers is not None:
        sources = tuple(origin.numbers.get(name, -1) for name in own)
        size = max(sources) + 1 if count is None else count
        return ChannelMap(sources, size) if max(sources) < size else None
    if origin.names is None:
        return ChannelMap.identity(len(own)) if count in (None, len(own)) else None
    theirs = tuple(origin.names.get(head, ()))
    if count not in (None, len(theirs)):
        return None
    if head == "identity" and tuple(own) != theirs:  # other individuals, whose names may coincide
        return None
    wanted = own if origin.table is None else [origin.table.get(name, "") for name in own]
    return ChannelMap.by_name(wanted, theirs)


def _mismatch_reason(origin: Origin, head: str, own: Sequence[str], count: int | None) -> str:
    if origin.numbers is not None:
        return f"it has {count} keypoints, but channel {max(origin.numbers.values())} is requested"
    if origin.names is None:
        return f"it has {count} keypoints without names, the project {len(own)}"
    if head == "identity":
        return "its individuals are different"
    return f"it has {count} keypoints, but {len(origin.names.get(head, ()))} names"


def _count_keypoints(module: nn.Module, state: State, block: Mapping[str, Any] | None) -> int | None:
    """Number of keypoints in a module's weights, if a dimension of a tensor shows it."""
    for key, dimensions in (keypoint_channels(module, ChannelMap.identity(1), block) or {}).items():
        for dimension, channel_map in dimensions.items():
            if channel_map.size == 1 and key in state and state[key].dim() > dimension:
                return state[key].shape[dimension]
    return None


def _load(module: nn.Module, state: State, channels: TensorChannels, what: str) -> str | None:
    """Load a state dict with remapped channels; return the reason if it does not match.

    Raises
    ------
    DlcxError
        If it matches but contains invalid values.
    """
    own = module.state_dict()
    if problem := find_mismatch(own, state, channels):
        return problem
    check_values({key: value for key, value in state.items() if key in own}, own, what)
    module.load_state_dict(remap_channels(own, state, channels))
    return None


def _summarize_keypoints(origin: Origin, head: str, own: Sequence[str], keypoints: ChannelMap) -> str:
    """Log where each keypoint comes from; return how many were transferred."""
    if keypoints.is_identity:
        return ""
    table = origin.table or {}
    pairs = list(zip(own, keypoints.sources, strict=True))
    kept = [f"{name} from {table[name]}" if name in table else name for name, source in pairs if source >= 0]
    new = [name for name, source in pairs if source < 0]
    logger.info("%s: transferred keypoints: %s; new: %s", head, ", ".join(kept) or "none", ", ".join(new) or "none")
    return f" ({len(kept)} of {len(own)} keypoints" + (f"; new: {', '.join(new)})" if new else ")")
