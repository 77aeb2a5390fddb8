"""``train/pytorch_config.yaml``: network, data and training of a shuffle (DeepLabCut 3.0.2).

::

    # Config schema version. Do not edit manually.
    config_version: 0
    model:
      backbone: {type, ...}
      heads: {bodypart: {...}, unique_bodypart: {...}, identity: {...}}
    net_type: resnet_50
    method: bu | td | ctd
    ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.serialization.yaml_files import parse_yaml, read_yaml, write_yaml
from dlcx.formats.shuffles.tensorflow_shuffles import refuse_tensorflow
from dlcx.formats.stored_paths import path_in_project
from dlcx.locks import exclusive_edit
from dlcx.settings import ModelConfig
from dlcx.settings.base import check, fields_at

if TYPE_CHECKING:
    from dlcx.project import Project, Shuffle

HEADER = "# Config schema version. Do not edit manually.\n"

#: Keys of pytorch_config.yaml that hold paths of files to read.
STORED_PATHS = (
    ("resume_training_from",),
    ("detector", "resume_training_from"),
    ("train_settings", "weight_init", "snapshot_path"),
    ("train_settings", "weight_init", "detector_snapshot_path"),
    ("detector", "train_settings", "weight_init", "snapshot_path"),
    ("detector", "train_settings", "weight_init", "detector_snapshot_path"),
    ("inference", "conditions"),
    ("inference", "conditions", "filepath"),
    ("inference", "conditions", "config"),
    ("inference", "conditions", "config_path"),
    ("inference", "conditions", "snapshot_path"),
)


def read_model_config(path: str | Path) -> ModelConfig:
    """Read and validate a pytorch_config.yaml.

    Raises
    ------
    DlcxError
        If the file is missing or a key is unknown or has a wrong value; the message names file and key.
    """
    if not Path(path).is_file():
        raise DlcxError(f"no such file: {path}", hint="Run `dlcx create-dataset` first, or name another --shuffle.")
    return check(ModelConfig, read_yaml(path), path)


def shuffle_config(shuffle: Shuffle) -> ModelConfig:
    """Read and validate the pytorch_config.yaml of a shuffle, with paths resolved to files of its project.

    Raises
    ------
    DlcxError
        If the file is missing, in which case the hint is the command that creates the shuffle, or is not valid.
    """
    path = shuffle.model_config_path
    if not path.is_file():
        refuse_tensorflow(shuffle)
        raise DlcxError(f"no such file: {path}", hint=shuffle.create_hint)
    data = read_yaml(path)
    if isinstance(data, dict):
        for keys in STORED_PATHS:
            _resolve_path(shuffle.project, data, *keys)
    return check(ModelConfig, data, path)


def _resolve_path(project: Project, data: Any, *keys: str) -> None:
    """Resolve the path at these keys, if there is one, so that a copied project does not use files of the original."""
    *above, last = keys
    for key in above:
        data = data.get(key) if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(data.get(last), str):
        data[last] = path_in_project(project, data[last])


def write_model_config(config: ModelConfig, path: str | Path) -> None:
    """Write all keys in DeepLabCut's order, unset ones empty.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    write_yaml(config.plain(), path, header=HEADER)


def update_model_config(before: ModelConfig, config: ModelConfig, shuffle: Shuffle) -> None:
    """Write a changed configuration, unless the file was edited since it was read.

    Parameters
    ----------
    before
        The configuration as it was read.
    config
        The configuration to write.
    shuffle
        The shuffle.

    Raises
    ------
    DlcxError
        If the file no longer holds ``before``.
    """
    path = shuffle.model_config_path
    with exclusive_edit(path):
        if shuffle_config(shuffle).plain() != before.plain():
            raise DlcxError(
                f"{path} was changed since dlcx read it; the changed file is kept",
                hint="Run the same command again.",
            )
        write_model_config(config, path)


def with_overrides(config: ModelConfig, overrides: Sequence[str]) -> ModelConfig:
    """Apply the values of ``--set`` to a configuration and validate the result.

    Parameters
    ----------
    config
        The configuration.
    overrides
        Entries ``key.path=value``; values are YAML.

    Raises
    ------
    DlcxError
        If an entry cannot be parsed, or a key is unknown or has a wrong value.
    """
    data = config.plain()
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            raise DlcxError(f"--set {override}: expected KEY=VALUE", hint="Such as --set train_settings.epochs=50")
        _assign(data, key.strip(), parse_yaml(text, f"--set {override}"))
    changed = check(ModelConfig, data, f"--set {', '.join(overrides)}") if overrides else config
    if changed.net_type != config.net_type:
        raise DlcxError(
            f"--set net_type={changed.net_type}: all other keys would still be those of {config.net_type}",
            hint=f"Choose the network with `dlcx create-dataset --net-type {changed.net_type}`.",
        )
    return changed


def _assign(data: dict[str, Any], key: str, value: Any) -> None:
    """Set ``data[a][b] = value`` for the key ``a.b``; create mappings that are unset."""
    steps = key.split(".")
    current: Any = data
    for depth, step in enumerate(steps):
        last = depth == len(steps) - 1
        if isinstance(current, list):
            if not re.fullmatch(r"\d{1,9}", step) or int(step) >= len(current):
                raise DlcxError(f"--set {key}: '{step}' is not an index in a list of {len(current)} (from 0)")
            step = int(step)  # type: ignore[assignment]
        elif not isinstance(current, Mapping):
            raise DlcxError(f"--set {key}: '{'.'.join(steps[:depth])}' holds a single value, not keys")
        else:
            allowed = fields_at(ModelConfig, list(steps[:depth]))
            free_leaf = not allowed and last
            if step not in current and step not in allowed and not free_leaf:
                raise DlcxError(
                    f"--set {key}: unknown key '{'.'.join(steps[: depth + 1])}'",
                    hint=did_you_mean(step, allowed or current),
                )
        if last:
            current[step] = value
        else:
            if isinstance(current, dict) and current.get(step) is None:
                current[step] = {}
            current = current[step]
