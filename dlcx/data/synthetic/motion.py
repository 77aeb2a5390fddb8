"""Simulate the motion of animals that walk from goal to goal, while spine and tail follow the snout as a chain.

All lengths are in body lengths (snout to tail base of a stretched animal) until :func:`walk` scales them to pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPINE = 8  # segments of the body, snout to tail base
TAIL = 9  # segments of the tail
LINK = np.concatenate([np.full(SPINE, 1 / SPINE), np.full(TAIL, 0.85 / TAIL)])  # length of each segment
BEND = np.concatenate([np.full(SPINE, 0.20), np.full(TAIL, 0.30)])  # maximum angle between segments, rad
JOINTS = SPINE + TAIL + 1
WARM_UP = 60  # frames before the recording, in which the chains bend
BEYOND = 3.2  # extent of an open arena beyond the image; an animal with its tail is 1.85 long
PAWS = 4  # front left, front right, hind left, hind right


@dataclass(frozen=True)
class AnimalMotion:
    """Poses of A animals in T frames.

    Parameters
    ----------
    chain
        Joints (T, A, JOINTS, 2) in pixels, snout first.
    stride
        Position of each paw in its stride, (T, A, PAWS) from -1 to 1.
    """

    chain: np.ndarray
    stride: np.ndarray

    def between(self, frame: int, part: float) -> tuple[np.ndarray, np.ndarray]:
        """Chain and stride at time ``frame + part``, |part| <= 0.5, extrapolated with the velocity in that frame."""
        before, after = max(frame - 1, 0), min(frame + 1, len(self.chain) - 1)
        share = part / max(after - before, 1)
        chain = self.chain[frame] + share * (self.chain[after] - self.chain[before])
        stride = self.stride[frame] + share * (self.stride[after] - self.stride[before])
        return chain, stride


def walk(
    frames: int,
    animals: int,
    size: tuple[int, int],
    body: float,
    rng: np.random.Generator,
    *,
    meeting: float = 0.35,
    leaving: float = 0.0,
) -> AnimalMotion:
    """Simulate walking animals.

    An animal turns toward its goal as fast as its speed allows, and slows down while turning.

    Parameters
    ----------
    frames, animals
        Number of frames and of animals.
    size
        (width, height) of the image in pixels.
    body
        Body length in pixels.
    rng
        Source of random numbers.
    meeting
        Probability that a new goal is another animal, so that animals meet and cross.
    leaving
        Probability that a new goal is out of view; if it is above 0, the arena is open to the right.

    Returns
    -------
    AnimalMotion
        Poses in pixels of the image.
    """
    view = np.array(size) / body
    low, high = np.full(2, 0.5), view - 0.5
    extent = view + np.array([BEYOND if leaving else 0, 0])
    steps = frames + WARM_UP
    place = rng.uniform(low, high, (animals, 2))
    heading = rng.uniform(-np.pi, np.pi, animals)
    goal = rng.uniform(low, high, (animals, 2))
    patience = np.zeros(animals)
    speed, turn = np.full(animals, 0.04), np.zeros(animals)
    phase = rng.uniform(0, 2 * np.pi, animals)
    sway = rng.uniform(0, 2 * np.pi, (2, animals))
    chain = _straight(place, heading)

    chains = np.empty((steps, animals, JOINTS, 2))
    strides = np.empty((steps, animals, PAWS))
    for step in range(steps):
        away = goal - place
        patience -= 1
        for animal in np.flatnonzero((np.hypot(*away.T) < 0.35) | (patience < 0)):
            goal[animal] = rng.uniform(low, high)
            patience[animal] = rng.uniform(25, 70)
            if animals > 1 and rng.random() < meeting:
                others = np.delete(np.arange(animals), animal)
                goal[animal] = place[rng.choice(others)]
            elif leaving and place[animal, 0] < view[0] and rng.random() < leaving:
                goal[animal] = view[0] + rng.uniform(1.8, BEYOND - 0.6), rng.uniform(low[1], high[1])
                patience[animal] = 150
        away = goal - place
        wanted = _angle(np.arctan2(away[:, 1], away[:, 0]) - heading)
        turn = 0.75 * turn + 0.25 * np.clip(0.22 * wanted, -0.16, 0.16) + rng.normal(0, 0.012, animals)
        pace = rng.normal(0.062, 0.02, animals) * (1 - 0.5 * np.minimum(np.abs(wanted), 1.5) / 1.5)
        speed = np.clip(0.92 * speed + 0.08 * pace + rng.normal(0, 0.002, animals), 0.008, 0.09)
        heading = _angle(heading + turn)
        place = place + speed[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1)
        apart = place[:, None] - place[None]  # animals nose to nose step aside
        near = np.linalg.norm(apart, axis=-1, keepdims=True)
        place = place + 0.05 * (apart * np.clip(0.4 - near, 0, None) / (near + 1e-6)).sum(1)
        place = np.clip(place, low - 0.25, extent - 0.25)

        phase += speed * 2 * np.pi / 0.42  # one cycle of the legs per 0.42 body lengths
        sway += np.array([[0.11], [0.07]])
        look = 0.13 * np.sin(sway[0]) + 0.05 * np.sin(phase)  # the head swings about the direction of walking
        chain = _follow(chain, place, heading + look, 0.16 * np.sin(sway[1]), extent)
        chains[step] = chain
        strides[step] = np.sin(phase[:, None] + np.array([0, np.pi, np.pi, 0]))
    return AnimalMotion(chains[WARM_UP:] * body, strides[WARM_UP:])


def _straight(place: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Stretched chains (A, JOINTS, 2) with the snout at ``place``."""
    back = np.concatenate([[0], np.cumsum(LINK)])
    result: np.ndarray = place[:, None] - back[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1)[:, None]
    return result


def _follow(
    chain: np.ndarray, place: np.ndarray, heading: np.ndarray, wag: np.ndarray, extent: np.ndarray
) -> np.ndarray:
    """Move the snouts to ``place`` and let each joint follow the one before it, within its maximum bend.

    The walls of an arena of ``extent`` compress the chain instead of letting it through.
    """
    moved = np.empty_like(chain)
    moved[:, 0] = place
    direction = heading + np.pi  # from a joint to the next, away from the snout
    for joint, (length, bend) in enumerate(zip(LINK, BEND, strict=True), start=1):
        pulled = chain[:, joint] - moved[:, joint - 1]
        swing = _angle(np.arctan2(pulled[:, 1], pulled[:, 0]) - direction)
        if joint > SPINE:
            swing = swing + wag * (joint - SPINE) / TAIL * 0.35
        direction = direction + np.clip(swing, -bend, bend)
        wall = 0.21 if joint <= SPINE else 0.09
        free = moved[:, joint - 1] + length * np.stack([np.cos(direction), np.sin(direction)], -1)
        moved[:, joint] = np.clip(free, wall, extent - wall)
    return moved


def _angle(angle: np.ndarray) -> np.ndarray:
    """The same angle within -pi..pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi
