from __future__ import annotations

import numpy as np
import pytest
from walking_animals import LAYOUT, frames

from dlcx.poses import Instances, Layout, Prediction
from dlcx.trackers.box import Box
from dlcx.trackers.ellipse import Ellipse
from dlcx.trackers.skeleton import Skeleton
from dlcx.trackers.tracking import Tracking, link


def test_the_method_chooses_the_motion_model() -> None:
    assert Tracking(threshold=0.3).motion_model(4) == Ellipse(threshold=0.3)
    assert Tracking(method="box", slack=7.0).motion_model(4) == Box(margin=7.0)
    assert Tracking(method="box", slack=7.0).motion_model(1) == Box(margin=40.0)  # a keypoint has no box of its own
    skeleton = Tracking(method="skeleton").motion_model(4)
    assert isinstance(skeleton, Skeleton)
    assert skeleton.parts == 4


def test_a_single_animal_needs_no_tracker() -> None:
    """Keypoints left of the image are kept, as in DeepLabCut, and there are no swaps."""
    walk = [(2.0 * t - 40, 10.0) for t in range(40)]
    result = link(frames(walk), Layout(LAYOUT.bodyparts), Tracking(), first=7)
    assert (result.linked, result.seen, result.swaps, result.tracks.first) == (40, 1, (), 7)
    np.testing.assert_allclose(result.tracks.xy[:, 0, 0, 0], [x for x, _ in walk])


@pytest.mark.parametrize("relink", [True, False])
def test_tracks_without_identities_are_in_the_order_of_their_first_frames(relink: bool) -> None:
    late = [None] * 5 + [(2.0 * t, 10.0) for t in range(35)]
    early = [(200 - 2.0 * t, 90.0) for t in range(40)]
    tracks = link(frames(late, early), LAYOUT, Tracking(relink=relink)).tracks  # type: ignore[arg-type]
    assert np.nanmedian(tracks.xy[:, :, 0, 1], axis=0).tolist() == [90, 10]


def test_identity_only_follows_the_scores_and_not_the_positions() -> None:
    found = []
    for number, one in enumerate(frames([(10.0, 10.0)] * 20, [(200.0, 10.0)] * 20)):
        left = one.animals.xy[:, 0, 0] < 100
        individual = left.astype(int) if number < 10 else 1 - left.astype(int)
        scores = np.eye(2, dtype=np.float32)[individual][:, None].repeat(4, 1)
        found.append(Prediction(Instances(one.animals.xy, one.animals.score, identity=scores)))
    result = link(found, LAYOUT, Tracking(identity_only=True))
    assert result.stitched is not None
    x = result.tracks.xy[:, :, 0, 0]
    assert x[0].tolist() == [200, 10]
    assert x[-1].tolist() == [10, 200]
