"""Text as it can be shown on a terminal, wherever it comes from.

Names and messages may come from a stranger's file: whatever a command prints goes through :func:`printable`, and what
it prints as JSON through :func:`json_line`.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: What a terminal obeys instead of showing it: control characters, marks that turn the direction of text around, ends
#: of lines, and bytes of names that are not UTF-8.
_OBEYED = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")


def printable(text: str) -> str:
    """The text with escapes (``\\x1b``, ``\\u202e``) in place of what a terminal would obey, line ends included."""
    return _OBEYED.sub(lambda found: _escape(ord(found[0])), text)


def one_line(text: str) -> str:
    """The text on one line with single blanks, and escapes in place of what a terminal would obey."""
    return printable(" ".join(text.split()))


def json_line(value: Any) -> str:
    """One line of JSON; what a terminal would obey stands in it as an escape of JSON, so readers get the very value."""
    text = json.dumps(value, ensure_ascii=False)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # they stand in strings only


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
