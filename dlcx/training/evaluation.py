"""Evaluation on the test images during training: losses, and errors in pixels of the full image."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import torch

from dlcx.data.augment import generator
from dlcx.data.labeled_images import LabeledImage, LabeledImages, labeled_boxes
from dlcx.data.simulated_conditions import ConditionSampler
from dlcx.heads.batch_labels import BatchLabels
from dlcx.metrics import evaluate_boxes, evaluate_poses
from dlcx.nets.model import PoseModel
from dlcx.poses import Instances, Prediction
from dlcx.predictors import Geometry, Predictor
from dlcx.predictors.conditional import add_boxes
from dlcx.predictors.detector import AnimalDetector
from dlcx.stopping import StopRequest
from dlcx.training.batches import collate
from dlcx.training.process_group import ProcessGroup
from dlcx.training.samples import sample_condition, single_animal, to_sample

#: Minimum likelihood of the keypoints in ``rmse_pcutoff``; fixed so that curves are comparable.
PCUTOFF = 0.6

Result = TypeVar("Result")

#: Input of the predictor (boxes or condition poses) for an image, and the labels of each resulting row.
EvaluationRows = tuple[Instances | None, Sequence[LabeledImage]]


def full_image_rows(labeled: LabeledImage) -> EvaluationRows:
    """One row for the full image, for bottom-up networks."""
    return None, [labeled]


def animal_rows(margin: int) -> Callable[[LabeledImage], EvaluationRows]:
    """One row for each labeled animal: the box around its keypoints plus ``margin`` pixels, for top-down networks."""

    def rows(labeled: LabeledImage) -> EvaluationRows:
        seen = np.flatnonzero(labeled.pose.animals.score.any(1))
        return labeled_boxes(labeled, margin), [single_animal(labeled, int(animal), margin) for animal in seen]

    return rows


def condition_rows(sampler: ConditionSampler, margin: int) -> Callable[[LabeledImage], EvaluationRows]:
    """One row for each labeled animal: the box around a condition pose, for conditional networks.

    The condition is sampled from a seed that depends only on the image, so every evaluation uses the same one.
    """

    def rows(labeled: LabeledImage) -> EvaluationRows:
        size = labeled.image.shape[1::-1]
        rng = generator(0, 0, zlib.crc32("/".join(labeled.path.parts[-2:]).encode()))
        seen = np.flatnonzero(labeled.pose.animals.score.any(1)).tolist()
        xy = np.array([sample_condition(labeled, animal, sampler, margin, rng) for animal in seen])
        xy = xy.reshape(len(seen), *labeled.pose.animals.xy.shape[1:])
        guesses, kept = add_boxes(Instances(xy, np.isfinite(xy).all(-1).astype(np.float32)), size, margin)
        return guesses, [single_animal(labeled, seen[row], margin) for row in kept]

    return rows


@dataclass
class ImageEvaluation:
    """The losses, labels and predictions of each row of one image."""

    losses: list[dict[str, float]] = field(default_factory=list)
    truth: list[Prediction] = field(default_factory=list)
    predicted: list[Prediction] = field(default_factory=list)


class Evaluation:
    """Evaluates a model on labeled images one at a time, as at inference.

    Parameters
    ----------
    images
        The test images.
    model, predictor
        The model in training, and the predictor that uses it.
    single
        Whether a row shows one animal, so that labels and predictions are paired without matching.
    rows_of
        The rows that the network sees of each image: :func:`full_image_rows`, :func:`animal_rows` or
        :func:`condition_rows`.
    margin
        Pixels between an animal's keypoints and its box.
    group
        The processes that share the images; the results cover all images.
    """

    def __init__(
        self,
        images: LabeledImages,
        model: PoseModel,
        predictor: Predictor,
        *,
        single: bool,
        rows_of: Callable[[LabeledImage], EvaluationRows] = full_image_rows,
        margin: int = 20,
        group: ProcessGroup | None = None,
    ) -> None:
        self._images, self._model, self._predictor = images, model, predictor
        self._rows_of, self._single, self._margin = rows_of, single, margin
        self._group = group or ProcessGroup()

    @torch.inference_mode()
    def __call__(self, stop: StopRequest) -> dict[str, float] | None:
        """Return ``losses/eval.*`` (means over the rows) and ``metrics/test.*``; None if a stop was requested."""
        self._model.eval()
        evaluated = evaluate_images(self._images, self._evaluate_image, stop, self._group)
        if evaluated is None:
            return None
        truth = [true for image in evaluated for true in image.truth]
        predicted = [found for image in evaluated for found in image.predicted]
        sums: dict[str, float] = {}
        for losses in (row for image in evaluated for row in image.losses):
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value
        metrics = evaluate_poses(truth, predicted, pcutoff=PCUTOFF, single=self._single)
        found = {f"losses/eval.{name}": total / len(truth) for name, total in sums.items()}
        for name in ("rmse", "rmse_pcutoff", "mAP", "mAR"):
            found[f"metrics/test.{name}"] = float(getattr(metrics, name))
        return self._group.broadcast(found)

    def _evaluate_image(self, labeled: LabeledImage) -> ImageEvaluation:
        evaluated = ImageEvaluation()
        guess, rows = self._rows_of(labeled)
        image = labeled.image[None].copy()  # cached ones are read-only
        inputs = self._predictor.inputs(image, None if guess is None else [guess])
        for row, (geometry, true) in enumerate(zip(inputs.geometries, rows, strict=True)):
            tensors = [tensor[row : row + 1] for tensor in inputs.tensors]
            outputs = self._model(*tensors)
            losses = self._model.loss(outputs, self._labels(true, geometry).to(tensors[0].device))
            evaluated.losses.append(dict(zip(losses, torch.stack(list(losses.values())).tolist(), strict=True)))
            evaluated.truth.append(true.pose)
            evaluated.predicted.extend(geometry.prediction_to_image(found) for found in self._model.decode(outputs))
        return evaluated

    def _labels(self, labeled: LabeledImage, geometry: Geometry) -> BatchLabels:
        """The labels of one row in pixels of the network input."""
        sample = to_sample(labeled, self._margin)
        for points in (sample.keypoints, sample.unique):
            points[..., :2] = geometry.to_net(points[..., :2])
        area = (sample.area * np.prod(geometry.scale)).astype(np.float32)
        return collate([replace(sample, area=area)]).labels


class BoxEvaluation:
    """Evaluates a detector on labeled images one at a time, as at inference.

    Parameters
    ----------
    images
        The test images.
    detector
        Predicts with the network in training.
    margin
        Pixels between an animal's keypoints and its box.
    group
        The processes that share the images; the results cover all images.
    """

    def __init__(
        self, images: LabeledImages, detector: AnimalDetector, *, margin: int, group: ProcessGroup | None = None
    ) -> None:
        self._images, self._detector, self._margin = images, detector, margin
        self._group = group or ProcessGroup()

    def __call__(self, stop: StopRequest) -> dict[str, float] | None:
        """Return ``metrics/test.*``, such as ``metrics/test.mAP@50:95``; None if a stop was requested."""
        self._detector.model.eval()
        evaluated = evaluate_images(self._images, self._evaluate_image, stop, self._group)
        if evaluated is None:
            return None
        numbers = evaluate_boxes([truth for truth, _ in evaluated], [found for _, found in evaluated]).named()
        return self._group.broadcast({f"metrics/test.{name}": value for name, value in numbers.items()})

    def _evaluate_image(self, labeled: LabeledImage) -> tuple[np.ndarray, Instances]:
        boxes = labeled_boxes(labeled, self._margin).box
        assert boxes is not None
        (found,) = self._detector.predict(labeled.image[None].copy())  # cached ones are read-only
        return boxes, found


def evaluate_images(
    images: LabeledImages, evaluate: Callable[[LabeledImage], Result], stop: StopRequest, group: ProcessGroup
) -> list[Result] | None:
    """Apply ``evaluate`` to all images, sharded over the processes; None if a stop was requested."""
    own: list[Result] = []
    for index in group.shard(range(len(images))):
        if stop:
            break
        own.append(evaluate(images[index]))
    return None if group.stop_requested(stop) else group.all_gather(own)
