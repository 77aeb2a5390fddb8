"""What travels between the rooms: layouts, poses of single images, labels and tracks.

Coordinates are pixels of the whole image, x then y, origin at the top left corner; nan means unseen.
Shapes are checked once, at birth.  N animals in an image, K bodyparts, A individuals of the project,
U unique bodyparts, T frames, M labelled images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace

import numpy as np


def _check(owner: str, name: str, array: np.ndarray, shape: tuple[int | None, ...]) -> None:
    good = array.ndim == len(shape) and all(
        want is None or got == want for got, want in zip(array.shape, shape, strict=True)
    )
    if not good:
        expected = "(" + ", ".join("any" if want is None else str(want) for want in shape) + ")"
        raise ValueError(f"{owner}.{name}: expected shape {expected}, got {array.shape}")


def _of_rows(values: np.ndarray, *last: int) -> np.ndarray:
    """The values of each row in one axis before the ``last`` ones, also where there are no rows."""
    width = math.prod(values.shape[1:]) // math.prod(last)
    return values.reshape(len(values), width, *last)


@dataclass(frozen=True)
class Layout:
    """Names of a project's bodyparts, individuals and unique bodyparts, in the project's order.

    ``multi`` says whether the project is a multi-animal one; its files then carry a level ``individuals``.
    A single-animal project has the one individual ``individual_1``.
    """

    bodyparts: tuple[str, ...]
    individuals: tuple[str, ...] = ("individual_1",)
    unique: tuple[str, ...] = ()
    multi: bool = False

    def __post_init__(self) -> None:
        if not self.bodyparts and not self.unique:
            raise ValueError("Layout.bodyparts: expected at least one name, got none")
        for name in ("bodyparts", "individuals", "unique"):
            names = getattr(self, name)
            if len(set(names)) != len(names):
                raise ValueError(f"Layout.{name}: expected distinct names, got {names}")


@dataclass(frozen=True)
class Instances:
    """Animals of one image, in no particular order.

    xy (N, K, 2) and score (N, K); each of the others or None: box (N, 4) as x, y, width, height,
    box_score (N,), affinity (N,) mean link affinity, identity (N, K, A) votes, track (N,) int: which animal each one is
    where the frames before told, from 0.
    Labels have score 1 where a point is labelled and 0 where it is not.
    A row with negative scores throughout (xy nan) shows nobody: a net that tells the individuals apart keeps a row for
    each of them, so that the i-th row is the i-th individual whoever is missing.
    """

    xy: np.ndarray
    score: np.ndarray
    box: np.ndarray | None = None
    box_score: np.ndarray | None = None
    affinity: np.ndarray | None = None
    identity: np.ndarray | None = None
    track: np.ndarray | None = None

    def __post_init__(self) -> None:
        _check("Instances", "xy", self.xy, (None, None, 2))
        animals, parts, _ = self.xy.shape
        _check("Instances", "score", self.score, (animals, parts))
        optional = {
            "box": (animals, 4),
            "box_score": (animals,),
            "affinity": (animals,),
            "identity": (animals, parts, None),
            "track": (animals,),
        }
        for name, shape in optional.items():
            if getattr(self, name) is not None:
                _check("Instances", name, getattr(self, name), shape)

    def __len__(self) -> int:
        return len(self.xy)

    def __getitem__(self, chosen: np.ndarray) -> Instances:
        """Some of the animals, in the order of their numbers (n,)."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return replace(self, **{name: value[chosen] for name, value in values.items() if value is not None})

    @property
    def there(self) -> np.ndarray:
        """Which rows show an animal: (N,) bool."""
        nobody = np.isnan(self.xy).all((1, 2)) & (self.score < 0).all(1)
        return ~nobody if self.score.shape[1] else np.ones(len(self), bool)

    def present(self) -> Instances:
        """The animals without the rows that show nobody."""
        there = self.there
        return self if there.all() else self[np.flatnonzero(there)]

    def marked(self) -> Instances:
        """The same with x and y -1 in rows that show nobody, as DeepLabCut's files have them."""
        return replace(self, xy=np.where(self.there[:, None, None], self.xy, self.xy.dtype.type(-1)))

    def placed(self, rows: np.ndarray) -> Instances:
        """Like indexing with ``rows`` (n,), but -1 gives a row that shows nobody."""
        nobody = {"xy": np.nan, "score": -1, "track": -1}
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        extended = {
            name: np.concatenate([value, np.full((1, *value.shape[1:]), nobody.get(name, 0), value.dtype)])[rows]
            for name, value in values.items()
            if value is not None
        }
        return replace(self, **extended)

    @classmethod
    def none(cls, parts: int) -> Instances:
        """An image without animals."""
        return cls(np.zeros((0, parts, 2), np.float32), np.zeros((0, parts), np.float32))

    @classmethod
    def of_boxes(cls, box: np.ndarray, box_score: np.ndarray) -> Instances:
        """Animals of which only box (N, 4) and box_score (N,) are known: K = 0."""
        count = len(box)
        return cls(np.zeros((count, 0, 2), np.float32), np.zeros((count, 0), np.float32), box, box_score)

    def moved(self, x: float, y: float) -> Instances:
        """The animals of a crop in pixels of the whole image, where the crop begins at ``x``, ``y``."""
        offset = np.array([x, y, 0, 0], self.xy.dtype)
        box = None if self.box is None else self.box + offset
        return replace(self, xy=self.xy + offset[:2], box=box)


