"""What a project holds, and the next sensible command."""

from __future__ import annotations

import glob
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dlcx import COMMANDS
from dlcx.analysis_files import AnalysisFiles, PoseFile, is_of_pytorch
from dlcx.errors import DlcxError
from dlcx.formats.learning_stats import read_learning_stats
from dlcx.formats.project_config import open_project, resolve_video
from dlcx.formats.tensorflow_shuffles import tensorflow_net, tensorflow_shuffles, what_carries_over
from dlcx.iterations import how_to_go_back
from dlcx.labeling.labeled_folders import LabeledFolder, labeled_folders
from dlcx.nets.registry import untrainable
from dlcx.next_steps import command_line
from dlcx.project import Project, Shuffle

#: Videos that are listed one by one.
LISTED = 20


@dataclass(frozen=True)
class ShuffleState:
    """How far a shuffle is: epochs of ``planned`` ones, the best test error in pixels, what was evaluated.

    ``error`` is the mean distance on test images; ``snapshot`` has it.  ``trouble`` says why its files cannot be read.
    A shuffle whose ``engine`` is ``tensorflow`` cannot be used; ``trainset_index`` is None where config.yaml lacks its
    training fraction.
    """

    shuffle: int
    trainset_index: int | None
    net_type: str
    train_images: int | None
    test_images: int | None
    epochs: int
    planned: int
    error: float | None
    snapshot: str | None
    evaluated: bool
    trouble: str = ""
    engine: str = "pytorch"

    @property
    def can_train(self) -> bool:
        """Whether commands can use it."""
        return not self.trouble and self.engine == "pytorch"


@dataclass(frozen=True)
class VideoState:
    """A video, whether it is there, and what was made of it: names of scorers, with tracker and filter.

    ``partial`` when no file of poses holds all of its frames; ``reports`` are pages that ``report`` wrote.
    ``other_poses`` are of another video of this name: of the file before it was replaced.
    """

    video: str
    path: Path | None
    poses: tuple[str, ...] = ()
    labeled_videos: int = 0
    partial: bool = False
    reports: int = 0
    other_poses: tuple[str, ...] = ()


