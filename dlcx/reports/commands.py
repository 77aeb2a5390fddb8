"""Commands that a page prints: they run as they stand, from any folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlcx.analysis.lookup.derived_files import settings_of
from dlcx.analysis.lookup.find_poses import FoundPoses, WantedPoses
from dlcx.next_steps import analysis_flags, command_line
from dlcx.project import Project


@dataclass(frozen=True)
class PoseCommands:
    """Commands that mean the same poses as the call that makes the page.

    ``flags`` name the project and the analysis, ``tracker`` and ``changed`` (flags too) which of its poses, and that
    the videos may have changed; ``filtered`` says whether those are filtered.
    """

    flags: tuple[str, ...]
    tracker: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    filtered: bool = False

    @classmethod
    def of(cls, wanted: WantedPoses, snapshot: str | None, detector_snapshot: str | None) -> PoseCommands:
        """Those with the flags of a call; ``snapshot`` and ``detector_snapshot`` as the call gives them."""
        changed = ("--allow-changed-video",) if wanted.allow_changed else ()
        if wanted.given is not None:
            return cls(
                (*cls.of_project(wanted.project).flags, "--poses", str(wanted.given.absolute())), changed=changed
            )
        flags = analysis_flags(
            wanted.place,
            project=wanted.project.root.absolute(),
            snapshot=snapshot,
            detector_snapshot=detector_snapshot,
            out=wanted.out.absolute() if wanted.out else None,
        )
        tracker = ("--tracker", wanted.tracker) if wanted.tracker else ()
        return cls(tuple(flags), tracker, changed, wanted.filtered)

    @classmethod
    def of_project(cls, project: Project) -> PoseCommands:
        """Those that say no more than the project."""
        return cls(("--project", str(project.root.absolute())))

    @property
    def chosen(self) -> tuple[str, ...]:
        """All flags."""
        return (*self.flags, *self.tracker, *(["--filtered"] if self.filtered else []), *self.changed)

    def on(self, name: str, videos: Sequence[Path], *more: str) -> str:
        """A command on the poses of videos."""
        return command_line(name, *(video.absolute() for video in videos), *self.chosen, *more)

    def analyzing(self, videos: Sequence[Path]) -> str:
        """The command that makes the poses; links animals as usual where unlinked poses are meant."""
        tracker = () if self.tracker[1:] == ("none",) else self.tracker
        return command_line("analyze-video", *(video.absolute() for video in videos), *self.flags, *tracker)

    def filtering(self, found: FoundPoses) -> str:
        """The command that filters again, as before, what filtered poses were made from."""
        flags = [*self.flags, *self.tracker, *self.changed]
        if "--poses" in flags:
            flags[flags.index("--poses") + 1] = str(found.file.source.absolute())
        for name, value in settings_of(found.file.path).items():
            flags += [f"--{name.replace('_', '-')}", str(value)]
        return command_line("filter-predictions", found.video.absolute(), *flags, "--overwrite")
