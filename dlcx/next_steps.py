"""Words of the next calls that results and hints name: short, but complete enough to run as printed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError
from dlcx.options.command_line import command_after
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.network import ShuffleOptions
from dlcx.project import Project

#: Epochs of DeepLabCut's configurations.
USUAL_EPOCHS = 200


def analyze_step(project: Project, options: ShuffleOptions, /, **more: Any) -> str:
    """The call that analyzes the project's videos, or words for it where none of them is there."""
    videos = videos_to_analyze(project)
    if not videos:
        return "analyze-video with the names of your videos"
    return command_after(AnalyzeVideoOptions, options, videos=videos, **more)


def videos_to_analyze(project: Project) -> Sequence[str]:
    """Words that name videos of a project: its folder of videos, or a video elsewhere; none where all are lost."""
    from dlcx.data.video import find_videos
    from dlcx.formats.stored_paths import resolve_video

    with suppress(DlcxError):
        find_videos([project.videos_dir])
        return [shown(project.videos_dir)]
    for video in project.videos:
        with suppress(DlcxError):
            return [shown(resolve_video(project, video))]
    return []


def shown(path: Path) -> str:
    """A path as a user of the working folder writes it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
