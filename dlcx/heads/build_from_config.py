"""Build objects from blocks of pytorch_config.yaml, ``{type: NAME, key: value, ...}``.

The file's schema accepts any keys in ``model.backbone`` and ``model.heads.*``. They are checked here, against the
signature of the function that receives them, so that an error names the key's place in the file and the nearest valid
name.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from dlcx.errors import DlcxError, did_you_mean

PLAIN_TYPES = (bool, int, float, str)
#: ``type`` -> the function that builds it, itself or as "module:function".
Builders = Mapping[str, str | Callable[..., Any]]


def build_from_config(block: Mapping[str, Any], builders: Builders, where: str, /, **context: Any) -> Any:
    """Build the object that a block describes.

    Parameters
    ----------
    block
        A mapping with the key ``type``; its other keys become arguments of the function that ``type`` selects.
    builders
        The function of each ``type``.
    where
        Place of the block in the file, such as ``model.backbone``.
    **context
        Arguments of the function that the file does not hold.

    Returns
    -------
    Any
        What the function returns.

    Raises
    ------
    DlcxError
        If the type or a key is unknown, a key is missing, or a plain value has the wrong type.

    Examples
    --------
    >>> from dlcx.heads.criteria import CRITERIA
    >>> build_from_config({"type": "WeightedMSECriterion", "weight": 0.5}, CRITERIA, "criterion.heatmap").weight
    0.5
    """
    if not isinstance(block, Mapping) or "type" not in block:
        raise DlcxError(f"{where}: expected a mapping with the key 'type', got {block!r}")
    kind = block["type"]
    if kind not in builders:
        raise DlcxError(f"{where}.type: unknown '{kind}'", hint=did_you_mean(str(kind), builders))
    options = {key: value for key, value in block.items() if key != "type"}
    function = _load(builders[kind])
    check_options(function, options, where, context=tuple(context))
    return function(**options, **context)


def check_options(
    function: Callable[..., Any], options: Mapping[str, Any], where: str, *, context: tuple[str, ...] = ()
) -> None:
    """Check options against the signature of the function that takes them.

    Parameters
    ----------
    function
        A function or class with annotated parameters.
    options
        Arguments by name.
    where
        Place of the options in the file.
    context
        Names of parameters that the file does not set.

    Raises
    ------
    DlcxError
        If a name is unknown, a required parameter is missing, or a plain value has the wrong type.
    """
    parameters = {name: item for name, item in inspect.signature(function).parameters.items() if name not in context}
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
        if hint in PLAIN_TYPES and not _has_type(value, hint):
            raise DlcxError(f"{where}.{key}: expected {hint.__name__}, got {value!r}")


def _has_type(value: Any, kind: type) -> bool:
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, kind)


def _load(builder: str | Callable[..., Any]) -> Callable[..., Any]:
    if callable(builder):
        return builder
    module, _, name = builder.partition(":")
    result: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return result
