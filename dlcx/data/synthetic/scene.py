"""Render a synthetic recording: floor, shadows, animals and camera.

Every frame is rendered at twice its size at several moments of the exposure and then averaged, which gives smooth edges
and motion blur.  Labels are the positions in the middle of the exposure.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dlcx.data.synthetic.motion import JOINTS, SPINE, TAIL, AnimalMotion, walk
from dlcx.poses import Layout, Tracks

BODYPARTS = ("snout", "leftear", "rightear", "shoulders", "center", "tailbase", "tailmid", "tailend")
SKELETON = (
    ("snout", "leftear"),
    ("snout", "rightear"),
    ("leftear", "shoulders"),
    ("rightear", "shoulders"),
    ("shoulders", "center"),
    ("center", "tailbase"),
    ("tailbase", "tailmid"),
    ("tailmid", "tailend"),
)
SCALE = 2  # rendered pixels per pixel
EXPOSURE = (-0.24, 0.0, 0.24)  # moments of the exposure, in frames
FINE = 34  # number of circles that form a body
# Half width of the body, in body lengths, at fractions of the way from snout to tail base.
OUTLINE_AT = (0.0, 0.05, 0.14, 0.24, 0.32, 0.45, 0.62, 0.80, 0.92, 1.0)
OUTLINE = (0.022, 0.045, 0.088, 0.105, 0.100, 0.125, 0.160, 0.165, 0.110, 0.040)
EAR_AT, EAR_OUT, EAR_SIZE = 0.27, 0.115, 0.062
LIGHT = np.array([0.05, 0.07])  # offset of the shadow, in body lengths


@dataclass(frozen=True)
class Scene:
    """A synthetic recording of T frames with A animals and K bodyparts.

    Parameters
    ----------
    layout
        Names of bodyparts and individuals.
    size
        (width, height) in pixels.
    body_length
        Length in pixels of a stretched animal from snout to tail base.
    xy
        Exact positions (T, A, K, 2) in pixels, including those of bodyparts that are hidden or out of view.
    visible
        (T, A, K) bool: the bodypart is in view and no other animal covers it.
    motion
        Poses of the animals.
    floor
        Texture, (height * SCALE, width * SCALE, 3) uint8 RGB.
    coats
        Color of each animal, (A, 3) RGB.
    hairs
        (H, 3): position along the body 0..1, across it -1..1, and brightness.
    seed
        Seed of the camera noise.
    """

    layout: Layout
    size: tuple[int, int]
    body_length: float
    xy: np.ndarray
    visible: np.ndarray
    motion: AnimalMotion
    floor: np.ndarray
    coats: np.ndarray
    hairs: np.ndarray
    seed: int

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def inside(self) -> np.ndarray:
        """Whether each bodypart is in view, hidden or not, (T, A, K) bool."""
        return _inside(self.xy, self.size)

    def frame(self, index: int) -> np.ndarray:
        """Render a frame with camera noise, (height, width, 3) uint8 RGB."""
        width, height = self.size
        total = np.zeros((height, width, 3), np.float32)
        for moment in EXPOSURE:
            canvas = self._moment(*self.motion.between(index, moment))
            total += cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
        rng = np.random.default_rng((self.seed, index))
        frame = total / len(EXPOSURE) * rng.normal(1, 0.008)
        frame += rng.normal(0, 3.0, (height, width, 1)) + rng.normal(0, 1.2, frame.shape)
        return np.clip(np.rint(frame), 0, 255).astype(np.uint8)

    def _moment(self, chain: np.ndarray, stride: np.ndarray) -> np.ndarray:
        """Render one moment at SCALE times the size; later animals cover earlier ones."""
        canvas = self._shaded_floor(chain)
        for animal, joints in enumerate(chain):
            _paint_animal(canvas, joints, stride[animal], self.body_length, self.coats[animal], self.hairs)
        return canvas

    def _shaded_floor(self, chain: np.ndarray) -> np.ndarray:
        """The floor with the shadows of the animals."""
        width, height = self.size
        mask = np.zeros((height, width), np.uint8)
        for joints in chain:
            spine, radius = _body(joints, self.body_length)
            _circles(mask, spine + LIGHT * self.body_length, radius * 1.05, 110, scale=1)
            _line(mask, joints[SPINE:] + LIGHT * self.body_length * 0.3, 70, 1, scale=1)
        light = 255 - cv2.GaussianBlur(mask, (0, 0), 0.035 * self.body_length)
        light = cv2.resize(light, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_LINEAR)
        return cv2.multiply(self.floor, cv2.merge([light, light, light]), scale=1 / 255)


def scene(
    animals: int = 1,
    frames: int = 360,
    *,
    size: tuple[int, int] = (192, 144),
    body_length: float = 58.0,
    meeting: float = 0.35,
    leaving: float = 0.0,
    seed: int = 0,
) -> Scene:
    """Create a synthetic recording; frames are rendered on access.

    Parameters
    ----------
    animals, frames
        Number of animals and of frames.
    size
        (width, height) in pixels.
    body_length
        Length in pixels of a stretched animal from snout to tail base.
    meeting
        Probability that an animal's next goal is another animal.
    leaving
        Probability that an animal's next goal is out of view.
    seed
        Seed of all random numbers.

    Returns
    -------
    Scene
        The same arguments give the same recording.

    Examples
    --------
    >>> recording = scene(animals=2, frames=10)
    >>> recording.frame(0).shape, recording.xy.shape
    ((144, 192, 3), (10, 2, 8, 2))
    """
    rng = np.random.default_rng((seed, animals))
    motion = walk(frames, animals, size, body_length, rng, meeting=meeting, leaving=leaving)
    coat = np.array([74.0, 64.0, 58.0])
    coats = np.clip(coat * rng.uniform(0.85, 1.25, (animals, 1)) + rng.normal(0, 4, (animals, 3)), 20, 120)
    hairs = np.stack([rng.uniform(0.08, 0.97, 160), rng.uniform(-0.9, 0.9, 160), rng.choice([-16, 14, 26], 160)], -1)
    xy = _bodyparts(motion.chain, body_length)
    names = tuple(f"mouse{number}" for number in range(1, animals + 1)) if animals > 1 else ("individual_1",)
    return Scene(
        layout=Layout(BODYPARTS, names, multi=animals > 1),
        size=size,
        body_length=body_length,
        xy=xy,
        visible=_visible(motion.chain, body_length) & _inside(xy, size),
        motion=motion,
        floor=_floor(size, rng, open_right=leaving > 0),
        coats=coats,
        hairs=hairs,
        seed=seed,
    )


def true_tracks(scene: Scene) -> Tracks:
    """Tracks of a perfect tracker: nan where a bodypart is out of view, score 0 where it is hidden, otherwise 1."""
    xy = np.where(scene.inside[..., None], scene.xy, np.nan).astype(np.float32)
    return Tracks(scene.layout, xy, scene.visible.astype(np.float32))


def _bodyparts(chain: np.ndarray, body: float) -> np.ndarray:
    """Bodyparts (..., K, 2) on chains (..., JOINTS, 2)."""
    center, side = _along(chain, EAR_AT)
    left, right = center + side * EAR_OUT * body, center - side * EAR_OUT * body
    middle, _ = _along(chain, 0.40)
    points = [chain[..., 0, :], left, right, middle, _along(chain, 0.68)[0]]
    points += [chain[..., joint, :] for joint in (SPINE, SPINE + (TAIL + 1) // 2, JOINTS - 1)]
    return np.stack(points, -2)


def _visible(chain: np.ndarray, body: float) -> np.ndarray:
    """Whether no later animal's body or ear covers a bodypart, (T, A, K) bool."""
    xy = _bodyparts(chain, body)
    spines, radius = _body(chain, body)  # (T, A, FINE, 2), (FINE,)
    sizes = np.concatenate([radius, [EAR_SIZE * body] * 2])
    visible = np.ones(xy.shape[:3], bool)
    for below in range(chain.shape[1]):
        for above in range(below + 1, chain.shape[1]):
            cover = np.concatenate([spines[:, above], xy[:, above, 1:3]], 1)
            gap = np.linalg.norm(xy[:, below, :, None] - cover[:, None], axis=-1) - sizes
            visible[:, below] &= (gap > 0).all(-1)
    return visible


