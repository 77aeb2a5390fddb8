import numpy as np

from dlcx.data import synthetic
from dlcx.data.synthetic.detections import DetectionErrors, simulate_detections
from dlcx.metrics.tracks import evaluate_tracks
from dlcx.trackers.keep_order import KeepOrder

NONE = DetectionErrors().scaled(0)


def _scene() -> synthetic.Scene:
    return synthetic.scene(4, 200, size=(220, 170), body_length=50, leaving=0.2, seed=3)


def test_the_same_seed_gives_the_same_detections():
    scene = _scene()
    one, two, other = (simulate_detections(scene, seed=seed) for seed in (1, 1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.animals.xy, b.animals.xy)
        np.testing.assert_array_equal(a.animals.score, b.animals.score)
    assert any(len(a.animals) != len(b.animals) for a, b in zip(one, other, strict=True))


def test_without_faults_every_visible_keypoint_is_found_where_it_is():
    scene = _scene()
    for frame, found in enumerate(simulate_detections(scene, NONE)):
        seen = np.isfinite(found.animals.xy).all(-1)
        np.testing.assert_array_equal(seen, found.animals.score > 0)
        places = found.animals.xy[seen]
        truth = scene.xy[frame][scene.visible[frame]]
        gap = np.linalg.norm(places[:, None] - truth[None], axis=-1)
        assert (gap.min(1) < 1e-4).all()


def test_order_is_random_and_the_number_is_limited():
    scene = _scene()
    found = simulate_detections(scene, DetectionErrors().scaled(2))
    assert max(len(one.animals) for one in found) == 4
    tracks = KeepOrder().link(found, scene.layout)
    metrics = evaluate_tracks(tracks, synthetic.true_tracks(scene))
    assert metrics.switches > 100
    assert metrics.AssA < 0.4


def test_worse_nets_find_less():
    scene = _scene()
    truth = synthetic.true_tracks(scene)
    scores = []
    for factor in (0, 1, 3):
        metrics = evaluate_tracks(
            KeepOrder().link(simulate_detections(scene, DetectionErrors().scaled(factor)), scene.layout), truth
        )
        scores.append((metrics.DetA, metrics.LocA))
    assert scores[0] > scores[1] > scores[2]
    assert scores[0][1] > scores[1][1] > scores[2][1]


def test_every_fault_occurs():
    scene = _scene()
    perfect = simulate_detections(scene, NONE)
    for name in ("lost_animal", "mixed", "doubled", "false"):
        faults = DetectionErrors(**{**vars(NONE), name: 0.5})
        count = np.array([len(one.animals) for one in simulate_detections(scene, faults)])
        before = np.array([len(one.animals) for one in perfect])
        assert (count > before).any() == (name in ("doubled", "false"))
        assert (count < before).any() or name in ("doubled", "false")
