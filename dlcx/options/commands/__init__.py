"""The options of each command: module ``analyze_video`` holds ``AnalyzeVideoOptions``, whose docstring is its help."""

import importlib

from dlcx.options.base import Options


def options_of(command: str) -> type[Options]:
    """Return the options class of a command, given its Python name."""
    module = importlib.import_module(f"dlcx.options.commands.{command}")
    found: type[Options] = getattr(module, f"{command.title().replace('_', '')}Options")
    return found
