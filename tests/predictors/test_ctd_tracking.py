"""Poses are handed from frame to frame; discs stand for animals, and a stand-in for the net moves poses onto them."""

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.poses import Instances, Layout, Prediction
from dlcx.predictors import create_predictor
from dlcx.predictors.ctd_tracking import CtdRules, CtdTracking
from dlcx.predictors.temporal import ResettingPredictor
from dlcx.settings import ModelConfig

SIZE = (400, 300)  # width, height
SHAPE = np.array([[-10.0, -6.0], [10, 6], [-10, 6]])


class World:
    """Animals at places (A, 2), nan for those that are not there; both nets in one.

    ``detect`` sees the animals in any order it is told, ``refine`` moves a pose onto the nearest animal within reach.
    """

    bodyparts, margin, reach = 3, 10, 40

    def __init__(self, places):
        self.places = np.array(places, float)
        self.order = slice(None)
        self.searches = 0

    def detect(self, images):
        self.searches += 1
        there = self.places[np.isfinite(self.places).all(-1)][self.order]
        return [Instances(there[:, None] + SHAPE, np.full((len(there), 3), 0.8))]

    def refine(self, images, conditions):
        (given,) = conditions
        assert images.shape == (1, SIZE[1], SIZE[0], 3)
        apart = np.linalg.norm(given.xy.mean(1)[:, None] - self.places, axis=-1)
        apart = np.where(np.isnan(apart), np.inf, apart)
        near = apart.min(1, initial=np.inf) < self.reach
        nearest = self.places[apart.argmin(1)] if len(given) else np.zeros((0, 2))
        xy = np.where(near[:, None, None], nearest[:, None] + SHAPE, given.xy)
        score = np.repeat(np.where(near, 0.7, 0.004)[:, None], 3, 1)
        return [Prediction(Instances(xy, score, box=given.box))]


def watch(world: World, frames: int = 1, **rules) -> tuple[CtdTracking, list[Instances]]:
    tracking = CtdTracking(world, 3, CtdRules(**rules))
    return tracking, [look(tracking) for _ in range(frames)]


def look(tracking: CtdTracking, guess=None) -> Instances:
    return tracking.predict_next(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), guess).animals


def centers(found: Instances) -> dict[int, list[float]]:
    places = np.round(found.xy.mean(1) - SHAPE.mean(0), 3)
    return dict(zip(found.track.tolist(), places.tolist(), strict=True))


def test_animals_keep_their_numbers_and_are_looked_for_once():
    world = World([(50, 50), (200, 50), (350, 50)])
    tracking, _ = watch(world)
    world.order = slice(None, None, -1)
    for _ in range(150):
        world.places += [[0.5, 1.2], [0, 1], [-0.5, 0.8]]
        found = look(tracking)
        assert found.track.tolist() == [0, 1, 2]
        np.testing.assert_allclose(list(centers(found).values()), world.places, atol=1e-3)
        assert found.box is not None
    assert world.searches == 1
    assert found.score.tolist() == [[0.7] * 3] * 3  # those of the keypoints found, not those of guesses


def test_a_missing_animal_is_looked_for_now_and_then():
    world = World([(50, 50), (200, 50), (np.nan, np.nan)])
    tracking, (first,) = watch(world, min_interval=10)
    assert first.track.tolist() == [0, 1]
    world.places[2] = (350, 250)
    for frame in range(1, 12):
        assert look(tracking).track.tolist() == ([0, 1] if frame < 10 else [0, 1, 2])
    assert world.searches == 2


def test_an_animal_that_left_frees_its_number_for_the_nearest_that_comes():
    world = World([(50, 50), (200, 150), (350, 250)])
    tracking, _ = watch(world, min_interval=5)
    gone = world.places[:2].copy()
    world.places[:2] = np.nan
    assert look(tracking).track.tolist() == [0, 1, 2]  # what was found is unsure, and no condition any more
    assert look(tracking).track.tolist() == [2]
    world.places[:2] = gone[::-1] + 50
    for _ in range(4):
        found = look(tracking)
    assert centers(found) == {0: [100, 100], 1: [250, 200], 2: [350, 250]}


