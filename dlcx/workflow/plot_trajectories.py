"""Plot trajectories of bodyparts into DeepLabCut's ``plot-poses`` folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.analysis.lookup.derived_files import refuse_others
from dlcx.analysis.lookup.find_poses import FoundPoses, WantedPoses
from dlcx.analysis.many_videos import VideosResult, each_video
from dlcx.errors import DlcxError
from dlcx.options.commands.plot_trajectories import PlotTrajectoriesOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import check_folder
from dlcx.poses import Tracks
from dlcx.progress import SILENT, Progress
from dlcx.visuals.selected_bodyparts import only_parts

if TYPE_CHECKING:
    from dlcx.options.keywords import PlotTrajectoriesKeywords
    from dlcx.visuals.trajectories import Paths


@dataclass(frozen=True)
class PlottedVideo:
    """Plots of one video, and the poses that they show."""

    video: Path
    poses: Path
    pictures: tuple[Path, ...]


@dataclass(frozen=True)
class PlotTrajectoriesResult(VideosResult[PlottedVideo]):
    """Plotted videos, and failed videos with the reason."""

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = []
        for one in self.videos:
            lines.append(f"poses: {one.poses}")
            lines += [f"picture: {picture}" for picture in one.pictures]
        return lines + self.failures()


@keyword_options(PlotTrajectoriesOptions)
def plot_trajectories(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[PlotTrajectoriesKeywords],
) -> PlotTrajectoriesResult:
    """Plot the poses of videos: paths, coordinates, likelihood and step lengths, one set of plots per animal.

    Existing plots of the same poses with the same settings are replaced; other existing plots are an error unless
    ``overwrite`` is true.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Video files, folders and glob patterns.

    Returns
    -------
    PlotTrajectoriesResult
        Plots of each video.

    Raises
    ------
    DlcxError
        If an option is invalid, or the only video fails.  If some of several videos fail, the result lists them.
    """
    options = PlotTrajectoriesOptions.of(project=project, videos=videos, **keywords)
    from dlcx.visuals.colors import part_colors

    wanted = WantedPoses.of(options)
    colors = options.colormap or wanted.project.colormap
    part_colors(1, colors)
    min_likelihood = wanted.project.pcutoff if options.pcutoff is None else options.pcutoff
    found = wanted.videos(options.videos)
    plot = _Plot(
        options.bodyparts,
        options.individuals,
        min_likelihood,
        colors,
        wanted.project.alphavalue,
        options.linewidth,
        options.image_type,
        options.dpi,
        options.overwrite,
        progress,
    )
    done, failed = each_video(found, lambda video: plot(wanted.find(video)))
    return PlotTrajectoriesResult(done, failed)


@dataclass(frozen=True)
class _Plot:
    """Plot settings shared by all videos."""

    bodyparts: tuple[str, ...]
    individuals: tuple[str, ...]
    pcutoff: float
    colormap: str
    opacity: float
    linewidth: float
    image_type: str
    dpi: int
    overwrite: bool
    progress: Progress

    def __call__(self, found: FoundPoses) -> PlottedVideo:
        """Create all plots of one video."""
        from dlcx.visuals.trajectories import PICTURES, middle_frame, plot_paths

        drawn = []
        tracks = only_parts(found.in_frame(), self.bodyparts, self.individuals)
        owners = list(self._owners(tracks))
        wanted = [
            (kind, owner, paths, found.file.plot(kind, owner, f".{self.image_type}"))
            for owner, paths in owners
            for kind in PICTURES
        ]
        self._refuse_others([(paths, picture) for *_, paths, picture in wanted], found)
        for *_, picture in wanted[:1]:
            check_folder(picture.parent)
        ground = middle_frame(found.video, tracks)  # after all checks, because decoding is slow
        with self.progress.task(f"plot {found.video.name}", len(wanted), "picture") as task:
            for kind, owner, paths, picture in wanted:
                title = (
                    f"{found.video.name}{f', {owner}' if owner else ''}{', filtered' if found.file.filtered else ''}\n"
                )
                title += f"{found.file.scorer}, {self._shown(kind)}"
                plot_paths(
                    kind,
                    replace(paths, ground=ground),
                    picture,
                    title=title,
                    source=found.file.path.name,
                    dpi=self.dpi,
                    settings=self._settings(paths),
                )
                drawn.append(picture)
                task.advance()
        return PlottedVideo(found.video, found.file.path, tuple(drawn))

    def _owners(self, tracks: Tracks) -> Iterator[tuple[str, Paths]]:
        """Yield name and paths of each individual (unnamed for a single animal), and ``single``: unique bodyparts."""
        from dlcx.visuals.colors import point_colors
        from dlcx.visuals.trajectories import Paths

        layout = tracks.layout
        colors = point_colors(layout, self.colormap)
        parts = len(layout.bodyparts)
        sets = [
            (name if layout.multi else "", layout.bodyparts, tracks.xy[:, i], tracks.score[:, i], colors[:parts])
            for i, name in enumerate(layout.individuals)
        ]
        unique = colors[len(colors) - len(layout.unique) :]
        sets.append(("single", layout.unique, tracks.unique_xy, tracks.unique_score, unique))
        for owner, names, xy, score, shades in sets:
            if names:
                yield (
                    owner,
                    Paths(
                        names,
                        xy,
                        score,
                        shades,
                        self.pcutoff,
                        tracks.first,
                        linewidth=self.linewidth,
                        opacity=self.opacity,
                    ),
                )

    def _shown(self, kind: str) -> str:
        """Describe the likelihood cutoff of a plot, for its title."""
        if kind == "plot-likelihood":
            return f"all likelihoods; white line: {self.pcutoff:g}"
        return f"likelihood of {self.pcutoff:g} and more"

    def _settings(self, paths: Paths) -> str:
        """Settings that a plot depends on besides the poses, as JSON."""
        settings = {
            "colormap": self.colormap,
            "opacity": self.opacity,
            "linewidth": self.linewidth,
            "dpi": self.dpi,
            "pcutoff": self.pcutoff,
        }
        return json.dumps({"bodyparts": paths.names, **settings})

    def _refuse_others(self, pictures: Sequence[tuple[Paths, Path]], found: FoundPoses) -> None:
        from dlcx.visuals.trajectories import picture_source

        for paths, picture in pictures if not self.overwrite else ():
            if not picture.exists():
                continue
            if (source := picture_source(picture)) != found.file.path.name:
                raise DlcxError(
                    f"{picture} shows {source or 'other poses'}", hint="--overwrite replaces it, or move it away."
                )
            refuse_others(picture, picture_source(picture, "Settings"), self._settings(paths))