@dataclass(frozen=True)
class StatusResult:
    """A project at a glance."""

    project: Path
    iteration: int
    individuals: int
    bodyparts: int
    unique: int
    labels: tuple[LabeledFolder, ...]
    shuffles: tuple[ShuffleState, ...]
    videos: tuple[VideoState, ...]
    next_steps: tuple[str, ...] = ()
    #: Other iterations that have snapshots.
    trained_iterations: tuple[int, ...] = ()

    def lines(self) -> list[str]:
        """One fact a line."""
        animals = "1 animal" if self.individuals == 1 else f"{self.individuals} animals"
        unique = f", {self.unique} unique" if self.unique else ""
        names = ("labeled", "images", "empty")
        labeled, images, empty = (sum(getattr(one, name) for one in self.labels) for name in names)
        seen_empty = f", {empty} without an animal" if empty else ""
        said = [
            f"project: {self.project}",
            f"layout: {animals}, {self.bodyparts} bodyparts{unique}, iteration {self.iteration}",
            f"labels: {labeled + empty} of {images} images in {len(self.labels)} "
            f"folder{'' if len(self.labels) == 1 else 's'}{seen_empty}",
        ]
        for one in self.labels:
            if one.trouble:
                said.append(f"  unreadable: {one.trouble}")
            elif not one.labeled:
                said.append(f"  unlabelled: {one.video}, {one.images} images")
        said += self._shuffle_lines() if self.shuffles else ["shuffles: none"]
        said += [how_to_go_back(self.trained_iterations)] if self.trained_iterations else []
        there = [one for one in self.videos if one.path]
        partial = sum(one.partial for one in there)
        in_part = f", {partial} of them in part" if partial else ""
        said.append(f"videos: {len(there)}, {sum(bool(one.poses) for one in there)} analysed{in_part}")
        said += [f"  {line}" for video in self.videos[:LISTED] for line in self._video_lines(video)]
        return said + ([f"  ... and {len(self.videos) - LISTED} more"] if len(self.videos) > LISTED else [])

    def _shuffle_lines(self) -> list[str]:
        head = ("shuffle", "net", "images", "epochs", "test error")
        rows = [head]
        for one in self.shuffles:
            images = "-" if one.train_images is None else f"{one.train_images}+{one.test_images}"
            error = "-" if one.error is None else f"{one.error:.2f} px"
            error = "no test image" if one.test_images == 0 else error
            if one.error is not None and not one.evaluated:
                error += " (in training)"
            number = str(one.shuffle) + (f" (trainset {one.trainset_index})" if one.trainset_index else "")
            net, epochs = one.net_type, f"{one.epochs}/{one.planned}"
            if one.engine == "tensorflow":
                net, epochs = f"{net} (TensorFlow)", "-"
            rows.append((number, net, images, epochs, one.trouble or error))
        wide = [max(len(row[column]) for row in rows) for column in range(len(head))]
        told = ["  ".join(cell.ljust(size) for cell, size in zip(row, wide, strict=True)).rstrip() for row in rows]
        return told + what_carries_over([one.shuffle for one in self.shuffles if one.engine == "tensorflow"])

    @staticmethod
    def _video_lines(one: VideoState) -> list[str]:
        if one.path is None:
            return [f"{one.video}: missing"]
        others = [f"  of another video: {name}" for name in one.other_poses]
        if not one.poses:
            return [f"{one.video}: not analysed", *others]
        drawn = (
            f", {one.labeled_videos} labelled video{'s' if one.labeled_videos > 1 else ''}"
            if one.labeled_videos
            else ""
        )
        return [
            f"{one.video}: {len(one.poses)} file{'s' if len(one.poses) > 1 else ''} of poses{drawn}",
            *(f"  {name}" for name in one.poses),
            *others,
        ]


def status(project: str | Path | None = None) -> StatusResult:
    """Labels, shuffles and videos of a project, how far each is, and what comes next.

    Parameters
    ----------
    project
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.

    Raises
    ------
    DlcxError
        When there is no project, or its config.yaml does not fit.
    """
    home = open_project(project)
    labels = tuple(labeled_folders(home))
    shuffles = (*map(_shuffle, home.shuffles()), *map(_tensorflow, tensorflow_shuffles(home)))
    videos = tuple(_videos(home))
    step = _next_step(home, labels, shuffles, videos)
    where = ["--project", str(project)] if project else []
    steps = (f"Next: {command_line(*step, *where)}",) if step[0] in _known() else (f"Next: {' '.join(step)}",)
    return StatusResult(
        project=home.root,
        iteration=home.iteration,
        individuals=len(home.layout.individuals),
        bodyparts=len(home.layout.bodyparts),
        unique=len(home.layout.unique),
        labels=labels,
        shuffles=shuffles,
        videos=videos,
        next_steps=steps,
        trained_iterations=home.trained_elsewhere,
    )


def _known() -> set[str]:
    return {name.replace("_", "-") for name in COMMANDS}


def _shuffle(shuffle: Shuffle) -> ShuffleState:
    from dlcx.formats.dlcx_config import read_own_config
    from dlcx.formats.model_config import shuffle_config
    from dlcx.formats.training_set import read_split

    index = shuffle.trainset_index
    try:
        config = shuffle_config(shuffle)
        net_type = read_own_config(shuffle.own_config_path).net_type or config.net_type
        split = read_split(shuffle.documentation_path)
        rows = read_learning_stats(shuffle.learning_stats_path)
    except DlcxError as error:
        return ShuffleState(shuffle.number, index, "?", None, None, 0, 0, None, None, False, trouble=str(error))
    snapshots = shuffle.snapshots()
    epochs = max([0, *(one.epoch for one in snapshots), *(int(row["step"]) for row in rows if snapshots)])
    trouble = ""
    try:
        least, uid, evaluated = _error(shuffle, rows)
    except DlcxError as error:
        least, uid, evaluated, trouble = None, None, False, str(error)
    return ShuffleState(
        shuffle=shuffle.number,
        trainset_index=index,
        net_type=net_type,
        train_images=len(split.train),
        test_images=len(split.test),
        epochs=epochs,
        planned=config.train_settings.epochs,
        error=least,
        snapshot=uid,
        evaluated=evaluated,
        trouble=trouble,
    )