@dataclass(frozen=True)
class Prediction:
    """Everything seen in one image: the animals and, where a project has them, the unique bodyparts (N = 1)."""

    animals: Instances
    unique: Instances | None = None

    def __post_init__(self) -> None:
        if self.unique is not None and len(self.unique) > 1:
            raise ValueError(f"Prediction.unique: expected at most one instance, got {len(self.unique)}")

    def moved(self, x: float, y: float) -> Prediction:
        """Everything ``x``, ``y`` pixels farther right and down; see :meth:`Instances.moved`."""
        return Prediction(self.animals.moved(x, y), self.unique and self.unique.moved(x, y))


@dataclass(frozen=True)
class Labels:
    """Human labels of M images: images as path parts below the project, xy (M, A, K, 2), unique_xy (M, U, 2)."""

    layout: Layout
    images: tuple[tuple[str, str, str], ...]
    xy: np.ndarray
    unique_xy: np.ndarray

    def __post_init__(self) -> None:
        count, layout = len(self.images), self.layout
        _check("Labels", "xy", self.xy, (count, len(layout.individuals), len(layout.bodyparts), 2))
        _check("Labels", "unique_xy", self.unique_xy, (count, len(layout.unique), 2))

    def __len__(self) -> int:
        return len(self.images)

    @property
    def points(self) -> np.ndarray:
        """All positions (M, A * K + U, 2): the bodyparts of the animals in turn, then the unique bodyparts."""
        return np.concatenate([_of_rows(self.xy, 2), self.unique_xy], axis=1)

    def pose(self, index: int) -> Prediction:
        """The labels of one image; row i of its animals is the i-th individual of the layout (nan if absent)."""
        xy, unique = self.xy[index], self.unique_xy[index][None]
        return Prediction(
            animals=Instances(xy, np.isfinite(xy).all(-1).astype(np.float32)),
            unique=Instances(unique, np.isfinite(unique).all(-1).astype(np.float32)) if self.layout.unique else None,
        )


@dataclass(frozen=True)
class Tracks:
    """Linked poses of a video: xy (T, A, K, 2), score (T, A, K), unique_xy (T, U, 2), unique_score (T, U).

    ``first`` is the video's number of the first row, so that rows of a part of a video keep their frame numbers.
    """

    layout: Layout
    xy: np.ndarray
    score: np.ndarray
    unique_xy: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 2), np.float32))
    unique_score: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    first: int = 0

    def __post_init__(self) -> None:
        animals, parts, unique = len(self.layout.individuals), len(self.layout.bodyparts), len(self.layout.unique)
        frames = len(self.xy)
        _check("Tracks", "xy", self.xy, (frames, animals, parts, 2))
        _check("Tracks", "score", self.score, (frames, animals, parts))
        if not unique and not self.unique_xy.size:
            object.__setattr__(self, "unique_xy", np.zeros((frames, 0, 2), self.xy.dtype))
            object.__setattr__(self, "unique_score", np.zeros((frames, 0), self.score.dtype))
        _check("Tracks", "unique_xy", self.unique_xy, (frames, unique, 2))
        _check("Tracks", "unique_score", self.unique_score, (frames, unique))

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def points(self) -> np.ndarray:
        """All positions (T, A * K + U, 2): the bodyparts of the animals in turn, then the unique bodyparts."""
        return np.concatenate([_of_rows(self.xy, 2), self.unique_xy], axis=1)

    @property
    def point_scores(self) -> np.ndarray:
        """The scores (T, A * K + U) of :attr:`points`."""
        return np.concatenate([_of_rows(self.score), self.unique_score], axis=1)


@dataclass(frozen=True)
class SwapCandidate:
    """Individuals ``one`` and ``other`` may have changed tracks at ``frame`` of the video; ``score`` from 0 to 1."""

    frame: int
    score: float
    one: str
    other: str
