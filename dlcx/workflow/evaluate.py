"""Evaluate trained networks on the labeled images and write DeepLabCut's result files and pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.analysis.trained_network import TrainedNetwork, check_detector_flag
from dlcx.errors import DlcxError
from dlcx.formats.predictions.evaluation import (
    EvaluationRow,
    merge_combined,
    write_evaluation,
    write_keypoint_results,
    write_results,
)
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.metrics import BoxMetrics, PoseMetrics, evaluate_boxes, evaluate_poses
from dlcx.next_steps import analyze_step
from dlcx.options.command_line import command_after
from dlcx.options.commands.evaluate import EvaluateOptions
from dlcx.options.entry_points import keyword_options
from dlcx.options.network import ShuffleOptions
from dlcx.outputs import check_folder
from dlcx.poses import Instances, Prediction
from dlcx.progress import SILENT, Progress
from dlcx.project import Project
from dlcx.training.leakage import NearDuplicateCheck, check_near_duplicates

if TYPE_CHECKING:
    from dlcx.data.labeled_images import LabeledImage, LabeledImages
    from dlcx.options.keywords import EvaluateKeywords
    from dlcx.visuals.labeled_images import LabeledImagePainter

logger = logging.getLogger(__name__)

#: Printed metrics of the detector's boxes.
BOXES = ("mAP@50:95", "mAP@50", "mAP@75", "mAR@50:95")


@dataclass(frozen=True)
class Evaluated:
    """Errors of one snapshot and paths of the result files; ``keypoint_csv`` and ``pictures`` are optional.

    ``detector`` is the detector snapshot of a top-down network; ``told`` is true if boxes around the labels were used
    because there is no detector.  ``conditions`` is the source of the initial poses of a conditional network.
    ``train_boxes`` and ``test_boxes`` are the metrics of the detector's boxes.  ``twins`` holds the number of test
    images that nearly duplicate a training image.
    """

    shuffle: int
    snapshot: str
    epoch: int
    detector: str | None
    scorer: str
    pcutoff: float
    bodyparts: tuple[str, ...]
    train: PoseMetrics
    test: PoseMetrics
    h5: Path
    csv: Path
    keypoint_csv: Path | None = None
    pictures: Path | None = None
    told: bool = False
    conditions: str | Path | None = None
    train_boxes: BoxMetrics | None = None
    test_boxes: BoxMetrics | None = None
    twins: NearDuplicateCheck | None = None

    def lines(self) -> list[str]:
        """Return the lines to print: a table of errors, then the files."""
        sure = f"score>={self.pcutoff:g}"
        lines = [
            f"shuffle {self.shuffle}, snapshot {self.snapshot}{self._boxes()}: {self.scorer}",
            f"{'':10}{'images':>8}{'keypoints':>11}{'rmse px':>9}{sure:>12}{'rmse px':>9}{'mAP':>7}{'mAR':>7}",
        ]
        for name, split in (("train", self.train), ("test", self.test)):
            lines.append(
                f"{name:10}{split.images:>8}{f'{split.keypoints}/{split.labelled}':>11}{_number(split.rmse):>9}"
                f"{split.keypoints_pcutoff:>12}{_number(split.rmse_pcutoff):>9}"
                f"{_number(split.mAP, 1):>7}{_number(split.mAR, 1):>7}"
            )
        loose = [split.rmse_detections for split in (self.train, self.test)]
        if np.isfinite(loose).any():
            lines.append(f"rmse px ignoring identity: {_number(loose[0])} (train), {_number(loose[1])} (test)")
        sized = [100 * split.yardstick.share(split.rmse) for split in (self.train, self.test)]
        if np.isfinite(sized).any():
            train, test = (_number(share, 1) for share in sized)
            lines.append(f"rmse as % of the animals' size: {train} (train), {test} (test)")
        if self.train_boxes and self.test_boxes:
            lines.append(f"{'boxes':10}{'images':>8}{'animals':>11}" + "".join(f"{name:>11}" for name in BOXES))
            for name, boxes in (("train", self.train_boxes), ("test", self.test_boxes)):
                values = [_number(boxes.named()[key], 1) if boxes.boxes else "-" for key in BOXES]
                lines.append(f"{name:10}{boxes.images:>8}{boxes.boxes:>11}" + "".join(f"{v:>11}" for v in values))
        if self.twins and self.twins.twins:
            lines.append(self.twins.line())
        if self.train.identity or self.test.identity:
            shares = [_number(100 * _mean(split.identity), 0) for split in (self.train, self.test)]
            lines.append(f"right individual: {shares[0]} % (train), {shares[1]} % (test), mean over bodyparts")
        if self.keypoint_csv:
            errors = [(*split.per_bodypart, *split.per_unique) for split in (self.train, self.test)]
            width = max(map(len, self.bodyparts)) + 2
            lines.append(f"{'bodypart':{width}}{'train px':>10}{'test px':>10}")
            lines += [
                f"{part:{width}}" + "".join(f"{_number(values[i]) if values else '-':>10}" for values in errors)
                for i, part in enumerate(self.bodyparts)
            ]
        files = {"h5": self.h5, "csv": self.csv, "keypoint csv": self.keypoint_csv, "pictures": self.pictures}
        return lines + [f"{name}: {path}" for name, path in files.items() if path]

    def _boxes(self) -> str:
        if self.conditions:
            return f", conditions of {self.conditions}"
        if self.told:
            return ", in boxes around the labels"
        return f", detector {self.detector}" if self.detector else ""


@dataclass(frozen=True)
class EvaluateResult:
    """Evaluated snapshots in order, and the table of all evaluations of the project's iteration."""

    evaluated: tuple[Evaluated, ...]
    combined: Path
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines to print."""
        return [line for one in self.evaluated for line in one.lines()] + [f"combined: {self.combined}"]


@keyword_options(EvaluateOptions)
def evaluate(
    project: str | Path | None = None,
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[EvaluateKeywords],
) -> EvaluateResult:
    """Compare predictions with labels on the training and test images of one or more shuffles.

    Errors are mean distances in pixels of the full image (DeepLabCut calls them RMSE).  mAP and mAR range from 0 to
    100; for poses, they use object keypoint similarity with sigma 0.1 for every bodypart.  For a detector's boxes, at
    most one per individual, they use the IoU with boxes around the labels.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.

    Returns
    -------
    EvaluateResult
        Errors and result files of each snapshot, and the combined table.

    Raises
    ------
    DlcxError
        If a shuffle, snapshot, label file or image is missing or inconsistent with the project.
    """
    options = EvaluateOptions.of(project=project, **keywords)
    place = open_project(options.project)
    numbers = dict.fromkeys(options.shuffle)
    chosen = [place.shuffle(number, options.trainset_index) for number in numbers]
    nets = [
        net
        for one in chosen
        for net in TrainedNetwork.find_each(
            one,
            snapshot=options.snapshot,
            detector_snapshot=options.detector_snapshot,
            conditions=options.conditions,
            device=options.device,
            engine=options.engine,
        )
    ]
    _warn_of_equal_epochs(nets)
    check_detector_flag(nets, options.detector_snapshot)
    for net in nets:  # check every network before loading the first
        net.check()
        load_training_set(net.shuffle)
    check_folder(place.evaluation_dir)
    cutoff = place.pcutoff if options.pcutoff is None else options.pcutoff
    run = _Run(cutoff, options.per_bodypart, options.plot, options.batch_size, progress)
    evaluated = tuple(run(net) for net in nets)
    _warn_of_few_images(evaluated)
    first = chosen[0].options.values_of(ShuffleOptions) | {"project": options.project}
    first["snapshot"] = None if options.snapshot == "all" else options.snapshot
    what = "track" if place.layout.multi else "analyze"
    steps = [f"To {what} videos: {analyze_step(place, options, **first)}"]
    if not options.plot:
        steps.append(f"To look at the errors: {command_after(EvaluateOptions, options, **first, plot=True)}")
    return EvaluateResult(evaluated, place.combined_results_path, tuple(steps))


def _warn_of_equal_epochs(nets: Sequence[TrainedNetwork]) -> None:
    """Warn of a best and a regular snapshot of one epoch: DeepLabCut's combined table cannot distinguish them."""
    epochs = [(net.shuffle.number, net.snapshot.epoch) for net in nets]
    for number, epoch in sorted({pair for pair in epochs if epochs.count(pair) > 1}):
        logger.warning("shuffle %d: two snapshots of epoch %d share one row of the combined table", number, epoch)


