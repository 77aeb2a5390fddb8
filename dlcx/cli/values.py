"""The values that options take: shown in help, and offered when the shell completes a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from dlcx.errors import DlcxError

#: Options that take a word from a list; ``command option`` where the words depend on the command.  Capitals stand for
#: any value of that kind.
WORDS = {
    "--algorithm": "jump|uncertain|fitting|list",
    "--boxes": "no|too|only",
    "--color-by": "bodypart|individual",
    "--device": "auto|cpu|cuda|cuda:N|mps",
    "--engine": "torch|compile|onnx|auto",
    "--filter": "median|arima|spline",
    "--image-type": "png|pdf|svg",
    "--logger": "csv|tensorboard|wandb",
    "--method": "kmeans|uniform",
    "--precision": "fp32|bf16|fp16",
    "--split-by": "frame|video",
    "--snapshot": "best|last|EPOCH|PATH",
    "--detector-snapshot": "best|last|EPOCH|PATH",
    "--tracker": "ellipse|box|skeleton|ctd|transformer|none",
    "analyze-video --tracker": "ellipse|box|skeleton|ctd",
    "merge-parts --tracker": "ellipse|box|skeleton|ctd",
    "track --tracker": "ellipse|box|skeleton",
    "export-predictions --format": "nwb|h5",
    "export-model --format": "pt|onnx",
    "list-models --kind": "single|multi|detector",
    "score-maps --kind": "scmap|locref|paf",
    "--weights": "imagenet|none|NAME|PATH",
    "--resume": "auto|none|PATH",
}
_TYPES = {"int": "N", "float": "NUMBER", "path": "PATH", "str": "TEXT"}


def words_of(command: str, param: Any) -> str:
    """The words that an option of a command takes, as ``a|b``; nothing where it takes any text or number."""
    option = param.opts[0]
    shown = str(param.metavar or "")
    return shown.strip("[]") if "|" in shown else WORDS.get(f"{command} {option}", WORDS.get(option, ""))


def values_text(command: str, param: Any, context: Any) -> str | None:
    """What help shows after an option that declares no text of its own; None for flags."""
    if param.param_type_name != "option" or param.is_flag:
        return None
    if words := words_of(command, param):
        return words
    shown = str(param.display_type(context)).strip("<>").removeprefix("list[").removesuffix("]")
    return _TYPES.get(shown.removesuffix(" range"), shown)


def has_completions(command: str, param: Any) -> bool:
    """Whether :func:`complete` may know words for the option; the shell completes all others as paths."""
    return param.opts[0] in _FINDERS or bool(words_of(command, param))


def complete(command: str, param: Any, given: dict[str, Any]) -> Iterator[str]:
    """The words with which a shell may complete the value of an option, after the values that are ``given`` so far."""
    if find := _FINDERS.get(param.opts[0]):
        with suppress(DlcxError):  # a project that cannot be read has nothing to offer
            yield from find(given)
    yield from (word for word in words_of(command, param).split("|") if word.isalnum() and word.islower())


def _networks(_: dict[str, Any]) -> Iterator[str]:
    from dlcx.nets.registry import specs

    for net in (*specs("single"), *specs("multi")):
        yield from (net.example or net.name, *net.aliases)


def _detectors(_: dict[str, Any]) -> Iterator[str]:
    from dlcx.nets.registry import specs

    return (net.name for net in specs("detector"))


def _shuffles(given: dict[str, Any]) -> Iterator[str]:
    from dlcx.formats.project_config import open_project

    return (str(shuffle.number) for shuffle in open_project(given.get("project")).shuffles())


def _snapshots(given: dict[str, Any], prefix: str = "snapshot") -> Iterator[str]:
    from dlcx.formats.project_config import open_project

    shuffle = open_project(given.get("project")).shuffle(given.get("shuffle") or 1, given.get("trainset_index"))
    return (snapshot.uid for snapshot in shuffle.snapshots(prefix))


_FINDERS: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "--net-type": _networks,
    "--detector": _detectors,
    "--shuffle": _shuffles,
    "--from-shuffle": _shuffles,
    "--snapshot": _snapshots,
    "--detector-snapshot": partial(_snapshots, prefix="snapshot-detector"),
}
