"""Options for training a network."""

from dataclasses import dataclass
from typing import ClassVar

from dlcx.options.base import Options, option


@dataclass(frozen=True, kw_only=True)
class OverridesOptions(Options):
    """Keys of pytorch_config.yaml."""

    panel: ClassVar[str] = "Network"

    overrides: tuple[str, ...] = option(
        (), "Set a key of pytorch_config.yaml; repeat for several.", flag="--set", metavar="KEY=VALUE"
    )
