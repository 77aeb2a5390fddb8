"""One animal is followed; discs stand for it, and nets that find discs for nets."""

import cv2
import numpy as np

from dlcx.poses import Instances, Prediction
from dlcx.predictors.dynamic_crop import DynamicCropPredictor
from dlcx.predictors.local_views import BoxView, RegionView

SIZE = (320, 240)  # width, height
PARTS = np.array([[0, 0], [20, 0], [0, 15]])


def scene(*center: int) -> np.ndarray:
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    return cv2.circle(image, center, 4, (255, 0, 0), -1) if center else image


def pose(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (3, 2) at and beside the disc, and their scores; somewhere and unsure without a disc."""
    y, x = np.nonzero(image[..., 0] > 100)
    sure = len(x) > 40
    center = np.array([x.mean(), y.mean()]) if sure else np.array([3.0, 3.0])
    return center + PARTS, np.array([0.9 if sure else 0.1, 0.05, 0.05])


class WholeImages:
    def __init__(self):
        self.seen = []

    def predict(self, images, conditions=None):
        self.seen.append(images.shape[2:0:-1])
        return [Prediction(Instances(xy[None], score[None])) for xy, score in map(pose, images)]


class ImageCrops:
    """Poses what is within its boxes, without scaling."""

    def __init__(self, detector=None):
        self.detector, self.seen = detector, []

    def predict(self, images, conditions=None):
        (image,) = images
        (boxes,) = self.detector(images) if conditions is None else conditions
        self.seen.append(len(boxes))
        found = []
        for x, y, width, height in boxes.box.astype(int):
            xy, score = pose(image[y : y + height, x : x + width])
            found.append((xy + np.array([x, y]), score))
        return [Prediction(Instances(np.stack([xy for xy, _ in found]), np.stack([score for _, score in found])))]


def test_only_a_region_around_the_last_pose_is_seen():
    net = WholeImages()
    follow = DynamicCropPredictor(RegionView(net), min_score=0.5, margin=10)
    follow.reset()
    for step in range(5):
        place = (100 + 5 * step, 80 - 3 * step)
        found = follow.predict_next(scene(*place)).animals
        np.testing.assert_allclose(found.xy[0], place + PARTS, atol=1e-6)
    assert net.seen == [SIZE] + [(64, 64)] * 4
    assert follow.box.tolist() == [110, 58, 40, 35]  # keypoints of any score, 10 pixels around


def test_a_lost_animal_is_looked_for_at_once_in_the_whole_frame():
    net = WholeImages()
    follow = DynamicCropPredictor(RegionView(net), min_score=0.5, margin=10)
    follow.reset()
    follow.predict_next(scene(100, 80))
    np.testing.assert_allclose(follow.predict_next(scene(250, 200)).animals.xy[0], np.add(PARTS, (250, 200)))
    assert net.seen == [SIZE, (64, 64), SIZE]
    gone = follow.predict_next(scene()).animals
    assert gone.score.max() < 0.5  # what the net says of the whole frame
    follow.predict_next(scene())
    assert net.seen[3:] == [(64, 64), SIZE, SIZE]  # nowhere to look: once a frame
    follow.predict_next(scene(250, 200))
    follow.reset()
    follow.predict_next(scene(250, 200))
    assert net.seen[6:] == [SIZE, SIZE]


def test_without_a_detector_patches_find_the_animal_and_its_box_the_next_ones():
    net = ImageCrops()
    follow = DynamicCropPredictor(BoxView(net), min_score=0.5, margin=25)
    follow.reset()
    for place in ((40, 200), (50, 190), (250, 40)):
        np.testing.assert_allclose(follow.predict_next(scene(*place)).animals.xy[0], place + PARTS)
    assert net.seen == [7, 1, 1, 1, 7, 1]  # searched, looked at again, followed, not there, searched, looked at again


def test_a_detector_is_asked_only_for_lost_animals():
    asked = []

    def detector(images):
        asked.append(len(images))
        return [Instances.from_boxes(np.array([[200.0, 0.0, 120.0, 120.0]]), np.ones(1))]

    follow = DynamicCropPredictor(BoxView(ImageCrops(detector)), min_score=0.5, margin=25)
    follow.reset()
    for place in ((250, 40), (255, 45), (260, 50)):
        np.testing.assert_allclose(follow.predict_next(scene(*place)).animals.xy[0], place + PARTS)
    assert asked == [1]


def test_nobody_found_is_nobody_followed():
    class Nobody:
        def predict(self, images, conditions=None):
            return [Prediction(Instances.empty(3))] * len(images)

    follow = DynamicCropPredictor(RegionView(Nobody()), min_score=0.5, margin=10)
    follow.reset()
    assert len(follow.predict_next(scene()).animals) == 0
    assert follow.box is None
