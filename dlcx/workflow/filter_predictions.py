"""Smooth the poses of videos, or fill their gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from dlcx.analysis.lookup.derived_files import is_there, origin_of
from dlcx.analysis.lookup.find_poses import FoundPoses, WantedPoses
from dlcx.analysis.many_videos import VideosResult, each_video, result_lines
from dlcx.errors import DlcxError
from dlcx.options.command_line import command_after
from dlcx.options.commands.create_labeled_video import CreateLabeledVideoOptions
from dlcx.options.commands.filter_predictions import FilterPredictionsOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import check_folder
from dlcx.poses import Tracks
from dlcx.progress import SILENT, Progress

#: Likelihood of a position that a spline or an ARIMA model has filled in.
FILLED = 0.01

if TYPE_CHECKING:
    from dlcx.options.keywords import FilterPredictionsKeywords


@dataclass(frozen=True)
class FilteredVideo:
    """Filtered poses of one video, with the number of ``moved`` and of ``filled`` (previously missing) positions.

    ``largest`` is the largest displacement of a known position in pixels.  All three are 0 if the file existed already.
    """

    video: Path
    poses: Path
    filtered: Path
    csv: Path | None
    existed: bool
    moved: int = 0
    filled: int = 0
    largest: float = 0.0

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = [f"poses: {self.poses}"]
        if self.existed:
            lines.append(f"filtered: {self.filtered} (was there already)")
        else:
            lines.append(f"filtered: {self.filtered}")
            lines.append(f"moved: {self.moved} positions, by {self.largest:.1f} px at most; filled: {self.filled}")
        return lines + ([f"csv: {self.csv}"] if self.csv else [])


@dataclass(frozen=True)
class FilterPredictionsResult(VideosResult[FilteredVideo]):
    """Filtered videos, and failed videos with the reason."""

    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines to print."""
        return result_lines(self)


@keyword_options(FilterPredictionsOptions)
def filter_predictions(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[FilterPredictionsKeywords],
) -> FilterPredictionsResult:
    """Write ``<poses>_filtered.h5``: the position of each bodypart, filtered over time.

    ``median``: the median of the known positions in a sliding window; gaps remain.  ``arima``: the one-step predictions
    of an ARIMA model fitted to each coordinate, also in gaps; the fit ignores positions of low likelihood.  ``spline``:
    gaps are filled by a cubic spline; other positions do not change.  Known positions are never removed, and keep their
    likelihood.  Filled positions get a likelihood of 0.01.  A position with one missing coordinate counts as missing;
    positions that remain missing have no likelihood above 0.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Video files, folders and glob patterns.

    Returns
    -------
    FilterPredictionsResult
        Filtered poses of each video.

    Raises
    ------
    DlcxError
        If an option is invalid, or the only video fails.  If some of several videos fail, the result lists them.
    """
    options = FilterPredictionsOptions.of(project=project, videos=videos, **keywords)
    if options.filter == "median" and options.window % 2 == 0:
        raise DlcxError(f"--window {options.window}: a median needs an odd number of frames")
    if options.filter == "arima":
        from dlcx.series.arima import check_arima

        check_arima()
    wanted = WantedPoses.of(options)
    found = wanted.videos(options.videos)
    settings: dict[str, Any] = {"filter": options.filter}
    settings |= (
        {"p_bound": options.p_bound, "ar": options.ar, "ma": options.ma}
        if options.filter == "arima"
        else {"window": options.window}
    )
    run = _Filter(settings, options.csv, options.overwrite, progress)
    done, failed = each_video(found, lambda video: run(wanted.find(video)))
    which = {"filtered": True} if options.poses is None else {"poses": done[0].filtered}
    look = command_after(CreateLabeledVideoOptions, options, videos=done[0].video, **which)
    return FilterPredictionsResult(done, failed, (f"Look at it: {look}",))


@dataclass(frozen=True)
class _Filter:
    """Filter settings shared by all videos."""

    settings: dict[str, Any]
    csv: bool
    overwrite: bool
    progress: Progress

    def __call__(self, found: FoundPoses) -> FilteredVideo:
        """Filter the poses of one video, unless an up-to-date file exists."""
        from dlcx.formats.predictions.video_predictions import read_scorer, write_predictions

        source, target = found.file.path, found.file.filtered_h5
        csv = target.with_suffix(".csv") if self.csv else None
        origin = origin_of(source, **self.settings)
        if is_there(target, origin, overwrite=self.overwrite):
            return FilteredVideo(found.video, source, target, csv if csv and csv.is_file() else None, existed=True)
        check_folder(target.parent)
        tracks = found.stored()
        if len(tracks.layout.individuals) > 1 and not found.file.is_linked:
            raise DlcxError(
                f"{source.name}: its animals are not linked, so a row is another animal in every frame",
                hint="Filter tracked poses.",
            )
        points = tracks.points.astype(np.float64)
        there = np.isfinite(points).all(-1)
        points[~there] = np.nan
        score = tracks.point_scores
        smooth = self._filtered(points, score, found.video.name)
        filled = np.isfinite(smooth).all(-1) & ~there
        score[filled] = FILLED
        score[~filled & ~there & (score > 0)] = np.nan
        animals = tracks.xy[..., 0].size // max(len(tracks), 1)
        made = Tracks(
            tracks.layout,
            smooth[:, :animals].reshape(tracks.xy.shape),
            score[:, :animals].reshape(tracks.score.shape),
            smooth[:, animals:],
            score[:, animals:],
            first=tracks.first,
        )
        double = tracks.xy.dtype == np.float64
        write_predictions(made, target, read_scorer(source), csv=self.csv, double=double, origin=origin)
        step = np.linalg.norm(smooth - points, axis=-1)
        known = step[np.isfinite(step)]
        return FilteredVideo(
            found.video,
            source,
            target,
            csv,
            existed=False,
            moved=int((known > 0).sum()),
            filled=int(filled.sum()),
            largest=float(known.max(initial=0)),
        )

    def _filtered(self, xy: np.ndarray, score: np.ndarray, name: str) -> np.ndarray:
        """Return filtered positions (T, P, 2); positions without an ARIMA prediction are unchanged."""
        from dlcx.series import fill_gaps, fit_arima, median_filter

        kind = self.settings["filter"]
        if kind == "median":
            return median_filter(xy, self.settings["window"])
        if kind == "spline":
            return fill_gaps(xy, self.settings["window"])
        known = np.broadcast_to((score >= self.settings["p_bound"])[..., None], xy.shape)
        with self.progress.task(f"filter {name}", total=xy.shape[1] * 2, unit="coordinate") as task:
            fit = fit_arima(xy, known, ar=self.settings["ar"], ma=self.settings["ma"], fitted=task.advance)
        return np.where(np.isfinite(fit.mean).all(-1, keepdims=True), fit.mean, xy)
