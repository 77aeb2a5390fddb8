"""Turns a block of pytorch_config.yaml, ``{type: NAME, key: value, ...}``, into the object that it describes.

The blocks ``model.backbone`` and ``model.heads.*`` are free mappings to the file's schema; here their keys meet the
function that takes them, so a wrong key or type is named with its place in the file and the nearest right one.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from dlcx.errors import DlcxError, did_you_mean

PLAIN = (bool, int, float, str)
#: From a ``type`` to what builds it: "module:function", or the function.
Builders = Mapping[str, str | Callable[..., Any]]


def build_from_config(block: Mapping[str, Any], table: Builders, where: str, /, **given: Any) -> Any:
    """Call what ``table`` names for the block's ``type`` ("module:function", or a callable) with the other keys.

    ``given`` are arguments that the file does not hold; ``where`` is the block's place, such as ``model.backbone``.

    Raises
    ------
    DlcxError
        For an unknown type or key, a key that is missing, or a plain value of the wrong kind.
    """
    if not isinstance(block, Mapping) or "type" not in block:
        raise DlcxError(f"{where}: expected a mapping with the key 'type', got {block!r}")
    kind = block["type"]
    if kind not in table:
        raise DlcxError(f"{where}.type: unknown '{kind}'", hint=did_you_mean(str(kind), table))
    options = {key: value for key, value in block.items() if key != "type"}
    function = _load(table[kind])
    check_options(function, options, where, given=tuple(given))
    return function(**options, **given)


def check_options(
    function: Callable[..., Any], options: Mapping[str, Any], where: str, *, given: tuple[str, ...] = ()
) -> None:
    """Check that ``function`` takes the options: names, nothing missing, plain types as annotated."""
    parameters = {name: item for name, item in inspect.signature(function).parameters.items() if name not in given}
    for key in options:
        if key not in parameters:
            raise DlcxError(f"{where}.{key}: unknown key", hint=did_you_mean(str(key), parameters))
    missing = [name for name, item in parameters.items() if item.default is item.empty and name not in options]
    if missing:
        raise DlcxError(f"{where}: missing key '{missing[0]}'")
    annotated = function.__init__ if inspect.isclass(function) else function
    hints = get_type_hints(annotated)
    for key, value in options.items():
        hint = hints.get(key)
        if hint in PLAIN and not _fits(value, hint):
            raise DlcxError(f"{where}.{key}: expected {hint.__name__}, got {value!r}")


def _fits(value: Any, kind: type) -> bool:
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, kind)


def _load(target: str | Callable[..., Any]) -> Callable[..., Any]:
    if callable(target):
        return target
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
