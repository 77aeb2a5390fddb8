"""Options of ``dlcx status``."""

from dataclasses import dataclass

from dlcx.options.network import ProjectOptions


@dataclass(frozen=True, kw_only=True)
class StatusOptions(ProjectOptions):
    """Show what the project contains, the progress of its shuffles and videos, and what to do next."""
