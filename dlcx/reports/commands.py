"""Commands printed on pages; they run unchanged from any folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dlcx.analysis.lookup.derived_files import settings_of
from dlcx.analysis.lookup.find_poses import FoundPoses, WantedPoses
from dlcx.options import Options
from dlcx.options.command_line import command_after
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.filter_predictions import FilterPredictionsOptions
from dlcx.options.poses import PosesOptions
from dlcx.project import Project


@dataclass(frozen=True)
class PoseCommands:
    """Builds commands that refer to the poses of a page; paths in ``options`` are absolute."""

    options: PosesOptions

    @classmethod
    def of(cls, wanted: WantedPoses) -> PoseCommands:
        """The builder for the poses that a call selected."""
        options = wanted.options
        return cls(
            replace(
                PosesOptions(**options.values_of(PosesOptions)),
                project=wanted.project.root.absolute(),
                out=options.out.absolute() if options.out else None,
                poses=options.poses.absolute() if options.poses else None,
            )
        )

    @classmethod
    def of_project(cls, project: Project) -> PoseCommands:
        """The builder for commands that name only the project."""
        return cls(PosesOptions(project=project.root.absolute()))

    def on(self, kind: type[Options], videos: Sequence[Path], **more: Any) -> str:
        """Return a command on the poses of videos."""
        return command_after(kind, self.options, videos=[video.absolute() for video in videos], **more)

    def analyzing(self, videos: Sequence[Path]) -> str:
        """Return the command that creates the poses, with animals linked as by default even if the page shows unlinked
        poses.
        """
        tracker = None if self.options.tracker in ("none", "transformer") else self.options.tracker
        return self.on(AnalyzeVideoOptions, videos, tracker=tracker)

    def filtering(self, found: FoundPoses) -> str:
        """Return the command that filters poses again with the same settings."""
        source = {} if self.options.poses is None else {"poses": found.file.source.absolute()}
        settings = settings_of(found.file.path)
        return self.on(FilterPredictionsOptions, [found.video], **source, **settings, overwrite=True)
