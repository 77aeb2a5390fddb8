"""Extract outlier frames as images with machine labels to correct."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.analysis.lookup.find_poses import FoundPoses, WantedPoses
from dlcx.analysis.many_videos import VideosResult, each_video
from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.project_config import read_project_config
from dlcx.labeling.extracted_frames import SavedFrames, choose_frames, save_frames
from dlcx.locks import exclusive_edit
from dlcx.options.commands.extract_outliers import ExtractOutliersOptions
from dlcx.options.entry_points import keyword_options
from dlcx.outputs import check_folder
from dlcx.poses import Instances, Layout, Prediction, Tracks
from dlcx.progress import SILENT, Progress
from dlcx.project import Project
from dlcx.workflow.add_videos import add_videos

if TYPE_CHECKING:
    from dlcx.formats.labels.machine_labels import MachineLabels
    from dlcx.options.keywords import ExtractOutliersKeywords


@dataclass(frozen=True)
class OutlierFrames:
    """Outliers of one video: their number, selected frames, written images, and machine labels.

    ``added`` is true if the video was added to config.yaml.
    """

    video: Path
    poses: Path
    outliers: int
    frames: tuple[int, ...]
    written: tuple[int, ...]
    folder: Path
    machine_labels: Path | None
    added: bool


@dataclass(frozen=True)
class ExtractOutliersResult(VideosResult[OutlierFrames]):
    """Extracted outliers of each video, and the videos that failed."""

    @property
    def next_steps(self) -> tuple[str, ...]:
        """Suggested next steps."""
        if any(one.frames for one in self.videos):
            return ("Correct the machine labels, for example in napari-deeplabcut, then: dlcx merge-labels",)
        return ()

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = []
        for one in self.videos:
            lines.append(f"{one.video.name}: {one.outliers} outliers, {len(one.frames)} chosen")
            if one.machine_labels:
                lines += [f"images: {one.folder} ({len(one.written)} new)", f"machine labels: {one.machine_labels}"]
            lines += ["added to config.yaml"] if one.added else []
        return lines + self.failures()


@keyword_options(ExtractOutliersOptions)
def extract_outliers(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[ExtractOutliersKeywords],
) -> ExtractOutliersResult:
    """Save outlier frames, and their poses as ``machinelabels-iter<I>.h5`` for correction.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Video files, folders and glob patterns.

    Returns
    -------
    ExtractOutliersResult
        Extracted outliers of each video.

    Raises
    ------
    DlcxError
        If an option is invalid, or the only video fails.  If some of several videos fail, the result lists them.
    """
    options = ExtractOutliersOptions.of(project=project, videos=videos, **keywords)
    if options.algorithm == "fitting":
        from dlcx.series.arima import check_arima

        check_arima()
    if options.algorithm != "list":
        from dlcx.data.frame_selection import check_method

        check_method(options.method)
    if bool(options.frame_numbers) != (options.algorithm == "list"):
        raise DlcxError("--algorithm list and --frame-numbers belong together")
    wanted = WantedPoses.of(options)
    search = _Search(
        options.algorithm,
        options.epsilon,
        options.p_bound,
        options.ar,
        options.ma,
        tuple(options.frame_numbers),
        tuple(options.bodyparts),
        progress,
    )
    pick = _Pick(
        wanted.project, options.method, options.frames, options.seed, options.plot, options.copy_videos, progress
    )
    found = wanted.videos(options.videos)
    return ExtractOutliersResult(*each_video(found, lambda video: pick(wanted.find(video), search)))


@dataclass(frozen=True)
class _Search:
    """Find outlier frames in the poses of a video."""

    algorithm: str
    epsilon: float
    p_bound: float
    ar: int
    ma: int
    frame_numbers: tuple[int, ...]
    bodyparts: tuple[str, ...]
    progress: Progress

    def __call__(self, tracks: Tracks) -> list[int]:
        """Return the numbers of the outlier frames in the video."""
        from dlcx.series.outliers import deviating_frames, displaced_frames, uncertain_frames

        if self.algorithm == "list":
            first, stop = tracks.first, tracks.first + len(tracks)
            if beside := [number for number in self.frame_numbers if not first <= number < stop]:
                raise DlcxError(
                    f"--frame-numbers: there are no poses of frame {beside[0]}, only of {first} to {stop - 1}"
                )
            return sorted(set(self.frame_numbers))
        xy, score = self._points(tracks)
        if self.algorithm == "jump":
            odd = displaced_frames(xy, self.epsilon)
        elif self.algorithm == "uncertain":
            odd = uncertain_frames(score, self.p_bound)
        else:
            with self.progress.task("fit", total=2 * xy.shape[1], unit="coordinate") as task:
                odd = deviating_frames(
                    xy, score, self.epsilon, min_score=self.p_bound, ar=self.ar, ma=self.ma, fitted=task.advance
                )
        return (tracks.first + np.flatnonzero(odd)).tolist()

    def _points(self, tracks: Tracks) -> tuple[np.ndarray, np.ndarray]:
        """Return xy (T, N, 2) and score (T, N) of the selected bodyparts of all animals and of unique bodyparts."""
        layout = tracks.layout
        names = [*layout.bodyparts * len(layout.individuals), *layout.unique]
        for part in self.bodyparts:
            if part not in names:
                raise DlcxError(f"--bodypart {part}: no such bodypart", hint=did_you_mean(part, dict.fromkeys(names)))
        chosen = [number for number, name in enumerate(names) if not self.bodyparts or name in self.bodyparts]
        return tracks.points[:, chosen], tracks.point_scores[:, chosen]


@dataclass(frozen=True)
class _Pick:
    """Select outlier frames and save them with their poses."""

    project: Project
    method: str
    frames: int | None
    seed: int
    plot: bool
    copy_videos: bool
    progress: Progress

    def __call__(self, found: FoundPoses, search: _Search) -> OutlierFrames:
        from dlcx.data.frame_selection import candidate_frames
        from dlcx.data.video import open_video
        from dlcx.formats.labels.machine_labels import read_machine_labels, write_machine_labels

        home, path = self.project, found.video
        config = read_project_config(home.config_path)
        tracks = found.in_frame()
        folder, target = home.labeled_data / path.stem, home.machine_labels_path(path.stem)
        check_folder(folder)
        self._check_names(tracks.layout, found.file.path)
        before = read_machine_labels(target) if target.is_file() else None
        if before is not None:
            before.add_missing_images(_machine_labels(tracks, None, path.stem, found.file.scorer))
        odd = search(tracks)
        video = open_video(path)
        if search.algorithm == "list":
            chosen = odd
        else:
            count = config.numframes2pick if self.frames is None else self.frames
            numbers = candidate_frames(video.frames, float(config.start), float(config.stop), odd)
            chosen = choose_frames(video, numbers, count, method=self.method, seed=self.seed, progress=self.progress)
        if not chosen:
            return OutlierFrames(path, found.file.path, len(odd), (), (), folder, None, added=False)
        added = add_videos(home.root, path, copy_videos=self.copy_videos).added
        saved = save_frames(video, chosen, folder)
        labels = _machine_labels(tracks, saved, path.stem, found.file.scorer)
        with exclusive_edit(target, target.with_name("machinelabels.csv")):
            merged = read_machine_labels(target).add_missing_images(labels) if target.is_file() else labels
            write_machine_labels(merged, target)
        if self.plot:
            self._draw(tracks, saved)
        return OutlierFrames(
            path, found.file.path, len(odd), tuple(saved.names), saved.written, folder, target, bool(added)
        )

    def _check_names(self, layout: Layout, poses: Path) -> None:
        """Reject poses whose layout is incompatible with the project's labels."""
        own = self.project.layout
        if layout.multi != own.multi:
            kind = "several animals" if layout.multi else "a single animal"
            raise DlcxError(f"{poses} holds poses of {kind}, which the project does not have")
        names = ((layout.bodyparts, own.bodyparts), (layout.unique, own.unique), (layout.individuals, own.individuals))
        for theirs, known in names if own.multi else names[:2]:
            if unknown := [name for name in theirs if name not in known]:
                raise DlcxError(
                    f"{poses} names {unknown[0]}, which {self.project.config_path} does not",
                    hint=did_you_mean(unknown[0], known),
                )

    def _draw(self, tracks: Tracks, saved: SavedFrames) -> None:
        from dlcx.data.images import read_image
        from dlcx.visuals.image_writer import write_picture
        from dlcx.visuals.labeled_images import LabeledImagePainter

        home = self.project
        paint = LabeledImagePainter(
            tracks.layout,
            pcutoff=home.pcutoff,
            colormap=home.colormap,
            dotsize=home.dotsize,
            opacity=home.alphavalue,
        )
        for number, name in saved.names.items():
            row = number - tracks.first
            unique = Instances(tracks.unique_xy[row][None], tracks.unique_score[row][None])
            pose = Prediction(Instances(tracks.xy[row], tracks.score[row]), unique if tracks.layout.unique else None)
            picture = paint(read_image(saved.folder / name), None, pose)
            write_picture(picture, saved.folder / f"{Path(name).stem}labeled.png")


def _machine_labels(tracks: Tracks, saved: SavedFrames | None, stem: str, scorer: str) -> MachineLabels:
    """Poses of the saved frames as machine labels; empty if no frame is saved."""
    from dlcx.formats.labels.machine_labels import MachineLabels

    names = saved.names if saved else {}
    rows = [number - tracks.first for number in names]
    return MachineLabels(
        scorer,
        tracks.layout,
        tuple(("labeled-data", stem, name) for name in names.values()),
        tracks.xy[rows],
        tracks.score[rows],
        tracks.unique_xy[rows],
        tracks.unique_score[rows],
    )
