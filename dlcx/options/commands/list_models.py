"""Options of ``dlcx list-models``."""

from dataclasses import dataclass
from typing import Literal

from dlcx.options.base import Options, option


@dataclass(frozen=True, kw_only=True)
class ListModelsOptions(Options):
    """List all networks and detectors with their sizes and uses; --json adds papers, aliases and strides."""

    kind: Literal["single", "multi", "detector"] | None = option(
        None, "List only networks for single animals, networks for several animals, or detectors.", show_default="all"
    )
