import json
from pathlib import Path

import numpy as np
import pytest

from dlcx.metrics import evaluate_poses
from dlcx.poses import Instances, Prediction

GOLDEN = Path(__file__).parents[1] / "golden" / "metrics"
CASES = json.loads((GOLDEN / "metrics.json").read_text())["compute_metrics"]


def instances(name: str) -> list[Instances]:
    with np.load(GOLDEN / "inputs.npz") as data:
        poses, counts = data[name], data[f"{name}_count"]
    return [Instances(pose[:n, :, :2], pose[:n, :, 2]) for pose, n in zip(poses, counts, strict=True)]


def predictions(name: str, unique: str = "") -> list[Prediction]:
    if not unique:
        return [Prediction(animals) for animals in instances(name)]
    return [Prediction(*pair) for pair in zip(instances(name), instances(unique), strict=True)]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['set']}-{i}" for i, case in enumerate(CASES)])
def test_numbers_are_those_of_deeplabcut(case):
    options, name = case["kwargs"], case["set"]
    unique = ("unique_for_multi.gt", "unique_for_multi.pred") if case["unique"] else ("", "")
    metrics = evaluate_poses(
        predictions(f"{name}.gt", unique[0]),
        predictions(f"{name}.pred", unique[1]),
        single=case["single_animal"],
        pcutoff=options.get("pcutoff", -1),
        sigma=options.get("oks_sigma", 0.1),
        margin=options.get("oks_bbox_margin", 0),
    )
    expected = case["result"]
    got = {key: getattr(metrics, key) for key in ("rmse", "rmse_pcutoff", "mAP", "mAR")}
    if "rmse_detections" in expected:
        got |= {key: getattr(metrics, key) for key in ("rmse_detections", "rmse_detections_pcutoff")}
    if options.get("per_keypoint_rmse"):
        got |= {f"rmse_keypoint_{i}": value for i, value in enumerate(metrics.per_bodypart)}
        got |= {f"rmse_unique_keypoint_{i}": value for i, value in enumerate(metrics.per_unique)}
    assert got == pytest.approx(expected, rel=1e-9, nan_ok=True)


def square(x: float, y: float, score: float) -> Instances:
    return Instances(np.array([[[x, y], [x + 10, y], [x + 10, y + 10]]]), np.full((1, 3), score))


def test_metrics_count_images_animals_and_keypoints():
    label = Instances(np.array([[[0, 0], [10, 0], [np.nan, np.nan]]]), np.array([[1, 1, 0]]))
    metrics = evaluate_poses(
        [Prediction(label), Prediction(square(0, 0, 1))],
        [Prediction(square(3, 4, 0.9)), Prediction(square(0, 1, 0.2))],
        single=True,
    )
    assert (metrics.images, metrics.animals, metrics.labelled) == (2, 2, 5)
    assert (metrics.keypoints, metrics.keypoints_pcutoff) == (5, 2)
    assert metrics.rmse == pytest.approx((5 + 5 + 1 + 1 + 1) / 5)
    assert metrics.rmse_pcutoff == pytest.approx(5)
    assert metrics.per_bodypart == pytest.approx((3, 3, 1))


def test_perfect_poses():
    poses = [Prediction(square(0, 0, 1)), Prediction(square(5, 5, 1))]
    for single in (True, False):
        metrics = evaluate_poses(poses, poses, single=single)
        assert (metrics.rmse, metrics.mAP, metrics.mAR) == (0, 100, 100)


def test_nothing_predicted_and_nothing_labeled():
    nothing, something = Prediction(Instances.empty(3)), Prediction(square(0, 0, 1))
    metrics = evaluate_poses([something], [nothing], single=False)
    assert np.isnan(metrics.rmse)
    assert (metrics.mAP, metrics.mAR, metrics.keypoints) == (0, 0, 0)
    metrics = evaluate_poses([nothing], [something], single=False)
    assert np.isnan([metrics.rmse, metrics.mAP, metrics.mAR]).all()
    assert evaluate_poses([], [], single=True).images == 0


def test_a_surer_prediction_takes_the_animal():
    both = Instances(np.concatenate([square(0, 1, 1).xy, square(0, 0, 1).xy]), np.array([[0.9] * 3, [0.5] * 3]))
    metrics = evaluate_poses([Prediction(square(0, 0, 1))], [Prediction(both)], single=False)
    assert metrics.rmse == pytest.approx(1)
    assert metrics.keypoints == 3


def test_keypoints_without_place_make_an_animal_less_sure():
    """Animals of which parts were not found (nan with score 0): numbers of DeepLabCut's ``compute_metrics``."""
    rng = np.random.default_rng(3)
    images, animals, parts = 12, 3, 6
    true = rng.uniform(20, 200, (images, animals, 1, 2)) + rng.normal(0, 25, (images, animals, parts, 2))
    xy = true + rng.normal(0, 1, true.shape) * rng.uniform(1, 14, (images, animals, 1, 1))
    score = rng.uniform(0.1, 1, (images, animals, parts))
    missing = rng.random(score.shape) < 0.4
    xy[missing], score[missing] = np.nan, 0
    found = evaluate_poses(
        [Prediction(Instances(one, np.ones(one.shape[:-1]))) for one in true],
        [Prediction(Instances(*one)) for one in zip(xy, score, strict=True)],
        single=False,
    )
    numbers = found.rmse, found.rmse_pcutoff, found.mAP, found.mAR, found.rmse_detections
    assert numbers == pytest.approx(
        (10.568916096510112, 11.352099955166926, 3.8717096347315896, 7.5, 10.521189222729923)
    )


def test_the_numbers_of_images_must_match():
    with pytest.raises(ValueError, match="expected 0 predictions, got 1"):
        evaluate_poses([], [Prediction(square(0, 0, 1))], single=True)
