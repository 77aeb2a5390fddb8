"""``train/dlcx.yaml``: what only dlcx knows of a shuffle.

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

HEADER = "# What only dlcx knows of this shuffle; DeepLabCut does not read it.\n"


def read_dlcx_config(path: str | Path) -> DlcxConfig:
    """Read and check a dlcx.yaml; a missing file (a shuffle made by DeepLabCut) means the defaults."""
    return check(DlcxConfig, read_yaml(path), path) if Path(path).is_file() else DlcxConfig()


def shuffle_dlcx_config(shuffle: Shuffle) -> DlcxConfig:
    """:func:`read_dlcx_config` of a shuffle, with paths into its own project: never into one that it is a copy of.

    Raises
    ------
    DlcxError
        When the file does not fit.
    """
    own = read_dlcx_config(shuffle.dlcx_config_path)
    named = {key: getattr(own, key) for key in ("weights", "detector_weights")}
    paths = {key: path_in_project(shuffle.project, text) for key, text in named.items() if text and os.path.isabs(text)}
    return own.model_copy(update=paths)


def weights_source(named: str | Path) -> str:
    """Where weights come from, by flag, as dlcx.yaml keeps it: a word as it is, the path of a file in full."""
    text = str(named)
    word = text in ("imagenet", "coco", "none", "weight_init") or re.fullmatch(r"superanimal_\w+", text)
    return text if word else str(user_path(text).resolve())


def write_dlcx_config(config: DlcxConfig, path: str | Path) -> None:
    """Write every key."""
    write_yaml(config.plain(), path, header=HEADER)
