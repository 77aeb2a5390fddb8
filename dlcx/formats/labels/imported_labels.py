"""Labels as a file of another program holds them, before they are matched to the images of a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.serialization.checked_values import MAX_FLOAT32
from dlcx.poses import Labels, Layout

#: DeepLabCut's name for the owner of unique bodyparts; other programs' files have a second skeleton of this name.
SINGLE = "single"


@dataclass(frozen=True)
class ImportedImage:
    """An image that a label file refers to.

    Attributes
    ----------
    file
        Path of the image, or of the video that it is a frame of, as the label file gives it.
    frame
        Frame number in the video, from 0; None for an image file.
    pixels
        Returns the pixels (H, W, 3), RGB, if the label file embeds them.
    size
        Width and height in pixels, if the label file gives them.
    frames
        Number of frames of the video, if the label file gives it.
    """

    file: str
    frame: int | None = None
    pixels: Callable[[], np.ndarray] | None = None
    size: tuple[int, int] | None = None
    frames: int | None = None


@dataclass(frozen=True)
class LabeledAnimal:
    """One animal in one image, or the unique bodyparts of an image.

    Attributes
    ----------
    image
        Number of the image, from 0.
    individual
        Name of the animal; None if the file does not name it.
    skeleton
        Name of its skeleton; :data:`SINGLE` for unique bodyparts.
    bodyparts
        Names of its n bodyparts.
    xy
        Their positions (n, 2) in pixels of the image, x then y; nan if not labeled.
    """

    image: int
    individual: str | None
    skeleton: str
    bodyparts: tuple[str, ...]
    xy: np.ndarray


@dataclass(frozen=True)
class ImportedLabels:
    """Labels of M images with A animals of K bodyparts and U unique bodyparts.

    Attributes
    ----------
    layout
        Names of the file's bodyparts and individuals.
    individuals_named
        Whether the file names the individuals; if not, they were numbered.
    images
        The M images.
    xy
        Positions (M, A, K, 2) in pixels of the image, x then y; nan if not labeled.
    unique_xy
        Positions (M, U, 2) of the unique bodyparts.
    """

    layout: Layout
    individuals_named: bool
    images: tuple[ImportedImage, ...]
    xy: np.ndarray
    unique_xy: np.ndarray

    @classmethod
    def from_labels(cls, labels: Labels) -> ImportedLabels:
        """Return the labels of a DeepLabCut file."""
        images = tuple(ImportedImage("/".join(image)) for image in labels.images)
        return cls(labels.layout, labels.layout.multi, images, labels.xy, labels.unique_xy)

    @classmethod
    def from_animals(
        cls,
        bodyparts: Sequence[str],
        unique: Sequence[str],
        images: Sequence[ImportedImage],
        animals: Sequence[LabeledAnimal],
    ) -> ImportedLabels:
        """Collect the labels of single animals.

        Animals without a name are numbered within each image: ``individual1``, ``individual2`` and so on, without the
        names that the file itself uses.

        Parameters
        ----------
        bodyparts, unique
            Names of the bodyparts of an animal and of the unique bodyparts, in the order of the result.
        images
            The images of the file.
        animals
            The animals of all images, in any order.

        Raises
        ------
        DlcxError
            If a position is infinite or too large for any image.
        """
        names = list(dict.fromkeys(one.individual for one in animals if one.individual and one.skeleton != SINGLE))
        unnamed_in_image: dict[int, int] = {}
        numbers: list[int] = []
        for one in animals:
            if one.skeleton == SINGLE or one.individual:
                numbers.append(-1)
            else:
                numbers.append(unnamed_in_image.setdefault(one.image, 0))
                unnamed_in_image[one.image] += 1
        unused = (name for number in count(1) if (name := f"individual{number}") not in names)
        individuals = (*names, *islice(unused, max(unnamed_in_image.values(), default=0)))
        layout = Layout(tuple(bodyparts), individuals or ("individual1",), tuple(unique), True)
        xy = np.full((len(images), len(layout.individuals), len(bodyparts), 2), np.nan)
        unique_xy = np.full((len(images), len(unique), 2), np.nan)
        for one, number in zip(animals, numbers, strict=True):
            if (np.abs(one.xy) > MAX_FLOAT32).any():
                raise DlcxError(
                    f"{images[one.image].file}: expected positions in the image, got {np.nanmax(np.abs(one.xy)):g}"
                )
            names_in_order = list(unique) if one.skeleton == SINGLE else list(bodyparts)
            columns = [names_in_order.index(name) for name in one.bodyparts]
            if one.skeleton == SINGLE:
                unique_xy[one.image, columns] = one.xy
            else:
                row = layout.individuals.index(one.individual) if one.individual else len(names) + number
                xy[one.image, row, columns] = one.xy
        return cls(layout, bool(names), tuple(images), xy, unique_xy)
