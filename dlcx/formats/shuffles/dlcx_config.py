"""``train/dlcx.yaml``: settings of a shuffle that only dlcx uses.

::

    net_type: resnet_50
    weights: imagenet
    detector: ssdlite
    detector_weights:
    split: frame
    seed: 42
    from_shuffle:
    overrides: []
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.formats.serialization.yaml_files import read_yaml, write_yaml
from dlcx.formats.stored_paths import path_in_project
from dlcx.settings import DlcxConfig
from dlcx.settings.base import check
from dlcx.user_paths import user_path

if TYPE_CHECKING:
    from dlcx.project import Shuffle

HEADER = "# Settings of this shuffle that only dlcx uses; DeepLabCut does not read this file.\n"


def read_dlcx_config(path: str | Path) -> DlcxConfig:
    """Read and validate a dlcx.yaml.

    A missing file, as in a shuffle that DeepLabCut created, means the defaults.

    Raises
    ------
    DlcxError
        If the file is not valid.
    """
    return check(DlcxConfig, read_yaml(path), path) if Path(path).is_file() else DlcxConfig()


def shuffle_dlcx_config(shuffle: Shuffle) -> DlcxConfig:
    """Read the dlcx.yaml of a shuffle, with paths resolved by :func:`dlcx.formats.stored_paths.path_in_project`.

    Raises
    ------
    DlcxError
        If the file is not valid.
    """
    config = read_dlcx_config(shuffle.dlcx_config_path)
    stored = {key: getattr(config, key) for key in ("weights", "detector_weights")}
    paths = {
        key: path_in_project(shuffle.project, text) for key, text in stored.items() if text and os.path.isabs(text)
    }
    return config.model_copy(update=paths)


def weights_source(named: str | Path) -> str:
    """Return the value of ``--weights`` as dlcx.yaml stores it: a keyword as it is, a path as an absolute path."""
    text = str(named)
    word = text in ("imagenet", "coco", "none", "weight_init") or re.fullmatch(r"superanimal_\w+", text)
    return text if word else str(user_path(text).resolve())


def write_dlcx_config(config: DlcxConfig, path: str | Path) -> None:
    """Write all keys.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    write_yaml(config.plain(), path, header=HEADER)
