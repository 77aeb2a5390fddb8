"""What the poses of a video say about themselves: sure and missing points, speeds, jumps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dlcx.analysis.lookup.find_poses import FoundPoses
from dlcx.poses import Tracks

if TYPE_CHECKING:
    from dlcx.data.video_file import VideoFile

#: A jump is a step so many times as long as the point's usual one.
USUAL = 6.0


@dataclass(frozen=True)
class VideoFacts:
    """Poses of a video and what follows from them; T rows, P points: animals in turn, then unique bodyparts."""

    found: FoundPoses
    pcutoff: float
    video: VideoFile
    tracks: Tracks

    @property
    def numbers(self) -> np.ndarray:
        """Frame numbers (T,) of the rows."""
        return self.tracks.first + np.arange(len(self.tracks))

    @cached_property
    def score(self) -> np.ndarray:
        """Likelihoods (T, P)."""
        return self.tracks.point_scores

    @cached_property
    def xy(self) -> np.ndarray:
        """Positions (T, P, 2) in pixels of the frame."""
        return self.tracks.points

    @cached_property
    def known(self) -> np.ndarray:
        """Which points (T, P) were found at all."""
        result: np.ndarray = np.isfinite(self.xy).all(-1)
        return result

    @cached_property
    def sure(self) -> np.ndarray:
        """Which points (T, P) reach the cut-off."""
        return self.known & (self.score >= self.pcutoff)

    @cached_property
    def unreadable(self) -> np.ndarray | None:
        """Frames (T,) that could not be decoded; None where nobody can tell.

        Where there is no list of them, they are those in which nothing has a score, unless animals were linked: then
        nobody may have been there.
        """
        from dlcx.formats.predictions.frame_status import MISSING, STATES, UNDECODABLE, read_frame_status

        if self.found.files.frames.is_file():
            status = read_frame_status(self.found.files.frames)
            lost = np.isin(status.state, [STATES.index(UNDECODABLE), STATES.index(MISSING)])
            return np.isin(self.numbers, status.first + np.flatnonzero(lost))
        return None if self.found.file.is_linked else ~np.isfinite(self.score).any(1)

    @property
    def readable(self) -> np.ndarray:
        """Frames (T,) that could be decoded, as far as that is known."""
        return np.ones(len(self.tracks), bool) if self.unreadable is None else ~self.unreadable

    @cached_property
    def names(self) -> list[str]:
        """Names of all points."""
        layout = self.tracks.layout
        owners = [f"{animal} " if layout.multi else "" for animal in layout.individuals]
        return [f"{owner}{part}" for owner in owners for part in layout.bodyparts] + list(layout.unique)

    @cached_property
    def present(self) -> np.ndarray:
        """Which animals (T, A) have a point that was found."""
        tracks = self.tracks
        result: np.ndarray = np.isfinite(tracks.xy).all(-1).any(-1)
        return result

    def likelihood(self, quantile: float) -> np.ndarray:
        """The likelihood (T,) that such a share of the points found does not reach; nan where none was found."""
        ordered, count = self._ordered
        at = (quantile * (np.maximum(count, 1) - 1)).astype(int)
        return np.where(count > 0, np.take_along_axis(ordered, at[:, None], 1)[:, 0], np.nan)

    @cached_property
    def _ordered(self) -> tuple[np.ndarray, np.ndarray]:
        """Likelihoods (T, P) in ascending order, those of the points found first, and how many (T,) these are."""
        known = np.isfinite(self.score) & self.known
        return np.sort(np.where(known, self.score, np.inf), axis=1), known.sum(1)

    @cached_property
    def centers(self) -> np.ndarray:
        """Median of the sure points of each animal (T, A, 2), nan where none is sure."""
        tracks = self.tracks
        sure = np.where((tracks.score >= self.pcutoff)[..., None], tracks.xy, np.nan)
        return median(sure, 2)

    @cached_property
    def speed(self) -> np.ndarray:
        """Speed of each animal's center (T, A) in px/s since the frame before; nan in the first."""
        speed = np.full(self.centers.shape[:2], np.nan)
        speed[1:] = np.linalg.norm(np.diff(self.centers, axis=0), axis=-1) * self.video.fps
        return speed

    @cached_property
    def step(self) -> np.ndarray:
        """Way (T, P) in px that each point has moved since the frame before, nan where it was not sure in both."""
        position = np.where(self.sure[..., None], self.xy, np.nan)
        step = np.full(self.sure.shape, np.nan)
        step[1:] = np.linalg.norm(np.diff(position, axis=0), axis=-1)
        return step

    @cached_property
    def unusual(self) -> np.ndarray:
        """How many times as long as the point's median one each step (T, P) is; 0 where it is not known."""
        result: np.ndarray = np.nan_to_num(self.step / (median(self.step, 0) + 1), nan=0.0)
        return result

    @property
    def jumps(self) -> np.ndarray:
        """Frames (T,) to which a sure point has jumped."""
        return np.asarray((self.unusual > USUAL).any(1))


def median(values: np.ndarray, axis: int) -> np.ndarray:
    """The median of known values; nan, without a warning, where there are none."""
    known = np.isfinite(values).any(axis)
    filled = np.where(np.expand_dims(known, axis), values, 0.0)
    return np.where(known, np.nanmedian(filled, axis), np.nan)
