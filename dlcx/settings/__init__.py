"""What the YAML files of a project may say: typed, checked once, every field documented where it stands.

:mod:`~dlcx.settings.project` is config.yaml, :mod:`~dlcx.settings.model` is pytorch_config.yaml (both DeepLabCut's
own schemas, key for key), :mod:`~dlcx.settings.dlcx_config` is dlcx.yaml, what only dlcx knows of a shuffle.
"""

from dlcx.settings.dlcx_config import DlcxConfig
from dlcx.settings.model import Detector, ModelConfig
from dlcx.settings.project import ProjectConfig
from dlcx.settings.transforms import Transforms

__all__ = ["Detector", "DlcxConfig", "ModelConfig", "ProjectConfig", "Transforms"]
