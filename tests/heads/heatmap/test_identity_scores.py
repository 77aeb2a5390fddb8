import numpy as np
import pytest
import torch

from dlcx.heads.heatmap.identity_scores import IdentityScores, assign_identities
from dlcx.poses import Instances


def test_scores_at_keypoints_are_deeplabcuts(golden):
    stored = np.load(golden / "post" / "decoders.npz")
    maps = torch.from_numpy(stored["identity.heatmap_chw"])[None]
    poses, scores = stored["identity.hwc.bodyparts"], stored["identity.hwc.identity_scores"]
    found = poses[..., 2] >= 0
    read = IdentityScores(sigmoid=False).read(maps, 1, torch.from_numpy(poses[found][None, :, :2]).float())
    np.testing.assert_allclose(read[0], scores[found], rtol=0, atol=1e-6)


def test_only_the_pixels_that_are_asked_for_are_enlarged():
    maps = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    whole = torch.nn.functional.interpolate(maps, scale_factor=4, mode="bilinear").sigmoid()
    xy = torch.tensor([[[0.0, 0.0], [13.4, 7.6], [27.0, 19.0], [-3.0, 80.0]]]).repeat(2, 1, 1)
    read = IdentityScores().read(maps, 4, xy)
    for number, (x, y) in enumerate([(0, 0), (13, 8), (27, 19), (0, 19)]):
        torch.testing.assert_close(read[:, number], whole[:, :, y, x])


def animals(count: int) -> Instances:
    xy = np.arange(count * 4, dtype=np.float32).reshape(count, 2, 2)
    return Instances(xy, np.ones((count, 2), np.float32), affinity=np.arange(count, dtype=np.float32))


def test_images_may_show_different_numbers_of_animals():
    maps = {"heatmap": torch.zeros(3, 4, 2, 2)}
    voted = IdentityScores()(maps, 8, [animals(0), animals(2), animals(1)])
    assert [one.identity.shape for one in voted] == [(0, 2, 4), (2, 2, 4), (1, 2, 4)]
    assert (voted[1].identity == 0.5).all()
    assert IdentityScores()(maps, 8, [animals(0)] * 3)[2].identity.shape == (0, 2, 4)


def test_a_keypoint_that_is_not_seen_has_no_vote():
    hidden = Instances(np.array([[[np.nan, np.nan], [3, 3]]], np.float32), np.array([[0, 1]], np.float32))
    (voted,) = IdentityScores()({"heatmap": torch.ones(1, 2, 4, 4)}, 4, [hidden])
    assert (voted.identity[0, 0] == 0).all()
    assert (voted.identity[0, 1] > 0.7).all()


def test_animals_are_told_apart_together():
    # Both look most like the second individual; the first animal by less.
    votes = np.array([[[0.5, 0.6], [0.5, 0.6]], [[0.1, 0.9], [0.1, 0.9]]], np.float32)
    found = animals(2)
    told = assign_identities(Instances(found.xy[::-1], found.score, affinity=found.affinity, identity=votes[::-1]))
    np.testing.assert_array_equal(told.xy, found.xy)
    np.testing.assert_array_equal(told.identity, votes)
    assert told.affinity.tolist() == [1, 0]


def test_a_sure_keypoint_has_more_to_say():
    votes = np.array([[[0.9, 0.1], [0.1, 0.8]], [[0.5, 0.5], [0.5, 0.5]]], np.float32)
    found = animals(2)
    score = np.array([[0.2, 0.9], [0.9, 0.9]], np.float32)  # of the first animal the second keypoint counts
    told = assign_identities(Instances(found.xy, score, affinity=found.affinity, identity=votes))
    assert told.affinity.tolist() == [1, 0]


@pytest.mark.parametrize("count", [3, 4])
def test_more_animals_than_individuals_come_last(count):
    votes = np.zeros((count, 2, 2), np.float32)
    votes[2, :, 0] = votes[0, :, 1] = 1
    found = animals(count)
    told = assign_identities(Instances(found.xy, found.score, affinity=found.affinity, identity=votes))
    assert told.affinity.tolist() == [2, 0, 1, 3][:count]


def test_a_missing_individual_keeps_its_row():
    votes = np.zeros((2, 2, 3), np.float32)
    votes[0, :, 2] = votes[1, :, 0] = 1
    found = animals(2)
    told = assign_identities(Instances(found.xy, found.score, affinity=found.affinity, identity=votes))
    assert told.is_present.tolist() == [True, False, True]
    np.testing.assert_array_equal(told.xy[[0, 2]], found.xy[::-1])
    assert np.isnan(told.xy[1]).all()
    assert (told.score[1] == -1).all()
    assert told.identity.argmax(-1)[[0, 2]].tolist() == [[0, 0], [2, 2]]
    (kept,) = {one.dtype for one in (told.xy, told.score, told.affinity, told.identity)}
    assert kept == np.float32


def test_a_lone_animal_is_put_where_it_belongs():
    votes = np.array([[[0.2, 0.8], [0.1, 0.9]]], np.float32)
    found = animals(1)
    told = assign_identities(Instances(found.xy, found.score, identity=votes))
    assert told.is_present.tolist() == [False, True]
    np.testing.assert_array_equal(told.xy[1], found.xy[0])
    np.testing.assert_array_equal(told.present().xy, found.xy)


def test_without_animals_there_are_no_rows():
    nobody = animals(0)
    voted = Instances(nobody.xy, nobody.score, identity=np.zeros((0, 2, 3), np.float32))
    assert len(assign_identities(voted)) == 0


def test_without_votes_the_order_stays():
    found = animals(2)
    assert assign_identities(found) is found
