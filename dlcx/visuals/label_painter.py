"""Pictures of human labels: a + for each label, lines for bones, a ring around suspicious labels, and a legend."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np

from dlcx.poses import Layout, Prediction
from dlcx.visuals.colors import named_color, point_colors
from dlcx.visuals.labeled_images import SHIFT, cross, enlarged, fixed_point, legend, translucent

_RING = (255, 255, 255)


class LabelPainter:
    """Paints labels, colored by bodypart or by individual.

    Parameters
    ----------
    layout
        Names of the bodyparts and individuals.
    skeleton
        Bones, as pairs of bodyparts.
    skeleton_color
        Color of the bones; any matplotlib color.
    colormap
        A matplotlib colormap.
    by
        ``bodypart`` or ``individual``.
    dotsize
        Diameter of a mark in pixels of the picture.
    opacity
        Opacity of the marks, from 0 to 1.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        skeleton: Sequence[tuple[str, str]] = (),
        skeleton_color: str = "white",
        colormap: str = "rainbow",
        by: str = "bodypart",
        dotsize: int = 12,
        opacity: float = 1.0,
    ) -> None:
        place = {name: number for number, name in enumerate(layout.bodyparts)}
        self._bones = [(place[one], place[other]) for one, other in skeleton if one in place and other in place]
        colors = [tuple(map(int, color)) for color in point_colors(layout, colormap, by=by)]
        self._split = len(layout.individuals) * len(layout.bodyparts)
        self._bone_color = named_color(skeleton_color)
        self._opacity = opacity
        self._colors = colors
        self._layout = layout
        self._radius = max(dotsize, 4)
        self._named = self._legend(by)

    def __call__(self, image: np.ndarray, labels: Prediction, ringed: Collection[tuple[int | None, str]]) -> np.ndarray:
        """Paint the labels of one image.

        Parameters
        ----------
        image
            Image (H, W, 3), uint8 RGB.
        labels
            Labels in pixels of the image.
        ringed
            Suspicious labels: (row of the individual, or None for unique bodyparts; bodypart).

        Returns
        -------
        numpy.ndarray
            Picture (h, w, 3), uint8 RGB; small images are enlarged.
        """
        ground, scale = enlarged(image)
        picture = ground.copy()
        parts = self._layout.bodyparts
        for animal, points in enumerate(labels.animals.xy):
            for first, second in self._bones:
                if np.isfinite(points[[first, second]]).all():
                    start, end = fixed_point(points[first], scale), fixed_point(points[second], scale)
                    cv2.line(picture, start, end, self._bone_color, 1, cv2.LINE_AA, SHIFT)
            for part, point in enumerate(points):
                color = self._colors[animal * len(parts) + part]
                self._mark(picture, point, scale, color, ring=(animal, parts[part]) in ringed)
        if labels.unique is not None:
            for part, point in enumerate(labels.unique.xy[0]):
                name = self._layout.unique[part]
                self._mark(picture, point, scale, self._colors[self._split + part], ring=(None, name) in ringed)
        picture = translucent(picture, ground, self._opacity)
        return np.concatenate([picture, legend(picture.shape[1], self._named)])

    def _mark(self, picture: np.ndarray, point: np.ndarray, scale: int, color: Sequence[int], *, ring: bool) -> None:
        if not np.isfinite(point).all():
            return
        cross(picture, point, scale, self._radius, color, diagonal=False)
        if ring:
            radius = round(1.8 * self._radius * 2**SHIFT)
            cv2.circle(picture, fixed_point(point, scale), radius, _RING, 2, cv2.LINE_AA, SHIFT)

    def _legend(self, by: str) -> list[tuple[str, Sequence[int]]]:
        layout, colors = self._layout, self._colors
        unique = list(zip(layout.unique, colors[self._split :], strict=True))
        marks: list[tuple[str, Sequence[int]]] = [("+ label", (235, 235, 235)), ("o suspicious", _RING)]
        if by == "individual":
            step = len(layout.bodyparts)
            return [*marks, *zip(layout.individuals, colors[: self._split : step], strict=True), *unique]
        return [*marks, *zip(layout.bodyparts, colors[: len(layout.bodyparts)], strict=True), *unique]