def _tensorflow(shuffle: Shuffle) -> ShuffleState:
    from dlcx.formats.training_set import read_split

    fractions = shuffle.project.train_fractions
    train = test = None
    with suppress(DlcxError):  # its weights are of no use, its split may be gone
        split = read_split(shuffle.documentation_path)
        train, test = len(split.train), len(split.test)
    return ShuffleState(
        shuffle=shuffle.number,
        trainset_index=fractions.index(shuffle.fraction) if shuffle.fraction in fractions else None,
        net_type=tensorflow_net(shuffle),
        train_images=train,
        test_images=test,
        epochs=0,
        planned=0,
        error=None,
        snapshot=None,
        evaluated=False,
        engine="tensorflow",
    )


def _error(shuffle: Shuffle, rows: Sequence[dict[str, float]]) -> tuple[float | None, str | None, bool]:
    """The least test error: of what was evaluated, else of the training's own evaluations; of which snapshot."""
    from dlcx.formats.evaluation import read_combined

    best = {
        epoch: error
        for row in read_combined(shuffle.project.combined_results_path)
        if (row.shuffle, row.percent) == (shuffle.number, shuffle.percent)
        for epoch, error in [(row.epochs, row.test_rmse)]
    }
    evaluated = bool(best)  # also where there is no test image, or none of its labels was found
    best = {epoch: error for epoch, error in best.items() if math.isfinite(error)}
    if not evaluated:
        name = "metrics/test.rmse"
        best = {int(row["step"]): row[name] for row in rows if math.isfinite(row.get(name, math.nan))}
    if not best:
        return None, None, evaluated
    epoch = min(best, key=lambda one: best[one])
    uid = next((one.uid for one in reversed(shuffle.snapshots()) if one.epoch == epoch), None)
    return best[epoch], uid, evaluated


def _videos(home: Project) -> list[VideoState]:
    """The videos of config.yaml, then others in ``videos``."""
    from dlcx.data.video import VIDEO_SUFFIXES, is_made_from_analysis

    found: dict[Path, VideoState] = {}
    missing = []
    for video in home.videos:
        try:
            path = resolve_video(home, video)
        except DlcxError:
            missing.append(VideoState(video.stem, None))
        else:
            found[path.resolve()] = _video(path)
    others = sorted(home.videos_dir.iterdir()) if home.videos_dir.is_dir() else []
    for path in others:
        wanted = path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")
        if wanted and path.resolve() not in found and not is_made_from_analysis(path):
            found[path.resolve()] = _video(path)
    return [*found.values(), *missing]


def _video(path: Path) -> VideoState:
    every = AnalysisFiles(path, "", path.parent).pose_files
    others = [file for file in every if _is_of_another(path, file)]
    poses = [file for file in every if file not in others]
    from dlcx.data.video import VIDEO_SUFFIXES

    drawn = [
        other
        for other in path.parent.glob(f"{glob.escape(path.stem)}DLC*_labeled.*")
        if other.suffix.lower() in VIDEO_SUFFIXES
    ]
    parts = [_part_of(path, file.scorer) for file in poses]
    names = [_named(file, part) for file, part in zip(poses, parts, strict=True)]
    reports = len(list(path.parent.glob(f"{glob.escape(path.stem)}DLC*_report.html")))
    if others and not poses:
        drawn, reports = [], 0  # they show the other video
    partial = bool(parts) and all(parts)
    return VideoState(
        path.name, path, tuple(names), len(drawn), partial, reports, tuple(_named(file) for file in others)
    )


