"""``dlcx swap-tracks``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, command


@command
def swap_tracks(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The tracks: h5 or csv.")],
    one: Annotated[str, typer.Argument(metavar="A", help="An individual.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    first: Annotated[int, typer.Option("--from", metavar="FRAME", help="First frame to swap.")],
    last: Annotated[
        int | None,
        typer.Option("--to", metavar="FRAME", help="Last frame to swap.", show_default="the last one"),
    ] = None,
) -> Any:
    """Mend swapped identities: two individuals change tracks, in the h5 and in the csv beside it."""
    from dlcx.workflow.swap_tracks import swap_tracks as workflow

    return workflow(file, one, other, first=first, last=last)
