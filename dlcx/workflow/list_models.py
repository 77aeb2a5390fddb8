"""``dlcx list-models``: every net and detector that works, without importing torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from dlcx.errors import DlcxError, did_you_mean


@dataclass(frozen=True)
class Model:
    """One net: ``parameters`` and ``gflops`` (1e9 multiply-adds, 256 x 256 image) are for one animal, 4 bodyparts."""

    name: str
    family: str
    kinds: tuple[str, ...]
    parameters: int | None
    gflops: float | None
    stride: int
    suits: str
    paper: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """The nets that were asked for."""

    models: tuple[Model, ...]

    def lines(self) -> list[str]:
        """A table, one net a line."""
        head = ("name", "family", "kind", "parameters", "GFLOPs", "stride", "suits", "paper")
        rows = [
            (
                " = ".join((model.name, *model.aliases)),
                model.family,
                ",".join(model.kinds),
                f"{model.parameters / 1e6:.1f} M" if model.parameters else "-",
                f"{model.gflops:.1f}" if model.gflops else "-",
                str(model.stride),
                model.suits,
                model.paper,
            )
            for model in self.models
        ]
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head) - 1)]
        return [
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
            for row in (head, *rows)
        ]


def list_models(*, kind: str | None = None) -> Result:
    """Every name that ``--net-type`` takes, of one kind (``single``, ``multi``, ``detector``) or of all.

    Raises
    ------
    DlcxError
        For an unknown kind.
    """
    from dlcx.nets.registry import Kind, specs

    kinds = get_args(Kind)
    if kind is not None and kind not in kinds:
        raise DlcxError(f"--kind {kind}: no such kind", hint=did_you_mean(kind, kinds))
    return Result(
        tuple(
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
            )
            for net in specs(kind)  # type: ignore[arg-type]
        )
    )
