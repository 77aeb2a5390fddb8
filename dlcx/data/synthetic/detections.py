"""Simulate the detections of a network in a synthetic recording, with its typical errors, to compare trackers.

No network runs.  True poses are perturbed: keypoints are displaced or missing, animals are missing for some frames,
close animals are merged or detected twice, and false detections are added.  A seed determines everything.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from dlcx.data.synthetic.scene import Scene
from dlcx.poses import Instances, Prediction

TAIL = 3  # number of tail bodyparts, which say little about the position of an animal


@dataclass(frozen=True)
class DetectionErrors:
    """Strengths and probabilities of errors; probabilities are per frame and animal, pair of animals or keypoint.

    Parameters
    ----------
    jitter
        Standard deviation of a keypoint's position in body lengths; four times as large for one keypoint in twenty.
    lost_keypoint
        Probability that a visible keypoint is missing.
    lost_animal, stays_lost
        Probability that an animal is missing, and that it stays missing in the next frame.
    hidden
        Probability that a hidden keypoint is detected, inaccurately.
    mixed
        Probability that one pose is assembled from two close animals.
    doubled
        Probability that an animal close to another one is detected twice.
    false
        Probability of a pose where there is no animal.
    """

    jitter: float = 0.02
    lost_keypoint: float = 0.04
    lost_animal: float = 0.015
    stays_lost: float = 0.6
    hidden: float = 0.15
    mixed: float = 0.12
    doubled: float = 0.08
    false: float = 0.03

    def scaled(self, factor: float) -> DetectionErrors:
        """Scale all errors but ``stays_lost``; probabilities are limited to 0.9."""
        values = {item.name: getattr(self, item.name) * factor for item in fields(self) if item.name != "stays_lost"}
        return DetectionErrors(**{name: min(value, 0.9) for name, value in values.items()}, stays_lost=self.stays_lost)


def simulate_detections(scene: Scene, errors: DetectionErrors | None = None, *, seed: int = 0) -> list[Prediction]:
    """Simulate the predictions of a network for all frames of a scene.

    Parameters
    ----------
    scene
        The synthetic recording.
    errors
        Strengths and probabilities of errors; default: :class:`DetectionErrors` with its deerrors.
    seed
        Seed of the errors.

    Returns
    -------
    list of Prediction
        At most as many animals per frame as the scene has, in random order.  Missing keypoints are nan with score 0;
        animals without keypoints are left out.
    """
    errors = errors or DetectionErrors()
    rng = np.random.default_rng((scene.seed, seed, 2))
    body, (animals, parts) = scene.body_length, scene.xy.shape[1:3]
    xy, score = _perturbed_poses(scene, errors, rng)
    lost = _lost_animals(scene, errors, rng)
    middle = scene.xy[:, :, : parts - TAIL].mean(2)
    apart = np.linalg.norm(middle[:, :, None] - middle[:, None], axis=-1)
    close = (apart < 0.6 * body) & ~np.eye(animals, dtype=bool)

    predictions = []
    for frame in range(len(scene)):
        poses, scores = xy[frame].copy(), score[frame].copy()
        poses[lost[frame]], scores[lost[frame]] = np.nan, 0
        extra = []
        for one, other in np.argwhere(np.triu(close[frame])):
            chance = rng.random()
            if chance < errors.mixed:
                _merge(poses, scores, one, other, rng)
            elif chance < errors.mixed + errors.doubled:
                extra.append(_duplicate(poses[one], scores[one], body, rng))
        if rng.random() < errors.false * animals:
            extra.append(_false_detection(scene, frame, rng))
        found = np.concatenate([poses, *(pose[None] for pose, _ in extra)])
        found_score = np.concatenate([scores, *(each[None] for _, each in extra)])
        seen = np.isfinite(found).all(-1)
        present = np.flatnonzero(seen.any(1))
        best = present[np.argsort(-found_score[present].mean(1), kind="stable")][:animals]
        chosen = rng.permutation(best)
        predictions.append(
            Prediction(Instances(found[chosen].astype(np.float32), found_score[chosen].astype(np.float32)))
        )
    return predictions


def _perturbed_poses(scene: Scene, errors: DetectionErrors, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Perturbed poses xy (T, A, K, 2) and scores (T, A, K); nan and 0 for missing keypoints."""
    shape = scene.visible.shape
    wide = np.where(rng.random(shape) < 0.05, 4.0, 1.0)
    guessed = ~scene.visible & scene.inside & (rng.random(shape) < errors.hidden)
    wide[guessed] = 5.0
    xy = scene.xy + (errors.jitter * scene.body_length * wide)[..., None] * rng.normal(size=(*shape, 2))
    score = np.where(guessed, rng.beta(3, 6, shape), rng.beta(14, 1.5, shape))
    found = (scene.visible & (rng.random(shape) >= errors.lost_keypoint)) | guessed
    return np.where(found[..., None], xy, np.nan), np.where(found, score, 0)


def _lost_animals(scene: Scene, errors: DetectionErrors, rng: np.random.Generator) -> np.ndarray:
    """Missing animals (T, A) bool: for several frames in a row, and more often if little of an animal is visible."""
    frames, animals, _ = scene.visible.shape
    share = scene.visible.mean(-1)
    begins = rng.random((frames, animals)) < errors.lost_animal + 0.5 * np.clip(0.5 - share, 0, None)
    stays = rng.random((frames, animals)) < errors.stays_lost
    lost: np.ndarray = begins.copy()
    for frame in range(1, frames):
        lost[frame] |= lost[frame - 1] & stays[frame]
    return lost


def _merge(poses: np.ndarray, scores: np.ndarray, one: int, other: int, rng: np.random.Generator) -> None:
    """Merge the front of one animal and the back of another into one pose; the remaining keypoints are lost."""
    cut = int(rng.integers(1, poses.shape[1]))
    poses[one, cut:], scores[one, cut:] = poses[other, cut:], 0.8 * scores[other, cut:]
    poses[other], scores[other] = np.nan, 0


def _duplicate(
    pose: np.ndarray, score: np.ndarray, body: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A second, slightly displaced and incomplete detection of an animal."""
    kept = rng.random(len(pose)) < 0.6
    again = pose + rng.normal(0, 0.05 * body, pose.shape)
    return np.where(kept[:, None], again, np.nan), np.where(kept, 0.7 * score, 0)


def _false_detection(scene: Scene, frame: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A false detection: the pose of a random animal, compressed, moved to a random position, and incomplete."""
    animals, parts = scene.xy.shape[1:3]
    pose = scene.xy[frame, rng.integers(animals)]
    place = rng.uniform((0, 0), scene.size)
    pose = place + (pose - pose.mean(0)) * rng.uniform(0.3, 1, 2)
    kept = rng.random(parts) < 0.5
    kept &= (pose >= 0).all(-1) & (pose < scene.size).all(-1)
    return np.where(kept[:, None], pose, np.nan), np.where(kept, rng.beta(3, 5, parts), 0)
