"""What a net would find in a drawn recording, with the faults that nets have: the ground on which trackers are ranked.

Nothing is looked for in pixels.  True poses are moved, thinned out, lost for some frames, joined and doubled where
animals are close, and false ones are added; a seed fixes all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from dlcx.data.synthetic.scene import Scene
from dlcx.poses import Instances, Prediction

TAIL = 3  # the last bodyparts, which say little about where an animal is


@dataclass(frozen=True)
class DetectionErrors:
    """How a net errs; probabilities are of one animal, pair or keypoint in one frame.

    ``jitter`` (standard deviation of a keypoint, in body lengths) is four times as large for one keypoint in
    twenty; ``lost_keypoint``; ``lost_animal``, and ``stays_lost`` in the next frame; ``hidden`` keypoints are guessed
    nevertheless, badly; ``mixed``: of two close animals one pose is made and nothing of the other;
    ``doubled``: an animal near another is found twice; ``false``: a pose where there is no animal.
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
        """The same net, so much worse or better; probabilities stay below 0.9."""
        values = {item.name: getattr(self, item.name) * factor for item in fields(self) if item.name != "stays_lost"}
        return DetectionErrors(**{name: min(value, 0.9) for name, value in values.items()}, stays_lost=self.stays_lost)


def simulate_detections(scene: Scene, faults: DetectionErrors | None = None, *, seed: int = 0) -> list[Prediction]:
    """Predictions of all frames of a scene: at most as many animals as it has, in no order.

    A keypoint that was not found is nan with score 0; animals without a keypoint are left out.
    """
    faults = faults or DetectionErrors()
    rng = np.random.default_rng((scene.seed, seed, 2))
    body, (animals, parts) = scene.body_length, scene.xy.shape[1:3]
    xy, score = _moved(scene, faults, rng)
    lost = _lost(scene, faults, rng)
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
            if chance < faults.mixed:
                _mix(poses, scores, one, other, rng)
            elif chance < faults.mixed + faults.doubled:
                extra.append(_double(poses[one], scores[one], body, rng))
        if rng.random() < faults.false * animals:
            extra.append(_false(scene, frame, rng))
        found = np.concatenate([poses, *(pose[None] for pose, _ in extra)])
        sure = np.concatenate([scores, *(each[None] for _, each in extra)])
        seen = np.isfinite(found).all(-1)
        there = np.flatnonzero(seen.any(1))
        best = there[np.argsort(-sure[there].mean(1), kind="stable")][:animals]
        chosen = rng.permutation(best)
        predictions.append(Prediction(Instances(found[chosen].astype(np.float32), sure[chosen].astype(np.float32))))
    return predictions


def _moved(scene: Scene, faults: DetectionErrors, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """True poses with their errors, xy (T, A, K, 2), and scores (T, A, K); nan and 0 where nothing is found."""
    shape = scene.visible.shape
    wide = np.where(rng.random(shape) < 0.05, 4.0, 1.0)
    guessed = ~scene.visible & scene.inside & (rng.random(shape) < faults.hidden)
    wide[guessed] = 5.0
    xy = scene.xy + (faults.jitter * scene.body_length * wide)[..., None] * rng.normal(size=(*shape, 2))
    score = np.where(guessed, rng.beta(3, 6, shape), rng.beta(14, 1.5, shape))
    found = (scene.visible & (rng.random(shape) >= faults.lost_keypoint)) | guessed
    return np.where(found[..., None], xy, np.nan), np.where(found, score, 0)


def _lost(scene: Scene, faults: DetectionErrors, rng: np.random.Generator) -> np.ndarray:
    """Animals (T, A) that are not found, for several frames at a time and sooner where little of them can be seen."""
    frames, animals, _ = scene.visible.shape
    share = scene.visible.mean(-1)
    begins = rng.random((frames, animals)) < faults.lost_animal + 0.5 * np.clip(0.5 - share, 0, None)
    stays = rng.random((frames, animals)) < faults.stays_lost
    lost = begins.copy()
    for frame in range(1, frames):
        lost[frame] |= lost[frame - 1] & stays[frame]
    return lost


def _mix(poses: np.ndarray, scores: np.ndarray, one: int, other: int, rng: np.random.Generator) -> None:
    """One pose of the front of an animal and the back of another; what is left of the two is lost."""
    cut = int(rng.integers(1, poses.shape[1]))
    poses[one, cut:], scores[one, cut:] = poses[other, cut:], 0.8 * scores[other, cut:]
    poses[other], scores[other] = np.nan, 0


def _double(
    pose: np.ndarray, score: np.ndarray, body: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The same animal once more, a little aside and not whole."""
    kept = rng.random(len(pose)) < 0.6
    again = pose + rng.normal(0, 0.05 * body, pose.shape)
    return np.where(kept[:, None], again, np.nan), np.where(kept, 0.7 * score, 0)


def _false(scene: Scene, frame: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A pose of some animal, squeezed and somewhere else in the picture, with some of its keypoints."""
    animals, parts = scene.xy.shape[1:3]
    pose = scene.xy[frame, rng.integers(animals)]
    place = rng.uniform((0, 0), scene.size)
    pose = place + (pose - pose.mean(0)) * rng.uniform(0.3, 1, 2)
    kept = rng.random(parts) < 0.5
    kept &= (pose >= 0).all(-1) & (pose < scene.size).all(-1)
    return np.where(kept[:, None], pose, np.nan), np.where(kept, rng.beta(3, 5, parts), 0)
