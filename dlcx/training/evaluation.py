"""The test images during training: losses, and errors in pixels of the whole image."""

from __future__ import annotations

import numpy as np
import torch

from dlcx.data.labeled import LabeledImage, LabeledImages
from dlcx.heads.labels import BatchLabels
from dlcx.metrics import evaluate_poses
from dlcx.nets.model import PoseModel
from dlcx.poses import Prediction
from dlcx.predictors import Geometry, Predictor
from dlcx.stopping import StopRequest
from dlcx.training.batches import sample_of

#: Confidence from which a point counts for ``rmse_pcutoff``; fixed, so that curves compare.
PCUTOFF = 0.6


class Evaluation:
    """Evaluates a model on labelled images, one by one, as they are at inference.

    Parameters
    ----------
    images
        The test images.
    predictor
        What predicts with the model that is trained.
    single
        Whether there is one animal, whose labels and prediction are paired without matching.
    margin
        Pixels that an animal's box reaches beyond its keypoints.
    """

    def __init__(self, images: LabeledImages, predictor: Predictor, *, single: bool, margin: int = 20) -> None:
        self._images = images
        self._predictor = predictor
        self._single = single
        self._margin = margin

    @torch.inference_mode()
    def __call__(self, model: PoseModel, stop: StopRequest) -> dict[str, float] | None:
        """``losses/eval.*`` (means over the images) and ``metrics/test.*``; None when a stop was asked for."""
        model.eval()
        sums: dict[str, float] = {}
        truth: list[Prediction] = []
        predicted: list[Prediction] = []
        for labeled in self._images:
            if stop:
                return None
            inputs, geometry = self._predictor.prepare(labeled.image[None].copy())  # cached ones are read-only
            outputs = model(inputs)
            losses = model.loss(outputs, self._labels(labeled, geometry).to(inputs.device))
            for name, value in zip(losses, torch.stack(list(losses.values())).tolist(), strict=True):
                sums[name] = sums.get(name, 0.0) + value
            truth.append(labeled.pose)
            predicted.extend(geometry.prediction_to_image(found) for found in model.decode(outputs))
        metrics = evaluate_poses(truth, predicted, pcutoff=PCUTOFF, single=self._single)
        found = {f"losses/eval.{name}": total / len(self._images) for name, total in sums.items()}
        for name in ("rmse", "rmse_pcutoff", "mAP", "mAR"):
            found[f"metrics/test.{name}"] = float(getattr(metrics, name))
        return found

    def _labels(self, labeled: LabeledImage, geometry: Geometry) -> BatchLabels:
        """The labels of one image in pixels of the net's input."""
        sample = sample_of(labeled, self._margin)
        for points in (sample.keypoints, sample.unique):
            points[..., :2] = geometry.to_net(points[..., :2])
        area = sample.area * np.prod(geometry.scale)
        return BatchLabels(
            keypoints=torch.from_numpy(sample.keypoints[None]),
            unique=torch.from_numpy(sample.unique[None]),
            area=torch.from_numpy(area[None].astype(np.float32)),
            individual_ids=torch.from_numpy(sample.ids[None]),
        )