@dataclass(frozen=True)
class _Run:
    """Evaluation settings shared by all snapshots."""

    pcutoff: float
    per_bodypart: bool
    plot: bool
    batch_size: int
    progress: Progress

    def __call__(self, net: TrainedNetwork) -> Evaluated:
        """Evaluate one snapshot and write its files."""
        from dlcx.data.labeled_images import LabeledImages, labeled_boxes
        from dlcx.data.near_duplicates import thumbnail
        from dlcx.visuals.image_writer import write_picture

        shuffle, snapshot = net.shuffle, net.snapshot
        project, layout = shuffle.project, shuffle.project.layout
        labels, split = load_training_set(shuffle)
        splits = {"Training": split.train.tolist(), "Test": split.test.tolist()}
        used = sorted({row for rows in splits.values() for row in rows})
        if not used:
            raise DlcxError(f"{shuffle.documentation_path}: the split holds no image")
        paths = [project.root.joinpath(*labels.images[row]) for row in used]
        images = LabeledImages(paths, [labels.pose(row) for row in used], cache=0)
        net = self._load(net, images)

        base = shuffle.evaluation_dir / net.scorer
        pictures = base.with_name(f"LabeledImages_{base.name}")
        paint = self._painter(project) if self.plot else None
        truth: dict[int, Prediction] = {}
        boxes: dict[int, Instances] = {}
        found: dict[int, Prediction] = {}
        small: dict[int, np.ndarray] = {}
        with self.progress.task(f"evaluate {snapshot.path.name}", total=len(used), unit="image") as task:
            for row, (labeled, prediction) in zip(used, _predict(net, images, self.batch_size), strict=True):
                truth[row], found[row], small[row] = labeled.pose, prediction, thumbnail(labeled.image)
                boxes[row] = labeled_boxes(labeled, net.config.data.bbox_margin)
                if paint:
                    which = "Training" if row in splits["Training"] else "Test"
                    name = f"{which}-{labels.images[row][1]}-{labeled.path.stem}.png"
                    write_picture(paint(labeled.image, labeled.pose, prediction), pictures / name)
                task.advance()

        single = len(layout.individuals) == 1
        train, test = (
            evaluate_poses([truth[i] for i in rows], [found[i] for i in rows], pcutoff=self.pcutoff, single=single)
            for rows in splits.values()
        )
        twins = check_near_duplicates(labels, split, small, truth, found, single=single)
        twins.warn(project)
        _warn_of_no_learning(f"shuffle {shuffle.number}, snapshot {snapshot.uid}", test)
        detector = net.detector
        train_boxes, test_boxes = (
            None if detector is None else _judge_boxes([boxes[i] for i in rows], [found[i] for i in rows])
            for rows in splits.values()
        )
        epochs = -1 if detector is None else detector.epoch
        row = EvaluationRow(
            shuffle.fraction,
            shuffle.number,
            snapshot.epoch,
            self.pcutoff,
            train,
            test,
            detector_epochs=epochs,
            bodyparts=layout.bodyparts,
        )
        h5, csv, keypoint_csv = (Path(f"{base}{end}") for end in (".h5", "-results.csv", "-keypoint-results.csv"))
        write_evaluation(labels.images, [found.get(i) for i in range(len(labels))], layout, h5, net.scorer)
        write_results(row, csv)
        if self.per_bodypart:
            write_keypoint_results(row, layout, keypoint_csv)
        merge_combined(row, project.combined_results_path)
        return Evaluated(
            shuffle=shuffle.number,
            snapshot=snapshot.uid,
            epoch=snapshot.epoch,
            detector=None if detector is None else detector.uid,
            scorer=net.scorer,
            pcutoff=self.pcutoff,
            bodyparts=(*layout.bodyparts, *layout.unique),
            train=train,
            test=test,
            h5=h5,
            csv=csv,
            keypoint_csv=keypoint_csv if self.per_bodypart else None,
            pictures=pictures if paint else None,
            told=net.needs_boxes,
            conditions=None if net.conditions is None else net.conditions.title,
            train_boxes=train_boxes,
            test_boxes=test_boxes,
            twins=twins,
        )

    def _load(self, net: TrainedNetwork, images: LabeledImages) -> TrainedNetwork:
        """Load the network with the requested engine; ``auto`` selects the fastest one on the first images."""
        if net.engine == "auto":
            batch = next(_batches(images, self.batch_size))
            stack = np.stack([labeled.image for labeled in batch])
            net = net.with_fastest_engine(stack, net.conditions_of_images(batch))
        _ = net.predictor
        return net

    def _painter(self, project: Project) -> LabeledImagePainter:
        from dlcx.visuals.labeled_images import LabeledImagePainter

        return LabeledImagePainter(
            project.layout,
            pcutoff=self.pcutoff,
            colormap=project.colormap,
            dotsize=project.dotsize,
            opacity=project.alphavalue,
        )


