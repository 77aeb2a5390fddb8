"""Types that all packages share: layouts, poses in single images, labels and tracks.

Coordinates are pixels of the full image, x then y, with the origin at the top left corner; nan means unseen.  Shapes
are checked when an object is created: N animals in an image, K bodyparts, A individuals of the project, U unique
bodyparts, T frames, M labeled images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace

import numpy as np


def _check(owner: str, name: str, array: np.ndarray, shape: tuple[int | None, ...]) -> None:
    matches = array.ndim == len(shape) and all(
        want is None or got == want for got, want in zip(array.shape, shape, strict=True)
    )
    if not matches:
        expected = "(" + ", ".join("any" if want is None else str(want) for want in shape) + ")"
        raise ValueError(f"{owner}.{name}: expected shape {expected}, got {array.shape}")


def _flatten_points(values: np.ndarray, *last: int) -> np.ndarray:
    """Merge all axes between the first one and the ``last`` ones, even if there are no rows."""
    width = math.prod(values.shape[1:]) // math.prod(last)
    return values.reshape(len(values), width, *last)


@dataclass(frozen=True)
class Layout:
    """Names of a project's bodyparts, individuals and unique bodyparts, in the order of the project.

    Parameters
    ----------
    bodyparts
        Names of the bodyparts that every individual has.
    individuals
        Names of the individuals; a single-animal project has one, ``individual_1``.
    unique
        Names of the bodyparts that exist once per image.
    multi
        Whether the project is a multi-animal project, whose files have a column level ``individuals``.

    Raises
    ------
    ValueError
        If there is no bodypart, or names are repeated.

    Examples
    --------
    >>> Layout(("nose", "tail"), ("mouse1", "mouse2"), multi=True).unique
    ()
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
    """Animals in one image, in no particular order.

    A network that recognizes individuals keeps a row for each of them, so that row i is the i-th individual.  Rows of
    absent individuals have xy nan and negative scores only.

    Parameters
    ----------
    xy
        Keypoints (N, K, 2) in pixels of the full image, nan where unseen.
    score
        (N, K).  Labels have score 1 for labeled keypoints and 0 for others.
    box
        Bounding boxes (N, 4) as x, y, width, height in pixels, or None.
    box_score
        Confidence of the boxes, (N,), or None.
    affinity
        Mean part affinity of the links between keypoints, (N,), or None.
    identity
        Identity scores of each keypoint for each individual, (N, K, A), or None.
    track
        Number of each animal in a tracker that links frames during prediction, (N,) int from 0, or None.

    Raises
    ------
    ValueError
        If a shape does not match.
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
        """Select animals by indices (n,)."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return replace(self, **{name: value[chosen] for name, value in values.items() if value is not None})

    @property
    def is_present(self) -> np.ndarray:
        """Whether each row shows an animal, (N,) bool."""
        absent = np.isnan(self.xy).all((1, 2)) & (self.score < 0).all(1)
        return ~absent if self.score.shape[1] else np.ones(len(self), bool)

    def present(self) -> Instances:
        """Drop the rows of absent individuals."""
        present = self.is_present
        return self if present.all() else self[np.flatnonzero(present)]

    def with_absent_at_minus_one(self) -> Instances:
        """Set x and y of absent individuals to -1, as in DeepLabCut's files."""
        return replace(self, xy=np.where(self.is_present[:, None, None], self.xy, self.xy.dtype.type(-1)))

    def reindexed(self, rows: np.ndarray) -> Instances:
        """Select animals by indices ``rows`` (n,); -1 gives the row of an absent individual."""
        absent = {"xy": np.nan, "score": -1, "track": -1}
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        extended = {
            name: np.concatenate([value, np.full((1, *value.shape[1:]), absent.get(name, 0), value.dtype)])[rows]
            for name, value in values.items()
            if value is not None
        }
        return replace(self, **extended)

    @classmethod
    def empty(cls, parts: int) -> Instances:
        """An image without animals, for ``parts`` bodyparts."""
        return cls(np.zeros((0, parts, 2), np.float32), np.zeros((0, parts), np.float32))

    @classmethod
    def from_boxes(cls, box: np.ndarray, box_score: np.ndarray) -> Instances:
        """Animals without keypoints (K = 0), from box (N, 4) and box_score (N,)."""
        count = len(box)
        return cls(np.zeros((count, 0, 2), np.float32), np.zeros((count, 0), np.float32), box, box_score)

    def shifted(self, x: float, y: float) -> Instances:
        """Shift keypoints and boxes by ``x``, ``y`` pixels, for example from a crop to the full image."""
        offset = np.array([x, y, 0, 0], self.xy.dtype)
        box = None if self.box is None else self.box + offset
        return replace(self, xy=self.xy + offset[:2], box=box)


