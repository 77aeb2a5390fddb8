"""What a call may ask for: a frozen dataclass for each command, whose field docs are the help texts.

:mod:`dlcx.options.base` holds what all of them share, the modules beside it the groups that several commands share,
and :mod:`dlcx.options.commands` one class per command.  Nothing here imports torch or pandas.
"""

from dlcx.options.base import Options, argument, option, same_as

__all__ = ["Options", "argument", "option", "same_as"]
