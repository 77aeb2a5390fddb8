"""Labels as files of other programs hold them, before they find their places in a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.serialization.checked_values import LARGEST
from dlcx.poses import Labels, Layout

#: What DeepLabCut calls the owner of bodyparts that exist once; files of other programs get it as a second skeleton.
SINGLE = "single"


@dataclass(frozen=True)
class ImportedImage:
    """Where an image is: its file, or the ``frame`` of a video; ``pixels`` gives (H, W, 3) RGB that a file embeds.

    ``size`` (width, height) and the number of ``frames`` of the video are what the label file says of them.
    """

    file: str
    frame: int | None = None
    pixels: Callable[[], np.ndarray] | None = None
    size: tuple[int, int] | None = None
    frames: int | None = None


@dataclass(frozen=True)
class ImportedLabels:
    """Labels of M images: xy (M, A, K, 2) and unique_xy (M, U, 2) in pixels, x then y, nan where nothing is labelled.

    ``named`` says whether the file names the individuals of ``layout``, or they were counted.
    """

    layout: Layout
    named: bool
    images: tuple[ImportedImage, ...]
    xy: np.ndarray
    unique_xy: np.ndarray

    @classmethod
    def of(cls, labels: Labels) -> ImportedLabels:
        """The labels of a DeepLabCut file."""
        images = tuple(ImportedImage("/".join(image)) for image in labels.images)
        return cls(labels.layout, labels.layout.multi, images, labels.xy, labels.unique_xy)

    @classmethod
    def gathered(
        cls, bodyparts: Sequence[str], unique: Sequence[str], images: Sequence[ImportedImage], found: Sequence[Found]
    ) -> ImportedLabels:
        """Labels out of the animals of each image, one after the other; those without a name are counted.

        They get the first of ``individual1``, ``individual2``, ... that the file gives to none.

        Raises
        ------
        DlcxError
            When a position is infinite, or too large for any picture.
        """
        names = list(dict.fromkeys(one.individual for one in found if one.individual and one.owner != SINGLE))
        nameless: dict[int, int] = {}
        places: list[int] = []
        for one in found:
            if one.owner == SINGLE or one.individual:
                places.append(-1)
            else:
                places.append(nameless.setdefault(one.image, 0))
                nameless[one.image] += 1
        free = (name for number in count(1) if (name := f"individual{number}") not in names)
        individuals = (*names, *islice(free, max(nameless.values(), default=0)))
        layout = Layout(tuple(bodyparts), individuals or ("individual1",), tuple(unique), True)
        xy = np.full((len(images), len(layout.individuals), len(bodyparts), 2), np.nan)
        unique_xy = np.full((len(images), len(unique), 2), np.nan)
        for one, place in zip(found, places, strict=True):
            if (np.abs(one.xy) > LARGEST).any():
                raise DlcxError(
                    f"{images[one.image].file}: expected positions in the image, got {np.nanmax(np.abs(one.xy)):g}"
                )
            parts = list(unique) if one.owner == SINGLE else list(bodyparts)
            at = [parts.index(name) for name in one.names]
            if one.owner == SINGLE:
                unique_xy[one.image, at] = one.xy
            else:
                animal = layout.individuals.index(one.individual) if one.individual else len(names) + place
                xy[one.image, animal, at] = one.xy
        return cls(layout, bool(names), tuple(images), xy, unique_xy)


@dataclass(frozen=True)
class Found:
    """One animal of an image: whose it is, its skeleton (``single``: bodyparts that exist once), xy (n, 2) of names."""

    image: int
    individual: str | None
    owner: str
    names: tuple[str, ...]
    xy: np.ndarray
