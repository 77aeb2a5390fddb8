from __future__ import annotations

import numpy as np
import pytest

from dlcx.poses import Instances, Layout, Prediction
from dlcx.trackers.single_animal import SingleAnimal

PARTS = ("a", "b", "c")


def test_the_most_confident_pose_is_kept() -> None:
    xy = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    for best in (0, 1):
        score = np.full((2, 3), 0.4, np.float32)
        score[best] = [0.1, 0.9, 0.9]
        frames = [Prediction(Instances(xy, score)), Prediction(Instances.empty(3))]
        tracks = SingleAnimal().link(frames, Layout(PARTS), first=4)
        assert tracks.first == 4
        assert np.array_equal(tracks.xy[0, 0], xy[best])
        assert np.array_equal(tracks.score[0, 0], score[best])
        assert np.isnan(tracks.xy[1]).all()


def test_projects_with_several_individuals_are_rejected() -> None:
    with pytest.raises(ValueError, match="one individual"):
        SingleAnimal().link([], Layout(PARTS, ("one", "two"), multi=True))


def test_no_frames() -> None:
    assert len(SingleAnimal().link([], Layout(PARTS))) == 0
