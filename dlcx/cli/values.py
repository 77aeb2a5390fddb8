"""The values that options take: shown in help, and offered when the shell completes a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from dlcx.errors import DlcxError


def words_of(param: Any) -> list[str]:
    """The words that help shows for an option, such as ``[a|b]`` or ``a|b|PATH``; capitals stand for any value."""
    shown = str(param.metavar or "")
    return shown.strip("[]").split("|") if "|" in shown else []


def has_completions(param: Any) -> bool:
    """Whether :func:`complete` may know words for the option; the shell completes all others as paths."""
    return param.opts[0] in _FINDERS or bool(words_of(param))


def complete(param: Any, given: dict[str, Any]) -> Iterator[str]:
    """The words with which a shell may complete the value of an option, after the values that are ``given`` so far."""
    if find := _FINDERS.get(param.opts[0]):
        with suppress(DlcxError):  # a project that cannot be read has nothing to offer
            yield from find(given)
    yield from (word for word in words_of(param) if word.replace("_", "").isalnum() and word.islower())


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
