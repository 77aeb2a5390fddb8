"""Track the animals of analyzed videos again with other settings, without running the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.analysis.lookup.same_video import check_video
from dlcx.analysis.many_videos import VideosResult, each_video, refuse_shared_outputs
from dlcx.analysis.tracking import Linking, TrackedVideo, next_steps
from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.analysis_files import AnalysisFiles
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import shuffle_config
from dlcx.locks import locked
from dlcx.options.command_line import command_after
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.track import TrackOptions
from dlcx.options.entry_points import keyword_options
from dlcx.poses import Instances, Layout, Prediction
from dlcx.progress import SILENT, Progress
from dlcx.project import Shuffle, net_name

if TYPE_CHECKING:
    from dlcx.options.keywords import TrackKeywords


@dataclass(frozen=True)
class TrackResult(VideosResult[TrackedVideo]):
    """Tracks of each video, and the videos that failed."""

    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = [line for video in self.videos for line in video.lines()]
        return lines + self.failures()


@keyword_options(TrackOptions)
def track(
    project: str | Path | None = None,
    videos: Sequence[str | Path] | str | Path = (),
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[TrackKeywords],
) -> TrackResult:
    """Track the animals detected by :func:`dlcx.analyze_video` or DeepLabCut.

    Detections are read from the chunk store of the analysis, or from ``_assemblies.pickle`` if there is none.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.
    videos
        Video files, folders and glob patterns.

    Returns
    -------
    TrackResult
        Tracks of each video.

    Raises
    ------
    DlcxError
        If an option is invalid, or the only video fails.  If some of several videos fail, the result lists them.
    """
    options = TrackOptions.of(project=project, videos=videos, **keywords)
    from dlcx.data.video import find_videos

    place = open_project(options.project).shuffle(options.shuffle, options.trainset_index)
    linking = Linking.of(
        place,
        tracker=options.tracker,
        animals=options.animals,
        identity_only=options.identity_only,
        min_length=options.min_length,
        max_gap=options.max_gap,
        pcutoff=options.pcutoff,
        max_age=options.max_age,
        min_hits=options.min_hits,
        threshold=options.threshold,
        relink=options.relink,
    )
    found = find_videos(options.videos)
    config = shuffle_config(place)
    net = TrainedNetwork.find_if_kept(
        place, config, snapshot=options.snapshot, detector_snapshot=options.detector_snapshot
    )
    scorer = net.scorer if net else ""

    folder = options.out
    targets = {path: AnalysisFiles(path, scorer, folder or path.parent) for path in found}
    refuse_shared_outputs(list(targets.values()))

    with progress.task("track", len(found), "video") as task:

        def one(path: Path) -> TrackedVideo:
            analyze = command_after(AnalyzeVideoOptions, options, videos=path)
            try:
                files = targets[path]
                if not scorer:
                    files = replace(files, scorer=_only_scorer(place, config.net_type, path, files.folder))
                source = files.store if files.store.is_dir() else files.assemblies
                if source.exists():
                    again = f"Run `{analyze} --overwrite`."
                    check_video(path, files, source, again, allow_changed=options.allow_changed_video)
                return _link(linking, files, f"Run `{analyze}` first.", csv=options.csv, overwrite=options.overwrite)
            finally:
                task.advance()

        done, failed = each_video(found, one)
    lost = {failure.video for failure in failed}
    first = next(path for path in found if path not in lost)
    return TrackResult(done, failed, next_steps(first, done[0], options))


def _link(linking: Linking, files: AnalysisFiles, hint: str, *, csv: bool, overwrite: bool) -> TrackedVideo:
    with locked(files.lock, f"the analysis of {files.video.name}"):
        predictions, first, frames = stored_predictions(files, linking.layout, hint)
        if not overwrite and (there := linking.existing(files, (first, first + len(predictions)))):
            return there
        return linking.link(files, predictions, first=first, frames=frames, csv=csv)


def stored_predictions(files: AnalysisFiles, layout: Layout, hint: str) -> tuple[list[Prediction], int, int]:
    """Read the stored detections of a video.

    Parameters
    ----------
    files
        Files of the analysis.
    layout
        Layout of the project.
    hint
        Hint for errors: how to analyze the video.

    Returns
    -------
    predictions
        One prediction per frame.
    first
        Number of the first frame.
    frames
        Number of frames of the video.

    Raises
    ------
    DlcxError
        If there are no stored detections, they cannot be read, or their bodyparts differ from the project's.
    """
    from dlcx.formats.predictions.analysis_pickles import read_meta_pickle
    from dlcx.formats.predictions.assemblies import read_assemblies
    from dlcx.store import read_store

    frames = read_meta_pickle(files.meta_pickle).frames if files.meta_pickle.is_file() else 0
    if stored := read_store(files.store):
        _check_bodyparts(stored.predictions, layout, files.store, hint)
        return stored.predictions, stored.first, max(frames, stored.first + len(stored))
    if not files.assemblies.is_file():
        raise DlcxError(
            f"no detections of {files.video.name}: neither {files.store} nor {files.assemblies.name} is there",
            hint=hint,
        )
    found = read_assemblies(files.assemblies, len(layout.individuals))
    _check_bodyparts(list(found.values()), layout, files.assemblies, hint)
    frames = max([frames, *(number + 1 for number in found)])
    nobody = Prediction(Instances.empty(len(layout.bodyparts)))
    return [found.get(number, nobody) for number in range(frames)], 0, frames


def _check_bodyparts(predictions: Sequence[Prediction], layout: Layout, source: Path, hint: str) -> None:
    """Reject poses whose number of bodyparts differs from config.yaml."""
    for parts, names, kind in (
        ({one.animals.xy.shape[1] for one in predictions}, layout.bodyparts, "bodyparts"),
        ({one.unique.xy.shape[1] for one in predictions if one.unique is not None}, layout.unique, "unique bodyparts"),
    ):
        if others := sorted(parts - {len(names)}):
            raise DlcxError(f"{source} holds poses of {others[0]} {kind}, config.yaml lists {len(names)}", hint=hint)


def _only_scorer(place: Shuffle, net_type: str, video: Path, folder: Path) -> str:
    """Return the scorer of the only stored analysis of a video by the shuffle's network."""
    project = place.project
    own = f"{video.stem}DLC_{net_name(net_type)}_{project.task}{project.date}shuffle{place.number}_"
    endings = ("_assemblies.pickle", ".dlcx")
    paths = folder.iterdir() if folder.is_dir() else ()
    names = {
        path.name.removesuffix(ending)
        for path in paths
        for ending in endings
        if path.name.startswith(own) and path.name.endswith(ending)
    }
    if len(names) == 1:
        return names.pop().removeprefix(video.stem)
    raise DlcxError(
        f"{len(names)} analyses of {video.name} by {place.name} in {folder}, and no snapshot in {place.train_dir}",
        hint="Name one with --snapshot PATH." if names else "Run `dlcx analyze-video` first, or name its --out.",
    )