@dataclass(frozen=True)
class Prediction:
    """All poses in one image, predicted or labeled.

    Parameters
    ----------
    animals
        The animals.
    unique
        The unique bodyparts as one instance, or None if the project has none.

    Raises
    ------
    ValueError
        If ``unique`` has more than one instance.
    """

    animals: Instances
    unique: Instances | None = None

    def __post_init__(self) -> None:
        if self.unique is not None and len(self.unique) > 1:
            raise ValueError(f"Prediction.unique: expected at most one instance, got {len(self.unique)}")

    def shifted(self, x: float, y: float) -> Prediction:
        """Shift all poses by ``x``, ``y`` pixels, see :meth:`Instances.shifted`."""
        return Prediction(self.animals.shifted(x, y), self.unique and self.unique.shifted(x, y))


@dataclass(frozen=True)
class Labels:
    """Labels of M images.

    Parameters
    ----------
    layout
        Names of bodyparts and individuals.
    images
        Path of each image below the project folder, as its three parts.
    xy
        Bodyparts of the individuals, (M, A, K, 2) in pixels, nan where not labeled.
    unique_xy
        Unique bodyparts, (M, U, 2).

    Raises
    ------
    ValueError
        If a shape does not match.
    """

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
        """All points (M, A * K + U, 2): the bodyparts of one individual after the other, then the unique bodyparts."""
        return np.concatenate([_flatten_points(self.xy, 2), self.unique_xy], axis=1)

    def pose(self, index: int) -> Prediction:
        """Labels of one image; row i is the i-th individual of the layout, nan if it is not labeled."""
        xy, unique = self.xy[index], self.unique_xy[index][None]
        return Prediction(
            animals=Instances(xy, np.isfinite(xy).all(-1).astype(np.float32)),
            unique=Instances(unique, np.isfinite(unique).all(-1).astype(np.float32)) if self.layout.unique else None,
        )


@dataclass(frozen=True)
class Tracks:
    """Linked poses of consecutive frames of a video.

    Parameters
    ----------
    layout
        Names of bodyparts and individuals.
    xy
        Bodyparts of the individuals, (T, A, K, 2) in pixels of the full image, nan where unseen.
    score
        (T, A, K).
    unique_xy, unique_score
        Unique bodyparts, (T, U, 2) and (T, U).
    first
        Number of the first frame in the video.

    Raises
    ------
    ValueError
        If a shape does not match.
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
        """All points (T, A * K + U, 2): the bodyparts of one individual after the other, then the unique bodyparts."""
        return np.concatenate([_flatten_points(self.xy, 2), self.unique_xy], axis=1)

    @property
    def point_scores(self) -> np.ndarray:
        """Scores (T, A * K + U) of :attr:`points`."""
        return np.concatenate([_flatten_points(self.score), self.unique_score], axis=1)


@dataclass(frozen=True)
class SwapCandidate:
    """A frame in which two tracks may have swapped animals.

    Parameters
    ----------
    frame
        Frame number in the video.
    score
        Probability of a swap, from 0 to 1.
    one, other
        Names of the individuals.
    """

    frame: int
    score: float
    one: str
    other: str
