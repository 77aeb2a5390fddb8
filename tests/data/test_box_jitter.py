from __future__ import annotations

import numpy as np

from dlcx.data.box_jitter import BoxJitter


def test_a_jittered_box_stays_within_its_bounds_and_the_image():
    box, image = np.array([100.0, 60.0, 40.0, 20.0]), (300, 200)
    jitter = BoxJitter(0.1, 0.5, (0.75, 1.25))
    sampled = np.array([jitter.sample(box, image, np.random.default_rng(seed)) for seed in range(400)])
    growth = sampled[:, 2:] / box[2:]
    assert growth.min() > 0.75
    assert growth.max() < 1.25
    assert growth.std() > 0.05
    shift = np.abs(sampled[:, :2] + sampled[:, 2:] / 2 - (box[:2] + box[2:] / 2)) / box[2:]
    assert shift.max() < 0.1
    assert 0.4 < (shift.max(1) > 1e-9).mean() < 0.6
    assert (jitter.sample(box, (120, 70), np.random.default_rng(0))[:2] >= 0).all()
    assert BoxJitter(p=0.0).sample(box, image, np.random.default_rng(0)) is box
