"""The values that options accept, for help texts and shell completion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from dlcx.errors import DlcxError


def words_of(param: Any) -> list[str]:
    """Return the words that help shows for an option, such as ``[a|b]`` or ``a|b|PATH``; capitals are placeholders."""
    shown = str(param.metavar or "")
    return shown.strip("[]").split("|") if "|" in shown else []


def has_completions(param: Any) -> bool:
    """Return whether :func:`complete` may know values for the option; for others the shell completes paths."""
    return param.opts[0] in _FINDERS or bool(words_of(param))


def complete(param: Any, given: dict[str, Any]) -> Iterator[str]:
    """Yield completions for the value of an option, considering the values ``given`` so far."""
    if find := _FINDERS.get(param.opts[0]):
        with suppress(DlcxError):  # an unreadable project offers no completions
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
