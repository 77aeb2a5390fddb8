"""Initial weights of a network: random, ImageNet, SuperAnimal, or from a file.

Files are timm checkpoints of the backbone (``.safetensors`` or ``.pth``, with timm's names), or snapshots of DeepLabCut
or dlcx, whose heads are transferred by the names of their keypoints (:mod:`dlcx.nets.transfer`). They are read without
executing code. Only ``imagenet`` and SuperAnimals are downloaded, unless they are in the local cache of
huggingface_hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.serialization.yaml_files import read_yaml
from dlcx.formats.weights.snapshot import is_checkpoint, load_tensors
from dlcx.formats.weights.tensor_checks import check_plain, check_values
from dlcx.heads.keypoint_channels import find_mismatch
from dlcx.nets.hub import HINT, fetch
from dlcx.nets.model import PoseModel
from dlcx.nets.registry import published_weights
from dlcx.nets.superanimal import (
    SUPERANIMALS,
    conversion_table,
    is_name,
    published_location,
    superanimal,
    superanimal_of,
)
from dlcx.nets.transfer import Origin, State, fill
from dlcx.settings import ModelConfig
from dlcx.user_paths import user_path

#: SuperAnimalConversionTables of config.yaml: SuperAnimal -> the project's bodypart -> the SuperAnimal's bodypart.
Tables = Mapping[str, Mapping[str, str]]


def load_initial(model: PoseModel, config: ModelConfig, source: str, tables: Tables | None = None) -> str:
    """Load the initial weights of a network.

    The backbone must match completely. Heads with the same architecture are transferred keypoint by keypoint.

    Parameters
    ----------
    model
        The network, changed in place.
    config
        Its settings.
    source
        ``none``, ``imagenet``, ``weight_init`` (the weights named in pytorch_config.yaml), a SuperAnimal, or a path.
    tables
        ``SuperAnimalConversionTables`` of config.yaml.

    Returns
    -------
    str
        One line on what was loaded.

    Raises
    ------
    DlcxError
        If the weights are not available, cannot be read, or do not match the backbone.
    """
    if source == "none":
        return "first weights: random"
    if source == "imagenet":
        name, path = _imagenet(config)
        _fill_backbone(model.backbone, _with_current_names(config, path), f"ImageNet weights of {name}")
        return f"first weights: backbone from ImageNet ({name})"
    if source == "weight_init":
        return fill(model, config, _weight_init(config))
    label = f"--weights {source}"
    path = _superanimal(config, source) if is_name(source) else _file(source)
    state, config_data = _read(path)
    if not any(key.startswith("backbone.") for key in state):
        unused = _fill_backbone(model.backbone, state, label)
        return f"first weights: backbone from {path}" + (f", {len(unused)} unused tensors" if unused else "")
    if (animal := superanimal_of(path)) is not None:
        table = conversion_table(animal, tables)
        return fill(model, config, Origin(label, state, {"bodypart": superanimal(animal).bodyparts}, table=table))
    return fill(model, config, _snapshot(label, state, config_data or _config_beside(path)))


def check_source(config: ModelConfig, source: str, tables: Tables | None = None) -> None:
    """Check that the weights of :func:`load_initial` are available, without loading or downloading them.

    Raises
    ------
    DlcxError
        If a file does not exist or cannot be downloaded.
    """
    if source == "imagenet":
        _imagenet(config, download=False)
    elif source == "weight_init":
        _initial_file(config, download=False)
    elif is_name(source):
        conversion_table(source, tables)
        _superanimal(config, source, download=False)
    elif source != "none":
        _file(source)


def _file(source: str) -> Path:
    path = user_path(source)
    if not path.is_file():
        words = ["imagenet", "none", *SUPERANIMALS]
        raise DlcxError(
            f"--weights {source}: no such file",
            hint=f"{did_you_mean(source, words)} Use imagenet, none, a SuperAnimal, or the path of a checkpoint.",
        )
    if path.suffix != ".safetensors" and not is_checkpoint(path):
        raise DlcxError(f"--weights {source}: not a checkpoint", hint="Use a file written by torch.save.")
    return path


def _superanimal(config: ModelConfig, name: str, *, download: bool = True) -> Path:
    return fetch(*published_location(name, config.net_type), f"--weights {name}", download=download)


def _weight_init(config: ModelConfig) -> Origin:
    """The weights that ``train_settings.weight_init`` of pytorch_config.yaml names, interpreted as in DeepLabCut."""
    init = config.train_settings.weight_init
    path = _initial_file(config)
    assert init is not None
    state, _ = _read(path)
    label = f"train_settings.weight_init {path}"
    if not init.with_decoder:
        return Origin(label, state, heads=False)
    own = init.bodyparts or config.metadata.bodyparts
    channels = range(len(own)) if init.conversion_array is None else init.conversion_array
    if len(channels) != len(own):
        raise DlcxError(
            f"train_settings.weight_init: {len(own)} bodyparts, but {len(channels)} numbers in conversion_array"
        )
    return Origin(label, state, numbers=dict(zip(own, channels, strict=True)))


def _initial_file(config: ModelConfig, *, download: bool = True) -> Path:
    """The file of ``weight_init``; if it does not exist, the published file of its SuperAnimal."""
    init = config.train_settings.weight_init
    if init is None or not (init.snapshot_path or init.dataset):
        raise DlcxError("--weights weight_init: train_settings.weight_init of pytorch_config.yaml names no weights")
    if init.memory_replay:
        raise DlcxError(
            "train_settings.weight_init.memory_replay: memory replay is not supported",
            hint="Add --set train_settings.weight_init.memory_replay=false for plain fine-tuning.",
        )
    if init.snapshot_path and Path(init.snapshot_path).is_file():
        return Path(init.snapshot_path)
    if init.dataset is not None and init.dataset in SUPERANIMALS:
        return _superanimal(config, init.dataset, download=download)
    raise DlcxError(
        f"train_settings.weight_init.snapshot_path: no such file: {init.snapshot_path}",
        hint="Pass the file with --weights PATH.",
    )


def _snapshot(label: str, state: State, config_data: Mapping[str, Any] | None) -> Origin:
    """A snapshot and, if its configuration is known, the names of its keypoints."""
    names = (config_data or {}).get("metadata") or {}
    if not names.get("bodyparts"):
        return Origin(label, state)
    known = {
        "bodypart": names["bodyparts"],
        "unique_bodypart": names.get("unique_bodyparts") or (),
        "identity": names.get("individuals") or (),
    }
    heads = ((config_data or {}).get("model") or {}).get("heads") or {}
    return Origin(label, state, {**dict.fromkeys(heads, names["bodyparts"]), **known}, heads)


def _config_beside(path: Path) -> Mapping[str, Any] | None:
    """The content of pytorch_config.yaml in the folder of a snapshot, of any version of DeepLabCut."""
    beside = path.with_name("pytorch_config.yaml")
    return read_yaml(beside) if beside.is_file() else None


def _read(path: Path) -> tuple[State, Mapping[str, Any] | None]:
    """The tensors of a file by name, and the configuration if the file was exported with one."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        try:
            return load_file(path), None
        except Exception as error:
            raise DlcxError(f"--weights {path}: not a safetensors file ({error})") from error
    content: Any = load_tensors(path)
    config_data = content.get("config") if isinstance(content, Mapping) else None
    for key in ("pose", "model", "state_dict", "state_dict_ema", "model_ema"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise DlcxError(f"--weights {path}: expected tensors by name", hint="Use a timm checkpoint or a snapshot.")
    check_plain(content, f"--weights {path}")
    state = {key.removeprefix("module."): value for key, value in content.items()}
    return state, config_data if isinstance(config_data, Mapping) else None


def _imagenet(config: ModelConfig, *, download: bool = True) -> tuple[str, Path]:
    """The timm name of the backbone, and its file in the local cache after downloading it if necessary."""
    name = _model_name(config)
    place = _published(config)
    if place is None:
        raise DlcxError(f"--weights imagenet: no ImageNet weights are published for {config.net_type}", hint=HINT)
    return name, fetch(*place, "--weights imagenet", download=download)


def _pretrained_block(config: ModelConfig) -> Mapping[str, Any]:
    """The block of the network with published weights: the backbone, or the one that a preNet wraps."""
    block = config.model.backbone
    return block["backbone"] if isinstance(block.get("backbone"), Mapping) else block


def _model_name(config: ModelConfig) -> str:
    block = _pretrained_block(config)
    return str(block.get("model_name") or block.get("base_model_name"))


def _published(config: ModelConfig) -> tuple[str, str] | None:
    """Repository on huggingface.co and file of a backbone's ImageNet weights: from its family, else from timm."""
    import timm

    name = _model_name(config)
    if place := published_weights().get(_pretrained_block(config)["type"]):
        repo, _, filename = place.format(model_name=name).rpartition("/")
        return repo, filename
    known = timm.get_pretrained_cfg(name, allow_unregistered=True) if timm.is_model(name) else None
    if known is None or not known.hf_hub_id:
        return None
    return known.hf_hub_id, known.hf_hub_filename or "model.safetensors"


def _with_current_names(config: ModelConfig, path: Path) -> State:
    """A published checkpoint with the current names; some of timm's were saved with older ones."""
    import timm

    if _pretrained_block(config)["type"] in published_weights():
        return {key.removeprefix("backbone."): value for key, value in _read(path)[0].items()}
    model = timm.create_model(_model_name(config), pretrained=True, pretrained_cfg_overlay={"file": str(path)})
    return model.state_dict()


def _fill_backbone(backbone: nn.Module, state: State, what: str) -> list[str]:
    """Load all of the backbone, or the timm network that it wraps; return the names of unused tensors.

    The layers that a conditional network adds for its conditions keep their initial weights.
    """
    network = getattr(backbone, "backbone", backbone)
    network = getattr(network, "model", network)
    offered = {_normalize_name(key): key for key in state}
    wanted = {key: offered.get(_normalize_name(key)) for key in network.state_dict()}
    wanted = {key: found for key, found in wanted.items() if not key.endswith("num_batches_tracked") or found}
    found = {key: state[source] for key, source in wanted.items() if source}
    own = {key: value for key, value in network.state_dict().items() if key in wanted}
    if problem := find_mismatch(own, found, {}):
        raise DlcxError(
            f"{what}: the file does not match the backbone: {problem}",
            hint="Use a checkpoint of the same network with timm's names, or a snapshot.",
        )
    check_values(found, own, what)
    network.load_state_dict(found, strict=False)
    used = set(wanted.values())
    return [key for key in state if key not in used]


def _normalize_name(key: str) -> str:
    """Normalize names across timm's wrappers: ``model.stages.0.x`` and ``stages_0.x`` are the same tensor."""
    return key.removeprefix("model.").replace("_", ".")


@torch.no_grad()
def load_strict(model: nn.Module, state: State, what: str) -> None:
    """Load a state dict whose names and shapes must equal those of the model.

    Parameters
    ----------
    model
        Changed in place.
    state
        Tensors by name.
    what
        What the state dict is, for the error message.

    Raises
    ------
    DlcxError
        If a tensor is missing, unknown, not finite, or has another shape or type; the message names it.
    """
    check_plain(state, what)
    own = model.state_dict()
    problems = [f"lacks {key}" for key in own if key not in state]
    problems += [f"contains {key}, which the network does not have" for key in state if key not in own]
    problems += [
        f"has {key} of shape {tuple(value.shape)}, expected {tuple(own[key].shape)}"
        for key, value in state.items()
        if key in own and value.shape != own[key].shape
    ]
    if problems:
        more = f" (and {len(problems) - 1} more differences)" if len(problems) > 1 else ""
        raise DlcxError(
            f"{what} {problems[0]}{more}",
            hint="It belongs to another network, or pytorch_config.yaml has changed since.",
        )
    check_values(state, own, what)
    model.load_state_dict(state)
