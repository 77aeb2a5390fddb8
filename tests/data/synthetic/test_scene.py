import cv2
import numpy as np
import pytest

from dlcx.data import synthetic


def test_same_seed_same_pixels_and_labels():
    one, two, other = synthetic.scene(2, 12, seed=3), synthetic.scene(2, 12, seed=3), synthetic.scene(2, 12, seed=4)
    np.testing.assert_array_equal(one.frame(7), two.frame(7))
    np.testing.assert_array_equal(one.xy, two.xy)
    assert not np.array_equal(one.xy, other.xy)


def test_frames_are_drawn_on_demand_in_any_order():
    scene = synthetic.scene(1, 6)
    late, early = scene.frame(5), scene.frame(0)
    np.testing.assert_array_equal(scene.frame(5), late)
    assert early.shape == (144, 192, 3)
    assert early.dtype == np.uint8
    assert not np.array_equal(early, late)


@pytest.mark.parametrize("animals", [1, 3])
def test_shapes_and_names(animals: int):
    scene = synthetic.scene(animals, 10)
    assert scene.xy.shape == (10, animals, len(scene.layout.bodyparts), 2)
    assert scene.visible.shape == scene.xy.shape[:3]
    assert scene.layout.multi == (animals > 1)
    assert {name for bone in synthetic.SKELETON for name in bone} == set(scene.layout.bodyparts)


def test_animals_stay_in_the_picture_and_keep_their_size():
    scene = synthetic.scene(2, 200, seed=1)
    width, height = scene.size
    assert scene.xy.min() > 0
    assert (scene.xy < (width, height)).all()
    parts = {name: scene.xy[:, :, index] for index, name in enumerate(scene.layout.bodyparts)}
    ears = np.linalg.norm(parts["leftear"] - parts["rightear"], axis=-1)
    np.testing.assert_allclose(ears, ears[0, 0], rtol=1e-6)
    length = np.linalg.norm(parts["snout"] - parts["tailbase"], axis=-1)
    assert length.max() <= scene.body_length * 1.001
    assert length.min() > scene.body_length * 0.5


def test_motion_is_smooth():
    scene = synthetic.scene(1, 200)
    speed = np.linalg.norm(np.diff(scene.xy, axis=0), axis=-1)
    assert speed.max() < 0.3 * scene.body_length
    assert speed[:, 0, 0].mean() > 0.02 * scene.body_length


def test_labels_match_the_rendered_animals():
    """The dark eyes lie between snout and ears, the body is darker than the floor around it."""
    scene = synthetic.scene(1, 40)
    for index in (0, 20, 39):
        gray = cv2.cvtColor(scene.frame(index), cv2.COLOR_RGB2GRAY).astype(float)
        x, y = np.rint(scene.xy[index, 0, scene.layout.bodyparts.index("center")]).astype(int)
        assert gray[y - 1 : y + 2, x - 1 : x + 2].mean() < 0.65 * np.median(gray)


def test_snout_is_pink_to_a_fraction_of_a_pixel():
    """Where the animal stands still, the center of the pink nose is the label."""
    scene = synthetic.scene(1, 60, size=(768, 576), body_length=240.0)
    still = int(np.linalg.norm(np.gradient(scene.xy[:, 0, 0], axis=0), axis=-1).argmin())
    frame = scene.frame(still).astype(float)
    x, y = np.rint(scene.xy[still, 0, 0]).astype(int)
    reach = 9
    patch = frame[y - reach : y + reach + 1, x - reach : x + reach + 1]
    pink = patch[..., 0] - patch[..., 1]
    weight = np.where(pink > 0.6 * pink.max(), 1.0, 0.0)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    center = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum() + (x, y)
    assert np.linalg.norm(center - scene.xy[still, 0, 0]) < 0.02 * scene.body_length


def test_animals_leave_the_picture_and_come_back():
    scene = synthetic.scene(4, 300, size=(256, 192), leaving=0.3, seed=1)
    gone = ~scene.inside.any(-1)  # (T, A)
    absences = np.diff(gone.astype(int), axis=0)
    assert (absences == 1).sum() >= 2
    assert (absences == -1).sum() >= 2
    assert not scene.visible[~scene.inside].any()
    truth = synthetic.true_tracks(scene)
    np.testing.assert_array_equal(np.isnan(truth.xy).all(-1), ~scene.inside)
    np.testing.assert_array_equal(truth.score > 0, scene.visible)
    speed = np.linalg.norm(np.diff(scene.xy, axis=0), axis=-1)
    assert speed.max() < 0.3 * scene.body_length


def test_a_single_animal_moves_as_ever():
    """The demo's numbers in the documents rest on it."""
    xy = synthetic.scene(1, 360, size=(224, 168), body_length=72.0).xy
    np.testing.assert_allclose(xy[[0, 359], 0, 0], [[131.552548, 35.437479], [110.179235, 86.668672]], atol=2e-5)


def test_hidden_bodyparts_occur_and_only_below_others():
    scene = synthetic.scene(3, 300, size=(256, 192))
    assert scene.visible[:, -1].all()
    assert 0.01 < 1 - scene.visible.mean() < 0.4
    alone = synthetic.scene(1, 30)
    assert alone.visible.all()
