"""``dlcx add-videos``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.analyze_video import parse_crop
from dlcx.cli.options import Call, CopyVideosOption, VideosArgument, command


@command
def add_videos(
    call: Call,
    videos: VideosArgument,
    copy_videos: CopyVideosOption = False,
    crop: Annotated[
        str | None,
        typer.Option(
            "--crop", metavar="X1,X2,Y1,Y2", help="The part of the frames that matters.", show_default="all of it"
        ),
    ] = None,
) -> Any:
    """Add videos to the project and its config.yaml."""
    from dlcx.workflow.add_videos import add_videos as workflow

    return workflow(call.project, videos, copy_videos=copy_videos, crop=parse_crop(crop), progress=call.progress)