def _inside(xy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(((xy >= -0.5) & (xy < np.array(size) - 0.5)).all(-1))


def _along(chain: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Point at a fraction ``share`` of the way from snout to tail base, and the unit vector to the animal's left."""
    position = share * SPINE
    joint = min(int(position), SPINE - 1)
    step = chain[..., joint + 1, :] - chain[..., joint, :]
    back = step / np.linalg.norm(step, axis=-1, keepdims=True)
    left = np.stack([-back[..., 1], back[..., 0]], -1)  # y points down, so this is the animal's left
    return chain[..., joint, :] + (position - joint) * step, left


def _body(chain: np.ndarray, body: float) -> tuple[np.ndarray, np.ndarray]:
    """Centers (..., FINE, 2) and radii (FINE,) of the circles that form the body."""
    shares = np.linspace(0, 1, FINE)
    weights = np.zeros((FINE, SPINE + 1))
    joint = np.minimum((shares * SPINE).astype(int), SPINE - 1)
    rest = shares * SPINE - joint
    weights[np.arange(FINE), joint], weights[np.arange(FINE), joint + 1] = 1 - rest, rest
    return weights @ chain[..., : SPINE + 1, :], np.interp(shares, OUTLINE_AT, OUTLINE) * body


def _paint_animal(
    canvas: np.ndarray, joints: np.ndarray, stride: np.ndarray, body: float, coat: np.ndarray, hairs: np.ndarray
) -> None:
    """Paint paws, tail, body in four shades, ears, fur, eyes and nose."""
    skin = np.array([196.0, 150.0, 140.0])
    for share, out, reach, steps in ((0.40, 0.14, 0.10, stride[:2]), (0.82, 0.19, 0.12, stride[2:])):
        foot, left = _along(joints, share)
        ahead = np.array([left[1], -left[0]])
        for side, step in zip((1, -1), steps, strict=True):
            _circle(canvas, foot + side * out * body * left + (0.03 + reach * step) * body * -ahead, 0.035 * body, skin)
    for part, thickness in ((joints[SPINE - 1 :], 0.034), (joints[SPINE : SPINE + 5], 0.045)):
        _line(canvas, part, skin * 0.78, max(round(thickness * body * SCALE), 1))

    spine, radius = _body(joints, body)
    glow = -LIGHT / np.hypot(*LIGHT) * 0.028 * body
    ears = [_along(joints, EAR_AT)[0] + side * EAR_OUT * body * _along(joints, EAR_AT)[1] for side in (1, -1)]
    for shade in range(4):
        color = coat * (0.72 + 0.22 * shade)
        _circles(canvas, spine + glow * shade, radius * (1 - 0.24 * shade), color)
    _fur(canvas, spine, radius, coat, hairs)
    for ear in ears:
        _circle(canvas, ear, EAR_SIZE * body, coat * 0.75)
        _circle(canvas, ear, EAR_SIZE * 0.68 * body, 0.5 * coat + 0.5 * skin)
    face, left = _along(joints, 0.13)
    for side in (1, -1):
        _circle(canvas, face + side * 0.062 * body * left, 0.018 * body, np.array([12.0, 10.0, 10.0]))
    _circle(canvas, joints[0], 0.024 * body, skin)


def _fur(canvas: np.ndarray, spine: np.ndarray, radius: np.ndarray, coat: np.ndarray, hairs: np.ndarray) -> None:
    """Paint short strokes that follow the body."""
    at = np.minimum((hairs[:, 0] * (FINE - 1)).astype(int), FINE - 3)
    back = spine[at + 2] - spine[at]
    left = np.stack([-back[:, 1], back[:, 0]], -1) / np.linalg.norm(back, axis=-1, keepdims=True)
    start = spine[at] + left * (hairs[:, 1] * radius[at])[:, None]
    strokes = np.stack([start, start + back * 0.8], 1)
    for brightness in np.unique(hairs[:, 2]):
        color = np.clip(coat * 1.05 + brightness, 0, 255)
        lines = _pixels(strokes[hairs[:, 2] == brightness], SCALE)
        cv2.polylines(canvas, list(lines), False, color.tolist(), 1, cv2.LINE_AA, 4)


def _floor(size: tuple[int, int], rng: np.random.Generator, *, open_right: bool) -> np.ndarray:
    """Paint the bedding: clouds of several sizes, wood chips, a dark wall on all or three sides, and light."""
    width, height = size[0] * SCALE, size[1] * SCALE
    clouds = np.zeros((height, width))
    for cell, strength in ((96, 9.0), (32, 6.0), (10, 5.0), (3, 5.0), (1, 3.0)):
        coarse = rng.normal(0, strength, (height // cell + 3, width // cell + 3)).astype(np.float32)
        enlarged = cv2.resize(coarse, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
        clouds += enlarged[cell : cell + height, cell : cell + width]
    floor = np.array([186.0, 172.0, 148.0]) + clouds[..., None] * np.array([1.0, 0.97, 0.9])
    floor = np.ascontiguousarray(np.clip(floor, 0, 255).astype(np.uint8))
    for _ in range(width * height // 500):
        start = rng.uniform((0, 0), (width, height)) / SCALE
        angle, length = rng.uniform(0, np.pi), rng.uniform(1.0, 3.5)
        color = np.clip(np.array([186.0, 170.0, 142.0]) * rng.uniform(0.72, 1.25), 0, 255)
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        _line(floor, np.stack([start, end]), color, int(rng.integers(1, 3)))
    y, x = np.mgrid[:height, :width]
    sides = x if open_right else np.minimum(x, width - 1 - x)
    edge = np.minimum(sides, np.minimum(y, height - 1 - y)) / SCALE
    wall = 0.62 + 0.38 / (1 + np.exp(-(edge - 5) / 0.8))
    light = 1.06 - 0.16 * ((x / width - 0.35) ** 2 + (y / height - 0.3) ** 2) / 0.5
    result: np.ndarray = np.clip(floor * (wall * light)[..., None], 0, 255).astype(np.uint8)
    return result


def _pixels(points: np.ndarray, scale: int) -> np.ndarray:
    """Image coordinates (integers are pixel centers) as multiples of 1/16 px of the enlarged canvas, as OpenCV uses."""
    return np.rint(((points + 0.5) * scale - 0.5) * 16).astype(np.int32)


def _circles(
    canvas: np.ndarray, centers: np.ndarray, radii: np.ndarray, color: np.ndarray | int, scale: int = SCALE
) -> None:
    shade = np.asarray(color).tolist()
    sizes = np.rint(radii * scale * 16).astype(int).tolist()
    for center, size in zip(_pixels(centers, scale).tolist(), sizes, strict=True):
        cv2.circle(canvas, center, size, shade, -1, cv2.LINE_AA, 4)


def _circle(canvas: np.ndarray, center: np.ndarray, radius: float, color: np.ndarray) -> None:
    _circles(canvas, center[None], np.array([radius]), color)


def _line(canvas: np.ndarray, points: np.ndarray, color: np.ndarray | int, thickness: int, scale: int = SCALE) -> None:
    cv2.polylines(canvas, [_pixels(points, scale)], False, np.asarray(color).tolist(), thickness, cv2.LINE_AA, 4)
