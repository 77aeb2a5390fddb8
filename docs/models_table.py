"""Write the tables of docs/models.md from the network registry: ``python docs/models_table.py``."""

from __future__ import annotations

import re
from pathlib import Path

from dlcx.nets.registry import NetSpec, specs

PAGE = Path(__file__).with_name("models.md")
SEES = {
    "bu": "the whole image",
    "td": "crops from a detector",
    "ctd": "crops around initial poses",
    "detect": "the whole image",
}


def row(net: NetSpec) -> str:
    """Return the table row of a network."""
    names = "`, or `".join((net.name, *net.aliases))
    size = f"{net.parameters / 1e6:.1f}" if net.parameters else ""
    work = f"{net.gflops:.1f}" if net.gflops else ""
    return f"| `{names}` | {SEES[net.method]} | {size} | {work} | {net.stride} | {net.summary} | {net.paper} |"


def table(nets: list[NetSpec]) -> str:
    """Return a table in the order of ``dlcx list-models``."""
    head = (
        "| `--net-type` | input | million parameters | GFLOPs | stride | use | paper |\n|---|---|--:|--:|--:|---|---|"
    )
    return "\n".join([head, *map(row, nets)])


def page(text: str) -> str:
    """Return the page with current tables, without networks registered by other packages."""
    own = [net for net in specs() if net.golden or net.prefix]
    tables = {
        "networks": table([net for net in own if net.method != "detect"]),
        "detectors": table([net for net in own if net.method == "detect"]).replace("--net-type", "--detector"),
    }
    for name, rows in tables.items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(\n<!-- end -->)",
            lambda found, rows=rows: found[1] + rows + found[2],
            text,
            flags=re.DOTALL,
        )
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE)