def _predict(net: TrainedNetwork, images: LabeledImages, batch_size: int) -> Iterator[tuple[LabeledImage, Prediction]]:
    """Yield each image with its prediction, in order; consecutive images of equal size share a forward pass."""
    for batch in _batches(images, batch_size):
        found = net.predictor.predict(np.stack([labeled.image for labeled in batch]), net.conditions_of_images(batch))
        yield from zip(batch, found, strict=True)


def _batches(images: LabeledImages, batch_size: int) -> Iterator[list[LabeledImage]]:
    from dlcx.data.images import same_size_batches

    return same_size_batches(images, batch_size, lambda labeled: labeled.image.shape)


def _warn_of_no_learning(name: str, test: PoseMetrics) -> None:
    """Warn if the test error shows that the network has not learned."""
    if reason := test.yardstick.verdict(test.rmse):
        logger.warning(
            "%s has not learned: %s; train it for more epochs and inspect its labels with dlcx check-labels",
            name,
            reason,
        )


def _warn_of_few_images(evaluated: Sequence[Evaluated]) -> None:
    """Warn, once per shuffle, of too few test images for a meaningful error."""
    for number, test in {one.shuffle: one.test for one in evaluated}.items():
        if test.images and (text := test.yardstick.warning()):
            logger.warning("shuffle %d: %s; label more frames or lower TrainingFraction in config.yaml", number, text)


def _judge_boxes(labeled: Sequence[Instances], found: Sequence[Prediction]) -> BoxMetrics:
    """Compare the boxes used for pose estimation with the boxes around the labels."""
    return evaluate_boxes([one.box for one in labeled if one.box is not None], [one.animals for one in found])


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"
