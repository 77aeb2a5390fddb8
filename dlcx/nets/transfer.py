"""Weights of another training: the backbone as it is, heads with their keypoints moved to where this net has them."""

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
    """A net's weights and what is known of their channels.

    ``names`` are the keypoints of each head, or None where nothing says so; ``blocks`` the heads' blocks of its
    pytorch_config.yaml.  ``table`` gives own bodyparts as the origin calls them, None where both call them the same;
    ``numbers`` gives the origin's channels of own bodyparts, in place of names.
    """

    label: str
    state: State
    names: Mapping[str, Sequence[str]] | None = None
    blocks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    table: Mapping[str, str] | None = None
    numbers: Mapping[str, int] | None = None
    heads: bool = True


def keypoint_names(config: ModelConfig) -> dict[str, tuple[str, ...]]:
    """What the keypoints of each head (and of a neck) stand for: bodyparts, unique bodyparts, individuals."""
    names = config.metadata
    known = {"unique_bodypart": names.unique_bodyparts, "identity": names.individuals}
    return {head: tuple(known.get(head, names.bodyparts)) for head in ("neck", *config.model.heads)}


def fill(model: PoseModel, config: ModelConfig, origin: Origin) -> str:
    """Fill the backbone, and each head that is built like the origin's; says in a line what was taken.

    Keypoints that the origin does not have, and heads that are built otherwise, keep their random weights.

    Raises
    ------
    DlcxError
        When the backbone does not fit.
    """
    own = keypoint_names(config)
    taken = [_fill_backbone(model.backbone, origin, own["bodypart"])]
    parts: dict[str, nn.Module] = {} if model.neck is None else {"neck": model.neck}
    if origin.heads:
        parts |= {f"heads.{name}": head for name, head in model.heads.items()}
    for prefix, module in parts.items():
        name = prefix.removeprefix("heads.")
        title = name if name == prefix else f"head {name}"
        told, problem = _move(module, _part(origin.state, prefix), origin, name, own[name])
        if problem:
            logger.warning("%s: the %s starts from random weights: %s", origin.label, title, problem)
        else:
            taken.append(f"{title}{told}")
    return f"first weights: {', '.join(taken)} from {origin.label.removeprefix('--weights ')}"


def _fill_backbone(backbone: nn.Module, origin: Origin, bodyparts: Sequence[str]) -> str:
    """Fill the backbone, or at least the network in it that the origin has too; returns what was filled."""
    state = _part(origin.state, "backbone")
    keypoints = _keypoints(origin, "bodypart", bodyparts, _count(backbone, state, None))
    rows = (keypoints and keypoint_channels(backbone, keypoints, None)) or {}
    problem = _load(backbone, state, rows, origin.label)
    plain = getattr(backbone, "plain", None)
    if problem and plain is not None:
        inside = _part(state, plain) if any(key.startswith(f"{plain}.") for key in state) else state
        if not _load(getattr(backbone, plain), inside, {}, origin.label):
            logger.warning("%s: what the backbone does with conditions starts from random weights", origin.label)
            return "backbone without conditions"
    if problem:
        raise DlcxError(
            f"{origin.label}: it does not fit the backbone: {problem}", hint="The file belongs to another network."
        )
    return "backbone"


def _move(module: nn.Module, state: State, origin: Origin, head: str, own: Sequence[str]) -> tuple[str, str | None]:
    """Load the tensors of a head; what to say of its keypoints, and why it cannot be done, if it cannot."""
    if not state:
        return "", "the file has no such part"
    block = origin.blocks.get(head)
    count = _count(module, state, block)
    keypoints = _keypoints(origin, head, own, count)
    if keypoints is None:
        return "", _unknown(origin, head, own, count)
    rows = keypoint_channels(module, keypoints, block)
    if rows is None and not keypoints.is_identity:
        return "", "its keypoints cannot be moved"
    if problem := _load(module, remap_keypoint_lists(module, state, keypoints), rows or {}, origin.label):
        return "", problem
    if origin.names is None and origin.numbers is None:
        logger.warning("%s: nothing names its keypoints; '%s' takes them by position", origin.label, head)
    return _told(origin, head, own, keypoints), None


def _part(state: State, prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{prefix}."): value for key, value in state.items() if key.startswith(f"{prefix}.")}


def _keypoints(origin: Origin, head: str, own: Sequence[str], count: int | None) -> ChannelMap | None:
    """Which of the origin's ``count`` keypoints each own one is; None when that cannot be known."""
    if origin.numbers is not None:
        sources = tuple(origin.numbers.get(name, -1) for name in own)
        size = max(sources) + 1 if count is None else count
        return ChannelMap(sources, size) if max(sources) < size else None
    if origin.names is None:
        return ChannelMap.identity(len(own)) if count in (None, len(own)) else None
    theirs = tuple(origin.names.get(head, ()))
    if count not in (None, len(theirs)):
        return None
    if head == "identity" and tuple(own) != theirs:  # other animals, and their names say nothing of these
        return None
    wanted = own if origin.table is None else [origin.table.get(name, "") for name in own]
    return ChannelMap.by_name(wanted, theirs)


def _unknown(origin: Origin, head: str, own: Sequence[str], count: int | None) -> str:
    if origin.numbers is not None:
        return f"it has {count} keypoints, channel {max(origin.numbers.values())} is asked for"
    if origin.names is None:
        return f"it has {count} keypoints without names, the project {len(own)}"
    if head == "identity":
        return "the individuals are others"
    return f"it has {count} keypoints, {len(origin.names.get(head, ()))} are named"


def _count(module: nn.Module, state: State, block: Mapping[str, Any] | None) -> int | None:
    """How many keypoints a module's weights are for, as far as a dimension of them shows it."""
    for key, dimensions in (keypoint_channels(module, ChannelMap.identity(1), block) or {}).items():
        for dimension, channels in dimensions.items():
            if channels.size == 1 and key in state and state[key].dim() > dimension:
                return state[key].shape[dimension]
    return None


def _load(module: nn.Module, state: State, rows: TensorChannels, what: str) -> str | None:
    """Load a state dict with its channels moved; returns why it does not fit, if it does not.

    Raises
    ------
    DlcxError
        When it fits, but holds values that no net can use.
    """
    own = module.state_dict()
    if problem := find_mismatch(own, state, rows):
        return problem
    check_values({key: value for key, value in state.items() if key in own}, own, what)
    module.load_state_dict(remap_channels(own, state, rows))
    return None


def _told(origin: Origin, head: str, own: Sequence[str], keypoints: ChannelMap) -> str:
    """Logs which keypoint comes from where; returns how many do."""
    if keypoints.is_identity:
        return ""
    table = origin.table or {}
    pairs = list(zip(own, keypoints.sources, strict=True))
    kept = [f"{name} from {table[name]}" if name in table else name for name, source in pairs if source >= 0]
    fresh = [name for name, source in pairs if source < 0]
    logger.info("%s: keypoints taken: %s; new: %s", head, ", ".join(kept) or "none", ", ".join(fresh) or "none")
    return f" ({len(kept)} of {len(own)} keypoints" + (f"; new: {', '.join(fresh)})" if fresh else ")")
