"""Labels that every label format must be able to hold, for the tests that walk the registry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dlcx.formats.labels.registry import LabelExport
from dlcx.poses import Labels, Layout

LAYOUTS = {
    "single": Layout(("snout", "tail", "ear")),
    "several": Layout(("snout", "tail"), ("anne", "bert"), ("lamp", "door"), multi=True),
}
#: Width and height of the example images, in pixels.
SIZE = (100, 60)


def example_labels(layout: Layout) -> Labels:
    """Five images of two videos; some bodyparts, one animal and one unique bodypart are not labeled."""
    generator = np.random.default_rng(0)
    xy = generator.uniform(1, 99, (5, len(layout.individuals), len(layout.bodyparts), 2))
    unique = generator.uniform(1, 99, (5, len(layout.unique), 2))
    xy[1, 0, 0] = np.nan
    xy[2, -1] = np.nan
    unique[3, :1] = np.nan
    images = tuple(("labeled-data", video, f"img{number}.png") for video, number in zip("vvwww", range(5), strict=True))
    return Labels(layout, images, xy, unique)


def example_export(
    labels: Labels, root: Path, skeleton: Sequence[tuple[str, str]] = (("snout", "tail"),)
) -> LabelExport:
    """What ``export-labels`` passes to a writer."""
    return LabelExport(labels, root, "me", skeleton, lambda: [SIZE] * len(labels))


def write_images(labels: Labels, root: Path) -> None:
    """Write the images that ``labels`` name, each in one shade of gray."""
    import cv2

    for number, image in enumerate(labels.images):
        path = root.joinpath(*image)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((SIZE[1], SIZE[0], 3), 40 * number, np.uint8))
