"""Words of the next calls that results and hints name: short, but complete enough to run as printed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.project import Project, Shuffle

#: Epochs of DeepLabCut's configurations.
USUAL_EPOCHS = 200


def command_line(*words: str | Path) -> str:
    """``dlcx`` and these words, quoted for a shell."""
    return shlex.join(["dlcx", *map(str, words)])


def swap_command(tracks: Path, one: str, other: str, first: int, last: int | None = None) -> str:
    """The call that swaps two individuals from a frame on; names that look like options are kept apart from them."""
    names = [str(tracks), one, other]
    frames = ["--from", str(first), *(["--to", str(last)] if last is not None else [])]
    dashed = any(name.startswith("-") for name in names)
    return command_line("swap-tracks", *([*frames, "--", *names] if dashed else [*names, *frames]))


def analysis_flags(
    place: Shuffle,
    *,
    project: str | Path | None = None,
    snapshot: str | None = None,
    detector_snapshot: str | None = None,
    out: str | Path | None = None,
) -> list[str]:
    """The flags by which another command means the same analysis: those that this call was given."""
    given = {"--snapshot": snapshot, "--detector-snapshot": detector_snapshot, "--out": out}
    return [
        *(["--project", str(project)] if project else []),
        *place.flags,
        *(word for flag, value in given.items() if value is not None for word in (flag, str(value))),
    ]


def analyze_step(place: Shuffle, *flags: str) -> str:
    """The call that analyzes the project's videos, or words for it where none of them is there."""
    videos = videos_to_analyze(place.project)
    if not videos:
        return "analyze-video with the names of your videos"
    return command_line("analyze-video", *videos, *place.flags, *flags)


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
