"""The options of each command: a frozen dataclass per command, whose field descriptions are the help texts.

:mod:`dlcx.options.base` holds the shared machinery, the other modules hold groups that several commands share, and
:mod:`dlcx.options.commands` has one class per command. Nothing here imports torch or pandas.
"""

from dlcx.options.base import Options, argument, option, same_as

__all__ = ["Options", "argument", "option", "same_as"]
