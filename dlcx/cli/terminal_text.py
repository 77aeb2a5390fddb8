"""Make text from any source safe to show on a terminal.

Names and messages may come from untrusted files: commands print text through :func:`printable` and JSON through
:func:`json_line`.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: Characters that a terminal interprets instead of showing: control characters, marks that reverse text,
#: line breaks, and bytes that are not UTF-8.
_OBEYED = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")


def printable(text: str) -> str:
    """Escape characters that a terminal would interpret, including line breaks (``\\x1b``, ``\\u202e``)."""
    return _OBEYED.sub(lambda found: _escape(ord(found[0])), text)


def one_line(text: str) -> str:
    """Return the text on one line with single spaces, and escape characters that a terminal would interpret."""
    return printable(" ".join(text.split()))


def json_line(value: Any) -> str:
    """Return one line of JSON; JSON escapes replace what a terminal would interpret, so readers get the exact value."""
    text = json.dumps(value, ensure_ascii=False)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # such characters occur only within strings


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # how Python represents a byte that is not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
