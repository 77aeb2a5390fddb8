"""First weights of a net: none, ImageNet's, or those of a file.

Files are timm checkpoints of the backbone (``.safetensors``, ``.pth``; timm's names) or snapshots of DeepLabCut or
dlcx.  They are read without running code.  The network is used for ``imagenet`` alone, and only when the weights are
not in the local cache of huggingface_hub.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dlcx.errors import DlcxError
from dlcx.formats.snapshot import load_tensors
from dlcx.nets.model import PoseModel
from dlcx.nets.registry import published_weights
from dlcx.settings import ModelConfig

logger = logging.getLogger(__name__)

#: Seconds until the network counts as absent.
PATIENCE = 5.0
State = Mapping[str, Tensor]


def load_initial(model: PoseModel, config: ModelConfig, source: str) -> str:
    """Give ``model`` its first weights and say in a line what they are.

    ``source`` is ``none``, ``imagenet`` or a path.  The backbone must be filled completely; heads are taken from a
    snapshot where all their shapes fit, and the others keep their random weights.

    Raises
    ------
    DlcxError
        When the weights cannot be had or read, or do not fit the backbone.
    """
    if source == "none":
        if model.freeze_bn_stats and any(isinstance(layer, nn.BatchNorm2d) for layer in model.backbone.modules()):
            logger.warning(
                "random first weights, but pytorch_config.yaml keeps the batch statistics of trained ones: "
                "training will hardly work without --set model.backbone.freeze_bn_stats=false"
            )
        return "first weights: random"
    if source == "imagenet":
        name, path = _imagenet(config)
        _fill_backbone(model.backbone, _present_names(config, path), f"ImageNet weights of {name}")
        return f"first weights: backbone from ImageNet ({name})"
    path = _file(source)
    state = _read(path)
    if any(key.startswith("backbone.") for key in state):
        return _fill_from_snapshot(model, state, path)
    unused = _fill_backbone(model.backbone, state, f"--weights {path}")
    return f"first weights: backbone from {path}" + (f", {len(unused)} tensors not needed" if unused else "")


def check_source(config: ModelConfig, source: str) -> None:
    """Raise the error that :func:`load_initial` would raise for want of a file or of the network; loads nothing."""
    if source == "imagenet":
        _imagenet(config, download=False)
    elif source != "none":
        _file(source)


def _file(source: str) -> Path:
    path = Path(source).expanduser()
    if not path.is_file():
        raise DlcxError(f"--weights {source}: no such file", hint="Use imagenet, none, or the path of a checkpoint.")
    return path


def _read(path: Path) -> State:
    """The tensors of a file by name, whatever they are wrapped in."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except Exception as error:
            raise DlcxError(f"--weights {path}: not a safetensors file ({error})") from error
    content: Any = load_tensors(path)
    for key in ("model", "state_dict", "state_dict_ema", "model_ema"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise DlcxError(f"--weights {path}: expected tensors by name", hint="Use a timm checkpoint or a snapshot.")
    return {key.removeprefix("module."): value for key, value in content.items()}


def _imagenet(config: ModelConfig, *, download: bool = True) -> tuple[str, Path]:
    """The timm name of the backbone and its file in the local cache, fetched first where it is missing."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

    hint = "Use --weights none, or --weights PATH for a file that you have."
    name = str(config.model.backbone.get("model_name"))
    place = _published(config)
    if place is None:
        raise DlcxError(f"--weights imagenet: there are no ImageNet weights for {config.net_type}", hint=hint)
    repo, filename = place
    cached = try_to_load_from_cache(repo, filename)
    if isinstance(cached, str):
        return name, Path(cached)
    try:
        size = get_hf_file_metadata(hf_hub_url(repo, filename), timeout=PATIENCE).size
        if not download:
            return name, Path(filename)
        logger.warning("downloading %s of huggingface.co/%s (%.0f MB)", filename, repo, (size or 0) / 1e6)
        return name, Path(hf_hub_download(repo, filename))
    except Exception as error:  # no name server, a proxy, offline mode, no such file: each has its own exception
        raise DlcxError(
            f"--weights imagenet: cannot fetch {filename} of huggingface.co/{repo} ({type(error).__name__})", hint=hint
        ) from error


def _published(config: ModelConfig) -> tuple[str, str] | None:
    """Repository on huggingface.co and file of a backbone's ImageNet weights: the family's word, else timm's."""
    import timm

    name = str(config.model.backbone.get("model_name"))
    if place := published_weights().get(config.model.backbone["type"]):
        repo, _, filename = place.format(model_name=name).rpartition("/")
        return repo, filename
    known = timm.get_pretrained_cfg(name, allow_unregistered=True) if timm.is_model(name) else None
    if known is None or not known.hf_hub_id:
        return None
    return known.hf_hub_id, known.hf_hub_filename or "model.safetensors"


def _present_names(config: ModelConfig, path: Path) -> State:
    """A published checkpoint in the names of today; timm's were partly saved with others."""
    import timm

    if config.model.backbone["type"] in published_weights():
        return {key.removeprefix("backbone."): value for key, value in _read(path).items()}
    model = timm.create_model(
        str(config.model.backbone["model_name"]), pretrained=True, pretrained_cfg_overlay={"file": str(path)}
    )
    return model.state_dict()


def _fill_backbone(backbone: nn.Module, state: State, what: str) -> list[str]:
    """Fill all of the backbone (its timm network, if it is one); returns the names that were not needed."""
    network = getattr(backbone, "model", backbone)
    offered = {_plain(key): key for key in state}
    wanted = {key: offered.get(_plain(key)) for key in network.state_dict()}
    wanted = {key: found for key, found in wanted.items() if not key.endswith("num_batches_tracked") or found}
    _check_fit({key: state[found] for key, found in wanted.items() if found}, network, list(wanted), what)
    network.load_state_dict({key: state[found] for key, found in wanted.items() if found}, strict=False)
    used = set(wanted.values())
    return [key for key in state if key not in used]


def _plain(key: str) -> str:
    """Names without the marks of timm's wrappers: ``model.stages.0.x`` and ``stages_0.x`` are the same tensor."""
    return key.removeprefix("model.").replace("_", ".")


def _fill_from_snapshot(model: PoseModel, state: State, path: Path) -> str:
    """Backbone strictly, each head if all its shapes fit."""
    backbone = {key.removeprefix("backbone."): value for key, value in state.items() if key.startswith("backbone.")}
    _check_fit(backbone, model.backbone, list(model.backbone.state_dict()), f"--weights {path}")
    model.backbone.load_state_dict(backbone)
    taken = ["backbone"]
    for name, head in model.heads.items():
        prefix = f"heads.{name}."
        part = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        own = {key: value.shape for key, value in head.state_dict().items()}
        if own == {key: value.shape for key, value in part.items()}:
            head.load_state_dict(part)
            taken.append(f"head {name}")
        else:
            logger.warning("--weights %s: the head '%s' has other shapes and starts from random weights", path, name)
    return f"first weights: {', '.join(taken)} from {path}"


def _check_fit(state: State, module: nn.Module, wanted: list[str], what: str) -> None:
    own = module.state_dict()
    if missing := [key for key in wanted if key not in state]:
        raise DlcxError(
            f"{what}: {len(missing)} of the backbone's {len(own)} tensors are missing, such as {missing[0]}",
            hint="The file belongs to another network; --weights needs one with timm's names, or a snapshot.",
        )
    for key, value in state.items():
        if key not in own:
            raise DlcxError(f"{what}: the backbone has no tensor {key}", hint="The file belongs to another network.")
        if value.shape != own[key].shape:
            raise DlcxError(
                f"{what}: {key} has shape {tuple(value.shape)}, the backbone needs {tuple(own[key].shape)}",
                hint="The file belongs to another network.",
            )


@torch.no_grad()
def load_strict(model: nn.Module, state: State, what: str) -> None:
    """Load a snapshot whose names and shapes must be exactly the net's.

    Raises
    ------
    DlcxError
        Names a tensor that is missing, too many, or of another shape.
    """
    own = model.state_dict()
    problems = [f"lacks {key}" for key in own if key not in state]
    problems += [f"holds {key}, which the net does not have" for key in state if key not in own]
    problems += [
        f"has {key} of shape {tuple(value.shape)}, the net {tuple(own[key].shape)}"
        for key, value in state.items()
        if key in own and value.shape != own[key].shape
    ]
    if problems:
        more = f" (and {len(problems) - 1} more differences)" if len(problems) > 1 else ""
        raise DlcxError(
            f"{what} {problems[0]}{more}", hint="It belongs to another net, or pytorch_config.yaml was changed since."
        )
    model.load_state_dict(state)
