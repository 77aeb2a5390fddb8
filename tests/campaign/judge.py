"""Detect faults: crashes, hangs, high memory use, changes by failed commands, and unhelpful messages."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from pathlib import Path

from campaign.case import DONE, SOME_FAILED, UNUSABLE, USAGE, Case, CommandResult
from campaign.forked import IDLE, PROCESSOR

#: Memory in MB that a command may use in addition to its imports.
MEMORY = 1200.0
#: Allowed prefixes of lines on stderr with --quiet.
KNOWN = ("error: ", "hint: ", "warning: ", "libpng warning: ", "libpng error: ")  # printed by libpng itself
PARSED = (DONE, SOME_FAILED)


def listing(folder: Path) -> dict[str, str]:
    """Return every path in a folder with its content: the digest of a file or the target of a link."""
    found = {}
    for above, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = os.path.join(above, name)
            found[os.path.relpath(path, folder)] = _content(path)
    return found


def _content(path: str) -> str:
    if os.path.islink(path):
        return f"link {os.readlink(path)}"
    if os.path.isdir(path):
        return "folder"
    if not os.path.isfile(path):
        return "special"
    try:
        with open(path, "rb") as file:
            return hashlib.sha1(file.read(), usedforsecurity=False).hexdigest()
    except OSError:
        return "unreadable"


def changes(before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    """Return the paths that were created, changed or removed."""
    return tuple(sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path)))


def faults_of(case: Case, ended: CommandResult, *, last: bool) -> list[str]:
    """Return all faults of a finished command, except in its results."""
    err = ended.err.decode("utf-8", "surrogateescape")
    found = []
    if ended.code < 0 or ended.code not in (*PARSED, USAGE, UNUSABLE):
        found.append("hang" if _hung(ended) else "crash" if ended.code < 0 else f"exit code {ended.code}")
    elif ended.processor > PROCESSOR:
        found.append("hang")
    allowed = case.codes if last else {DONE}
    if ended.code not in allowed and not found:
        found.append(f"exit code {ended.code} instead of {' or '.join(map(str, sorted(allowed)))}")
    if "Traceback (most recent call last)" in err or "bug in dlcx" in err:
        found.append("traceback")
    if ended.growth > MEMORY or "out of memory" in err:
        found.append(f"more than {MEMORY:.0f} MB")
    if odd := _control(ended.text):
        found.append(f"raw control character {odd}")
    if "--debug" not in ended.words:
        found += _message(case, ended, err)
    if "--json" in ended.words:
        found += _json(ended)
    if ended.code in (USAGE, UNUSABLE) and case.keeps and ended.changed:
        found.append(f"files changed by a failed command: {', '.join(ended.changed[:4])}")
    return found


def _hung(ended: CommandResult) -> bool:
    return ended.wall > IDLE or ended.processor > PROCESSOR


def _control(text: str) -> str:
    for character in text:
        if unicodedata.category(character) == "Cc" and character not in "\n\t":
            return repr(character)
    return ""


def _message(case: Case, ended: CommandResult, err: str) -> list[str]:
    errors = [line for line in err.split("\n") if line.startswith("error: ")]
    found = []
    if case.quiet and (strange := [line for line in err.split("\n") if line and not line.startswith(KNOWN)]):
        found.append(f"unexpected line: {strange[0][:100]}")
    if ended.code not in (USAGE, UNUSABLE):
        return found
    if len(errors) != 1 and 2 not in case.closed:
        found.append(f"{len(errors)} error lines")
    elif errors and case.names and not re.search(case.names, errors[0], re.S):
        found.append(f"the message does not name {case.names}")
    if errors and len(errors[0]) > 8000:
        found.append(f"a message of {len(errors[0])} characters")
    if ended.out and "--json" not in ended.words:
        found.append("output on stdout of a failed command")
    return found


def _json(ended: CommandResult) -> list[str]:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not valid JSON")

    try:
        result = json.loads(ended.out, parse_constant=refuse)
    except ValueError as error:
        return [] if ended.out == b"" and ended.code == DONE and "--help" in ended.words else [f"invalid JSON: {error}"]
    if not isinstance(result, dict):
        return ["JSON is not an object"]
    printed = result.get("error", {}).get("exit_code") if isinstance(result.get("error"), dict) else None
    if ended.code in (USAGE, UNUSABLE) and printed != ended.code:
        return [f"JSON says exit code {printed}"]
    return []
