"""``dlcx create-project``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, CopyVideosOption, VideosArgument, command, names


@command
def create_project(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the project is called.")],
    scorer: Annotated[str, typer.Argument(metavar="SCORER", help="Who labels.")],
    videos: VideosArgument,
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where the project's folder is made.", show_default="here")
    ] = Path(),
    date: Annotated[
        str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Part of its name.", show_default="today")
    ] = None,
    multi: Annotated[bool, typer.Option("--multi", help="Several animals.")] = False,
    bodyparts: Annotated[
        str | None,
        typer.Option(
            "--bodyparts", metavar="A,B,...", help="What to label.", show_default="to be named in config.yaml"
        ),
    ] = None,
    individuals: Annotated[
        str | None, typer.Option("--individuals", metavar="A,B,...", help="Names of several animals.")
    ] = None,
    unique: Annotated[
        str | None,
        typer.Option("--unique", metavar="A,B,...", help="With several animals: what exists once, such as a corner."),
    ] = None,
    copy_videos: CopyVideosOption = False,
) -> Any:
    """Make a new project folder with its videos and config.yaml."""
    from dlcx.workflow.create_project import create_project as workflow

    return workflow(
        name,
        scorer,
        videos,
        folder=folder,
        date=date,
        multi=multi,
        bodyparts=names(bodyparts, "--bodyparts"),
        individuals=names(individuals, "--individuals"),
        unique=names(unique, "--unique"),
        copy_videos=copy_videos,
        progress=call.progress,
    )
