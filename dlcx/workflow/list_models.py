"""List all supported networks and detectors, without importing torch."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from dlcx.options.commands.list_models import ListModelsOptions
from dlcx.options.entry_points import keyword_options

#: Recommended networks by purpose, as in docs/models.md.
RECOMMENDED = {
    "resnet_50": "one animal",
    "top_down_resnet_50": "one small animal in a large image, or several that seldom touch",
    "dlcrnet_stride16_ms5": "several animals that often touch, and for identities",
    "cspnext_s": "one animal where speed matters",
    "rtmpose_s": "several animals where speed matters",
    "rtmpose_m": "people",
    "ssdlite": "the first try of a top-down network",
}

if TYPE_CHECKING:
    from dlcx.options.keywords import ListModelsKeywords


@dataclass(frozen=True)
class Model:
    """One network; ``parameters`` and ``gflops`` (1e9 multiply-adds, 256 x 256 image): one animal, 4 bodyparts."""

    name: str
    family: str
    kinds: tuple[str, ...]
    parameters: int | None
    gflops: float | None
    stride: int
    suits: str
    paper: str
    aliases: tuple[str, ...] = ()
    recommended_for: str = ""

    @property
    def advice(self) -> str:
        """Text of the table's last column."""
        start = f"RECOMMENDED for {self.recommended_for}: " if self.recommended_for else ""
        return f"{start}{'detector, ' if self.kinds == ('detector',) else ''}{self.suits}"


@dataclass(frozen=True)
class Result:
    """Selected networks."""

    models: tuple[Model, ...]

    def lines(self) -> list[str]:
        """Return a table, recommended networks first, one per line; on a terminal, long cells are wrapped."""
        head = ("name", "parameters", "suits")
        rows = [(model.name, _millions(model.parameters), model.advice) for model in self.models]
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head) - 1)]
        before = sum(widths) + 2 * len(widths)
        room = max(shutil.get_terminal_size().columns - before, 20) if sys.stdout.isatty() else 10_000
        return [
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), part])
            for *cells, text in (head, *rows)
            for row, part in zip(_first_then_empty(cells), textwrap.wrap(text, room), strict=False)
        ]


def _millions(count: int | None) -> str:
    return f"{count / 1e6:.1f} M" if count else "-"


def _first_then_empty(cells: list[str]) -> Iterator[list[str]]:
    """Yield the cells of a table row, then empty cells for its continuation lines."""
    yield cells
    while True:
        yield [""] * len(cells)


@keyword_options(ListModelsOptions)
def list_models(
    **keywords: Unpack[ListModelsKeywords],
) -> Result:
    """List the values of ``--net-type``, of one kind (``single``, ``multi``, ``detector``) or of all kinds.

    Returns
    -------
    Result
        Selected networks.

    Raises
    ------
    DlcxError
        If the kind is unknown.
    """
    options = ListModelsOptions.of(**keywords)
    from dlcx.nets.registry import specs

    models = [
        Model(
            name=net.name,
            family=net.family,
            kinds=net.kinds,
            parameters=net.parameters,
            gflops=net.gflops,
            stride=net.stride,
            suits=net.summary,
            paper=net.paper,
            aliases=net.aliases,
            recommended_for=RECOMMENDED.get(net.name, ""),
        )
        for net in specs(options.kind)
    ]
    order = [*RECOMMENDED, *(model.name for model in models)]
    return Result(tuple(sorted(models, key=lambda model: order.index(model.name))))
