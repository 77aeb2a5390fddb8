"""Names in pictures of matplotlib, which takes dollars for mathematics and leaves out of legends what begins with _."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure


def literal(name: str) -> str:
    """A name for matplotlib as it is, also one such as ``$\\frac{$``."""
    return name.replace("$", r"\$")


def legend_of(figure: Figure, handles: Sequence[Any], names: Sequence[str], **look: Any) -> None:
    """Add a legend to a figure with every one of the names as it is."""
    legend = figure.legend(handles, [str(number) for number in range(len(names))], **look)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(literal(name))
