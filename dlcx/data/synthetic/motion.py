"""How drawn animals move: each walks from goal to goal, its spine and tail follow as a chain.

All lengths are in body lengths (snout to tail base of a stretched animal) until :func:`walk` scales them to pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPINE = 8  # segments of the body, snout to tail base
TAIL = 9  # segments of the tail
LINK = np.concatenate([np.full(SPINE, 1 / SPINE), np.full(TAIL, 0.85 / TAIL)])  # length of each segment
BEND = np.concatenate([np.full(SPINE, 0.20), np.full(TAIL, 0.30)])  # largest turn from segment to segment, rad
JOINTS = SPINE + TAIL + 1
WARM_UP = 60  # frames that unroll the chains before the recording begins
BEYOND = 3.2  # how far an arena that is open to one side goes on; an animal with its tail is 1.85 long
PAWS = 4  # front left, front right, hind left, hind right


@dataclass(frozen=True)
class AnimalMotion:
    """Poses of A animals in T frames: chain (T, A, JOINTS, 2) px, snout first; stride (T, A, PAWS) in -1..1."""

    chain: np.ndarray
    stride: np.ndarray

    def between(self, frame: int, part: float) -> tuple[np.ndarray, np.ndarray]:
        """Chain and stride at ``frame + part``, |part| <= 0.5, by the velocity in that frame."""
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
    """Walk ``animals`` through a picture of ``size`` (width, height) px; ``body`` is the body length in px.

    An animal turns towards its goal as fast as its speed allows and slows down where it turns.  Goals are places
    within the walls or, with the probability ``meeting``, another animal: that makes them meet and cross.  With
    ``leaving`` the arena is open to the right, and with that probability a goal lies there, out of sight.
    """
    picture = np.array(size) / body
    low, high = np.full(2, 0.5), picture - 0.5
    extent = picture + np.array([BEYOND if leaving else 0, 0])
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
            elif leaving and place[animal, 0] < picture[0] and rng.random() < leaving:
                goal[animal] = picture[0] + rng.uniform(1.8, BEYOND - 0.6), rng.uniform(low[1], high[1])
                patience[animal] = 150
        away = goal - place
        wanted = _angle(np.arctan2(away[:, 1], away[:, 0]) - heading)
        turn = 0.75 * turn + 0.25 * np.clip(0.22 * wanted, -0.16, 0.16) + rng.normal(0, 0.012, animals)
        pace = rng.normal(0.062, 0.02, animals) * (1 - 0.5 * np.minimum(np.abs(wanted), 1.5) / 1.5)
        speed = np.clip(0.92 * speed + 0.08 * pace + rng.normal(0, 0.002, animals), 0.008, 0.09)
        heading = _angle(heading + turn)
        place = place + speed[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1)
        apart = place[:, None] - place[None]  # who is nose to nose steps aside
        near = np.linalg.norm(apart, axis=-1, keepdims=True)
        place = place + 0.05 * (apart * np.clip(0.4 - near, 0, None) / (near + 1e-6)).sum(1)
        place = np.clip(place, low - 0.25, extent - 0.25)

        phase += speed * 2 * np.pi / 0.42  # one cycle of the legs per 0.42 body lengths
        sway += np.array([[0.11], [0.07]])
        look = 0.13 * np.sin(sway[0]) + 0.05 * np.sin(phase)  # the head swings about the way it goes
        chain = _follow(chain, place, heading + look, 0.16 * np.sin(sway[1]), extent)
        chains[step] = chain
        strides[step] = np.sin(phase[:, None] + np.array([0, np.pi, np.pi, 0]))
    return AnimalMotion(chains[WARM_UP:] * body, strides[WARM_UP:])


def _straight(place: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Stretched chains (A, JOINTS, 2) with the snout at ``place``."""
    back = np.concatenate([[0], np.cumsum(LINK)])
    return place[:, None] - back[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1)[:, None]


def _follow(
    chain: np.ndarray, place: np.ndarray, heading: np.ndarray, wag: np.ndarray, extent: np.ndarray
) -> np.ndarray:
    """Move the snouts to ``place``; each joint is drawn after the one before it, within the bend it allows.

    The walls of an arena of ``extent`` squeeze the chain rather than let it through.
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
