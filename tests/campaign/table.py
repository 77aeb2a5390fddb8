"""The table of results: what was tried, what came out, what was wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from campaign.case import Case

if TYPE_CHECKING:
    from campaign.run import Result

HEAD = """\
# Odd files and odd calls: results

Written by `make campaign`. A fault is an exit code of 1, a traceback, a crash, a hang, much memory, a wrong or lost
value, a file changed by a call that failed, a message that names neither file nor option, or a raw control character.
Where a case says "right or refused", a call may succeed only with the values that the generator knows to be right.
"""


def table(cases: Sequence[Case], results: Sequence[Result]) -> str:
    """Markdown: counts by kind, then every case."""
    kinds: dict[str, list[tuple[Case, Result]]] = {}
    for case, result in zip(cases, results, strict=True):
        kinds.setdefault(case.kind, []).append((case, result))
    lines = [HEAD, "| kind | cases | odd files | calls | faults |", "|---|---:|---:|---:|---:|"]
    lines += [_row(kind, pairs) for kind, pairs in kinds.items()]
    lines.append(_row("all", [pair for pairs in kinds.values() for pair in pairs]))
    for kind, pairs in kinds.items():
        lines += [
            "",
            f"## {kind}",
            "",
            "| case | calls | expected | exit code | message | fault |",
            "|---|---|---|---|---|---|",
        ]
        for case, result in pairs:
            message = result.message.removeprefix("error: ")
            cells = [
                case.name,
                "; ".join(result.calls),
                _expected(case),
                str(result.code),
                message,
                "; ".join(result.faults),
            ]
            lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join(lines) + "\n"


def _row(name: str, pairs: Sequence[tuple[Case, Result]]) -> str:
    files = sum(case.files for case, _ in pairs)
    calls = sum(len(case.calls) for case, _ in pairs)
    faults = sum(bool(result.faults) for _, result in pairs)
    return f"| {name} | {len(pairs)} | {files} | {calls} | {faults} |"


def _expected(case: Case) -> str:
    words = {0: "right", 2: "call refused", 3: "refused", 4: "some failed"}
    return " or ".join(words[code] for code in sorted(case.codes))


def _cell(text: str, width: int = 120) -> str:
    """A text in a cell: one line, no markup, not long."""
    text = re.sub(r"[^\x20-\x7e\xa0-\uffff]", "?", " ".join(text.split()))
    text = text if len(text) <= width else f"{text[: width - 3]}..."
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
