"""Commands that a page prints: they run as they stand, from any folder."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from dlcx.workflow.videos.found_poses import FoundPoses, WantedPoses
from dlcx.workflow.videos.made_from_poses import settings_of


@dataclass(frozen=True)
class PoseCommands:
    """Commands on the poses of videos: ``flags`` choose the same poses as the call that makes the page."""

    flags: tuple[str, ...]

    @classmethod
    def of(cls, wanted: WantedPoses, snapshot: str | None, detector_snapshot: str | None) -> PoseCommands:
        """Those with the flags of a call; ``snapshot`` and ``detector_snapshot`` as the call gives them."""
        project = ("--project", str(wanted.project.root.absolute()))
        if wanted.given is not None:
            return cls((*project, "--poses", str(wanted.given.absolute())))
        flags = [
            *project,
            *wanted.place.flags,
            *(["--snapshot", snapshot] if snapshot else []),
            *(["--detector-snapshot", detector_snapshot] if detector_snapshot else []),
            *(["--tracker", wanted.tracker] if wanted.tracker else []),
            *(["--out", str(wanted.out.absolute())] if wanted.out else []),
        ]
        return cls(tuple(flags))

    def of_video(self, name: str, video: Path, found: FoundPoses | None = None, *more: str) -> str:
        """A command on a video's poses."""
        flags = list(self.flags)
        if found is not None:
            flags += ["--filtered"] if found.file.filtered and "--poses" not in flags else []
            flags += ["--allow-changed-video"] if found.allow_changed else []
        return shlex.join(["dlcx", name, str(video.absolute()), *flags, *more])

    def filtering(self, found: FoundPoses) -> str:
        """The command that filters again, as before, what filtered poses were made from."""
        flags = list(self.flags)
        if "--poses" in flags:
            flags[flags.index("--poses") + 1] = str(found.file.source.absolute())
        if found.allow_changed:
            flags.append("--allow-changed-video")
        for name, value in settings_of(found.file.path).items():
            flags += [f"--{name.replace('_', '-')}", str(value)]
        return shlex.join(["dlcx", "filter-predictions", str(found.video.absolute()), *flags, "--overwrite"])