def test_every_frame_is_searched_while_nobody_is_known():
    world = World([(np.nan, np.nan)] * 3)
    tracking, _ = watch(world, frames=4)
    assert world.searches == 4
    world.places[1] = (100, 100)
    assert centers(look(tracking)) == {0: [100, 100]}


def test_searches_may_be_asked_for_and_left_out():
    world = World([(50, 50), (200, 50), (350, 50)])
    watch(world, frames=11, max_interval=5)
    assert world.searches == 3
    world = World([(50, 50), (200, 50), (np.nan, np.nan)])
    watch(world, frames=300, detect_lost=False)
    assert world.searches == 1


def test_of_two_on_one_animal_the_older_stays():
    world = World([(50, 50), (200, 50), (np.nan, np.nan)])
    tracking, _ = watch(world, min_interval=1)
    world.places[2] = (235, 50)  # comes as number 2, beside number 1
    assert look(tracking).track.tolist() == [0, 1, 2]
    world.places[1] = np.nan  # number 1 jumps onto it
    found = look(tracking)
    assert centers(found) == {0: [50, 50], 1: [235, 50]}


def test_a_found_pose_is_new_only_away_from_all_known_ones():
    world = World([(50, 50), (200, 50), (np.nan, np.nan)])
    tracking, _ = watch(world, min_interval=1)
    world.detect = lambda images: [
        Instances(np.array([[53.0, 50.0], [203, 50], [201, 52]])[:, None] + SHAPE, np.ones((3, 3)))
    ]
    assert look(tracking).track.tolist() == [0, 1]


def test_keypoints_outside_or_unsure_are_not_handed_on():
    world = World([(50, 50)])
    tracking, _ = watch(world)
    given = []
    refine = world.refine
    world.refine = lambda images, conditions: given.extend(conditions) or refine(images, conditions)
    xy = np.array([[[-5.0, 40.0], [60, 56], [40, 56]]])
    tracking.tracked = Instances(xy, np.array([[0.9, 0.008, 0.5]]))
    look(tracking)
    assert given[0].score.tolist() == [[0, 0, 0.5]]
    assert given[0].box.tolist() == [[30, 46, 20, 20]]


def test_poses_of_a_file_stand_for_the_search():
    world = World([(50, 50), (200, 50), (350, 50)])
    tracking = CtdTracking(world, 3)
    told = Instances(np.array([[[200.0, 50.0]]]) + SHAPE, np.ones((1, 3)))
    assert centers(look(tracking, told)) == {0: [200, 50]}
    assert world.searches == 0


@pytest.fixture(scope="module")
def net():
    layout = Layout(("nose", "back", "tail"), ("ann", "bob"), multi=True)
    torch.manual_seed(0)
    config = ModelConfig.model_validate(model_config("ctd_prenet_rtmpose_s", layout))
    return build_model(config), config


def test_with_a_net_a_frame_is_what_it_finds_at_the_poses_before(net):
    first = Instances(
        np.array([[[30, 20], [50, 40], [40, 60]], [[70, 20], [60, 40], [75, 60]]], np.float32), np.ones((2, 3))
    )
    predictor = create_predictor(*net, device="cpu", detector=lambda images: [first])
    images = np.random.default_rng(0).integers(0, 255, (2, 80, 100, 3), np.uint8)
    one, two = ResettingPredictor(CtdTracking(predictor, 2)).predict(0, images)
    assert one.animals.track.tolist() == two.animals.track.tolist() == [0, 1]
    (again,) = predictor.refine(images[1:], predictor._boxes(images[1:], [one.animals]))
    np.testing.assert_array_equal(two.animals.xy, again.animals.xy)
    np.testing.assert_array_equal(two.animals.score, again.animals.score)


def test_somebody_must_find_the_first_poses(net):
    with pytest.raises(DlcxError, match="a BUCTD network refines poses"):
        ResettingPredictor(CtdTracking(create_predictor(*net, device="cpu"), 2)).predict(
            0, np.zeros((1, 80, 100, 3), np.uint8)
        )
