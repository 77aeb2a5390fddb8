"""Schemas of the YAML files of a project; each field is typed, validated and documented in one place.

:mod:`~dlcx.settings.project` is config.yaml and :mod:`~dlcx.settings.model` is pytorch_config.yaml, both with the keys
of DeepLabCut.  :mod:`~dlcx.settings.dlcx_config` is dlcx.yaml, which holds what only dlcx needs to know of a shuffle.
"""

from dlcx.settings.dlcx_config import DlcxConfig
from dlcx.settings.model import DetectorConfig, ModelConfig
from dlcx.settings.project import ProjectConfig
from dlcx.settings.transforms import Transforms

__all__ = ["DetectorConfig", "DlcxConfig", "ModelConfig", "ProjectConfig", "Transforms"]
