"""``dlcx list-models``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, command


@command
def list_models(
    call: Call,
    kind: Annotated[str | None, typer.Option("--kind", help="Only single, multi or detector.")] = None,
) -> Any:
    """List every --net-type and detector with its size and what it suits; --json adds papers, aliases and strides."""
    from dlcx.workflow.list_models import list_models as workflow

    return workflow(kind=kind)
