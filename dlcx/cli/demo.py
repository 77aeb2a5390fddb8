"""``dlcx demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, OverwriteOption, command


@command
def demo(
    call: Call,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder to make.")] = Path("demo"),
    animals: Annotated[
        int, typer.Option("--animals", help="Number of animals; more than one cross, overlap, leave and come back.")
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Another seed draws another recording.")] = 0,
    overwrite: OverwriteOption = False,
) -> Any:
    """Draw a small, fully labelled project with a video, to try everything on."""
    from dlcx.workflow.demo import demo as workflow

    return workflow(folder, animals=animals, seed=seed, overwrite=overwrite, progress=call.progress)
