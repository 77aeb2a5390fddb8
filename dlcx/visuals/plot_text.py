"""Names in matplotlib figures: matplotlib interprets dollar signs as math and hides labels that begin with _."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure


def literal(name: str) -> str:
    """Escape a name so that matplotlib shows it literally, even ``$\\frac{$``."""
    return name.replace("$", r"\$")


def legend_of(figure: Figure, handles: Sequence[Any], names: Sequence[str], **look: Any) -> None:
    """Add a legend that shows every name literally."""
    legend = figure.legend(handles, [str(number) for number in range(len(names))], **look)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(literal(name))
