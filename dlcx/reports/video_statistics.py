"""Statistics of the poses of a video: confident and missing points, speeds and jumps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dlcx.analysis.lookup.find_poses import FoundPoses
from dlcx.poses import Tracks

if TYPE_CHECKING:
    from dlcx.data.video_file import VideoFile

#: A step longer than this multiple of the point's median step is a jump.
JUMP_FACTOR = 6.0


@dataclass(frozen=True)
class VideoStatistics:
    """Poses of a video with T frames and P points (the bodyparts of each animal in turn, then unique bodyparts).

    Attributes
    ----------
    found
        The file of poses.
    pcutoff
        Likelihood from which a point counts as confident.
    video
        The video.
    tracks
        Poses in pixels of the full frame.
    """

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
        """Which points (T, P) were detected."""
        result: np.ndarray = np.isfinite(self.xy).all(-1)
        return result

    @cached_property
    def confident(self) -> np.ndarray:
        """Which points (T, P) have a likelihood of at least ``pcutoff``."""
        return self.known & (self.score >= self.pcutoff)

    @cached_property
    def unreadable(self) -> np.ndarray | None:
        """Frames (T,) that could not be decoded; None if that is unknown.

        Without a frame status table, frames in which no point has a likelihood count as unreadable, unless animals were
        linked: then no animal may have been visible.
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
        """Which animals (T, A) have a detected point."""
        tracks = self.tracks
        result: np.ndarray = np.isfinite(tracks.xy).all(-1).any(-1)
        return result

    def likelihood(self, quantile: float) -> np.ndarray:
        """Quantile (T,) of the likelihoods of the detected points; nan if none was detected."""
        ordered, count = self._ordered
        at = (quantile * (np.maximum(count, 1) - 1)).astype(int)
        return np.where(count > 0, np.take_along_axis(ordered, at[:, None], 1)[:, 0], np.nan)

    @cached_property
    def _ordered(self) -> tuple[np.ndarray, np.ndarray]:
        """Likelihoods (T, P) in ascending order, those of detected points first, and the number (T,) of these."""
        known = np.isfinite(self.score) & self.known
        return np.sort(np.where(known, self.score, np.inf), axis=1), known.sum(1)

    @cached_property
    def centers(self) -> np.ndarray:
        """Median of the confident points of each animal (T, A, 2); nan if there is none."""
        tracks = self.tracks
        confident = np.where((tracks.score >= self.pcutoff)[..., None], tracks.xy, np.nan)
        return median(confident, 2)

    @cached_property
    def speed(self) -> np.ndarray:
        """Speed of each animal's center (T, A) in px/s since the previous frame; nan in the first frame."""
        speed = np.full(self.centers.shape[:2], np.nan)
        speed[1:] = np.linalg.norm(np.diff(self.centers, axis=0), axis=-1) * self.video.fps
        return speed

    @cached_property
    def step(self) -> np.ndarray:
        """Distance (T, P) in px of each point from the previous frame; nan unless confident in both."""
        position = np.where(self.confident[..., None], self.xy, np.nan)
        step = np.full(self.confident.shape, np.nan)
        step[1:] = np.linalg.norm(np.diff(position, axis=0), axis=-1)
        return step

    @cached_property
    def relative_step(self) -> np.ndarray:
        """Each step (T, P) as a multiple of the point's median step; 0 if unknown."""
        result: np.ndarray = np.nan_to_num(self.step / (median(self.step, 0) + 1), nan=0.0)
        return result

    @property
    def jumps(self) -> np.ndarray:
        """Frames (T,) in which a confident point jumped."""
        return np.asarray((self.relative_step > JUMP_FACTOR).any(1))


def median(values: np.ndarray, axis: int) -> np.ndarray:
    """Median of the finite values; nan, without a warning, if there are none."""
    known = np.isfinite(values).any(axis)
    filled = np.where(np.expand_dims(known, axis), values, 0.0)
    return np.where(known, np.nanmedian(filled, axis), np.nan)