def _named(file: PoseFile, part: str = "") -> str:
    """The scorer of a file of poses, and what else tells it from others."""
    tracker = [file.tracker] if file.tracker else []
    return ", ".join([file.scorer, *tracker, *(["filtered"] if file.filtered else []), *([part] if part else [])])


def _is_of_another(video: Path, file: PoseFile) -> bool:
    """Whether a file holds the poses of another video of this name; False where that cannot be known."""
    from dlcx.analysis.lookup.same_video import compare_video

    with suppress(DlcxError):
        return bool(compare_video(video, AnalysisFiles(video, file.scorer, video.parent)).differences)
    return False


def _part_of(video: Path, scorer: str) -> str:
    """Which frames an analysis holds, where it does not hold all; nothing where all, or it does not say."""
    from dlcx.formats.analysis_pickles import read_meta_pickle
    from dlcx.store.chunks import written_frames

    files = AnalysisFiles(video, scorer, video.parent)
    try:
        written = written_frames(files.store)
        frames = read_meta_pickle(files.meta_pickle).frames if written and files.meta_pickle.is_file() else 0
    except DlcxError:
        return ""
    if not written or written[1] - written[0] >= frames:
        return ""
    return f"frames {written[0]}:{written[1]} of {frames}"


def _next_step(
    home: Project,
    labels: Sequence[LabeledFolder],
    shuffles: Sequence[ShuffleState],
    videos: Sequence[VideoState],
) -> list[str]:
    """The words of the next call, or of a sentence where people have to do something."""
    unreadable = [one.video for one in labels if one.trouble]
    if unreadable and not (any(one.labeled for one in labels) and any(one.epochs for one in shuffles)):
        return ["correct", "the", "label", "file", "of", f"{unreadable[0]},", "then", "run", "dlcx", "status", "again"]
    if not any(one.labeled for one in labels):
        if any(one.images for one in labels):
            return ["label", "the", "images", "of", "labeled-data", "in", "napari-deeplabcut"]
        return ["extract-frames"]
    sound = [one for one in shuffles if one.can_train]
    if not sound:
        return ["create-dataset"]
    usable = [one for one in sound if one.epochs or not untrainable(one.net_type)]
    if not usable:
        return home.shuffle(sound[0].shuffle, sound[0].trainset_index).how_to_supply.split(" ")
    sound = usable
    for one in sound:
        if one.epochs < one.planned and not one.evaluated and not untrainable(one.net_type):
            return ["train", *_flags(home, one)]
    for one in sound:
        if one.epochs and not one.evaluated:
            return ["evaluate", *_flags(home, one)]
    errors = [one for one in sound if one.error is not None]
    best = min(errors, key=lambda one: one.error or 0.0) if errors else sound[0]
    there = [one for one in videos if one.path is not None]
    if replaced := [one for one in there if one.other_poses and not one.poses]:
        return ["analyze-video", *(str(one.path) for one in replaced), *_flags(home, best), "--overwrite"]
    for step, lacks in (
        ("analyze-video", lambda one: not any(map(is_of_pytorch, one.poses))),  # DeepLabCut 2.x may have left others
        ("create-labeled-video", lambda one: not one.labeled_videos),
    ):
        if without := [one for one in there if lacks(one)]:
            few = [str(one.path) for one in without] if len(without) < 3 else [str(home.videos_dir)]
            return [step, *few, *_flags(home, best)]
    if not any(one.reports for one in there):
        return ["report", *(str(one.path) for one in there[:1]), *_flags(home, best)]
    for one in sound:
        if one.epochs < one.planned and not untrainable(one.net_type):
            return ["train", *_flags(home, one)]
    return ["extract-outliers", *(str(one.path) for one in there[:1]), *_flags(home, best)]


def _flags(home: Project, one: ShuffleState) -> tuple[str, ...]:
    return home.shuffle(one.shuffle, one.trainset_index).flags
