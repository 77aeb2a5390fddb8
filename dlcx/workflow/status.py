"""Show the state of a project and the next command to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dlcx.analysis.lookup.shuffle_state import ShuffleState, shuffle_states
from dlcx.analysis.lookup.video_state import VideoState, video_states
from dlcx.analysis_files import is_pytorch_scorer
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.tensorflow_shuffles import describe_carry_over
from dlcx.iterations import iteration_hint
from dlcx.labeling.labeled_folders import LabeledFolder, labeled_folders
from dlcx.nets.registry import untrainable
from dlcx.options.command_line import command_line, following
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.commands.create_dataset import CreateDatasetOptions
from dlcx.options.commands.create_labeled_video import CreateLabeledVideoOptions
from dlcx.options.commands.evaluate import EvaluateOptions
from dlcx.options.commands.extract_frames import ExtractFramesOptions
from dlcx.options.commands.extract_outliers import ExtractOutliersOptions
from dlcx.options.commands.report import ReportOptions
from dlcx.options.commands.status import StatusOptions
from dlcx.options.commands.train import TrainOptions
from dlcx.options.entry_points import keyword_options
from dlcx.options.network import ProjectOptions
from dlcx.project import Project

#: Maximum number of videos to list.
LISTED = 20


@dataclass(frozen=True)
class StatusResult:
    """State of a project."""

    project: Path
    iteration: int
    individuals: int
    bodyparts: int
    unique: int
    labels: tuple[LabeledFolder, ...]
    shuffles: tuple[ShuffleState, ...]
    videos: tuple[VideoState, ...]
    next_steps: tuple[str, ...] = ()
    #: Other iterations with snapshots.
    trained_iterations: tuple[int, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines to print."""
        animals = "1 animal" if self.individuals == 1 else f"{self.individuals} animals"
        unique = f", {self.unique} unique" if self.unique else ""
        names = ("labeled", "images", "empty")
        labeled, images, empty = (sum(getattr(one, name) for one in self.labels) for name in names)
        seen_empty = f", {empty} without an animal" if empty else ""
        lines = [
            f"project: {self.project}",
            f"layout: {animals}, {self.bodyparts} bodyparts{unique}, iteration {self.iteration}",
            f"labels: {labeled + empty} of {images} images in {len(self.labels)} "
            f"folder{'' if len(self.labels) == 1 else 's'}{seen_empty}",
        ]
        for one in self.labels:
            if one.trouble:
                lines.append(f"  unreadable: {one.trouble}")
            elif not one.labeled:
                lines.append(f"  unlabeled: {one.video}, {one.images} images")
        lines += self._shuffle_lines() if self.shuffles else ["shuffles: none"]
        lines += [iteration_hint(self.trained_iterations)] if self.trained_iterations else []
        existing = [one for one in self.videos if one.path]
        partial = sum(one.partial for one in existing)
        in_part = f", {partial} of them in part" if partial else ""
        lines.append(f"videos: {len(existing)}, {sum(bool(one.poses) for one in existing)} analyzed{in_part}")
        lines += [f"  {line}" for video in self.videos[:LISTED] for line in self._video_lines(video)]
        return lines + ([f"  ... and {len(self.videos) - LISTED} more"] if len(self.videos) > LISTED else [])

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
        return told + describe_carry_over([one.shuffle for one in self.shuffles if one.engine == "tensorflow"])

    @staticmethod
    def _video_lines(one: VideoState) -> list[str]:
        if one.path is None:
            return [f"{one.video}: missing"]
        others = [f"  of another video: {name}" for name in one.other_poses]
        if not one.poses:
            return [f"{one.video}: not analyzed", *others]
        drawn = (
            f", {one.labeled_videos} labeled video{'s' if one.labeled_videos > 1 else ''}" if one.labeled_videos else ""
        )
        return [
            f"{one.video}: {len(one.poses)} file{'s' if len(one.poses) > 1 else ''} of poses{drawn}",
            *(f"  {name}" for name in one.poses),
            *others,
        ]


@keyword_options(StatusOptions)
def status(project: str | Path | None = None) -> StatusResult:
    """Return the state of a project's labels, shuffles and videos, and the next step.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.

    Returns
    -------
    StatusResult
        State of labels, shuffles and videos, and the next step.

    Raises
    ------
    DlcxError
        If there is no project, or its config.yaml is invalid.
    """
    options = StatusOptions.of(project=project)
    home = open_project(options.project)
    labels = tuple(labeled_folders(home))
    shuffles = shuffle_states(home)
    videos = tuple(video_states(home))
    step = _next_step(home, labels, shuffles, videos)
    if not isinstance(step, str):
        step = command_line(replace(step, project=options.project))
    return StatusResult(
        project=home.root,
        iteration=home.iteration,
        individuals=len(home.layout.individuals),
        bodyparts=len(home.layout.bodyparts),
        unique=len(home.layout.unique),
        labels=labels,
        shuffles=shuffles,
        videos=videos,
        next_steps=(f"Next: {step}",),
        trained_iterations=home.other_trained_iterations,
    )


def _next_step(
    home: Project,
    labels: Sequence[LabeledFolder],
    shuffles: Sequence[ShuffleState],
    videos: Sequence[VideoState],
) -> ProjectOptions | str:
    """Return the next command, or a sentence if the user has to act."""
    unreadable = [one.video for one in labels if one.trouble]
    if unreadable and not (any(one.labeled for one in labels) and any(one.epochs for one in shuffles)):
        return f"correct the label file of {unreadable[0]}, then run dlcx status again"
    if not any(one.labeled for one in labels):
        if any(one.images for one in labels):
            return "label the images of labeled-data in napari-deeplabcut"
        return ExtractFramesOptions()
    sound = [one for one in shuffles if one.can_train]
    if not sound:
        return CreateDatasetOptions()
    usable = [one for one in sound if one.epochs or not untrainable(one.net_type)]
    if not usable:
        return home.shuffle(sound[0].shuffle, sound[0].trainset_index).supply_hint

    def after(kind: type[ProjectOptions], one: ShuffleState, **values: Any) -> ProjectOptions:
        return following(kind, home.shuffle(one.shuffle, one.trainset_index).options, **values)

    unfinished = [one for one in usable if one.epochs < one.planned and not untrainable(one.net_type)]
    for one in unfinished:
        if not one.evaluated:
            return after(TrainOptions, one)
    for one in usable:
        if one.epochs and not one.evaluated:
            return after(EvaluateOptions, one)
    errors = [one for one in usable if one.error is not None]
    best = min(errors, key=lambda one: one.error or 0.0) if errors else usable[0]
    existing = [one for one in videos if one.path is not None]
    if replaced := [one.path for one in existing if one.other_poses and not one.poses]:
        return after(AnalyzeVideoOptions, best, videos=replaced, overwrite=True)
    for kind, missing in (
        # ignore poses of DeepLabCut 2.x
        (AnalyzeVideoOptions, [one.path for one in existing if not any(map(is_pytorch_scorer, one.poses))]),
        (CreateLabeledVideoOptions, [one.path for one in existing if not one.labeled_videos]),
    ):
        if missing:
            return after(kind, best, videos=missing if len(missing) < 3 else [home.videos_dir])
    first = [one.path for one in existing[:1]]
    if not any(one.reports for one in existing):
        return after(ReportOptions, best, videos=first)
    if unfinished:
        return after(TrainOptions, unfinished[0])
    return after(ExtractOutliersOptions, best, videos=first)
