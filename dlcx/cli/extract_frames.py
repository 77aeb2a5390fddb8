"""``dlcx extract-frames``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dlcx.cli.options import Call, MethodOption, PickedFramesOption, PickSeedOption, SomeVideosArgument, command


@command
def extract_frames(
    call: Call,
    videos: SomeVideosArgument = None,
    method: MethodOption = "kmeans",
    frames: PickedFramesOption = None,
    start: Annotated[
        float | None, typer.Option("--start", help="Share of the video to begin at.", show_default="config.yaml's")
    ] = None,
    stop: Annotated[
        float | None, typer.Option("--stop", help="Share of the video to end at.", show_default="config.yaml's")
    ] = None,
    crop: Annotated[bool, typer.Option("--crop", help="Save the part that config.yaml gives each video.")] = False,
    step: Annotated[int, typer.Option("--step", help="kmeans: look at every N-th frame.")] = 1,
    width: Annotated[int, typer.Option("--width", help="kmeans: shrink frames to so many pixels.")] = 30,
    color: Annotated[bool, typer.Option("--color", help="kmeans: compare colours, not only brightness.")] = False,
    seed: PickSeedOption = 42,
) -> Any:
    """Save frames of the videos as images to label."""
    from dlcx.workflow.extract_frames import extract_frames as workflow

    return workflow(
        call.project,
        videos or (),
        method=method,
        frames=frames,
        start=start,
        stop=stop,
        crop=crop,
        step=step,
        width=width,
        color=color,
        seed=seed,
        progress=call.progress,
    )
