"""Animals from real detections are DeepLabCut's: the same ones, the same bodyparts, in the same order."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.heads.paf.assembly import Assembler, best_joints, shared_joint_fraction
from dlcx.heads.paf.linking import JointDetections
from dlcx.heads.paf.shape_prior import ShapePrior

POST = Path(__file__).parents[2] / "golden" / "post"
RECORDS = {record["set"]: record for record in json.loads((POST / "assembly.json").read_text())}
#: What DeepLabCut calls it -> a parameter of Assembler.
NAMES = {"max_n_individuals": "animals", "min_n_links": "min_links"}
NOT_PARAMETERS = (
    "label",
    "calibrate",
    "n_assemblies",
    "paf_inds",
    "mahalanobis_first_frame",
    "safe_edge",
    "nan_policy",
)
#: Links to the frames before: the PyTorch engine knows no such thing, its images are assembled one by one.
OVER_TIME = ("window_2", "calibrated_window")
#: A frame whose animals differ: with calibration, when exactly a refused link is tried again is not known.
OTHER_ORDER = {"calibrated_two": {33}}
CASES = [
    pytest.param(record, setting, id=f"{name}-{setting['label']}")
    for name, record in RECORDS.items()
    for setting in record["settings"]
    if setting["label"] not in OVER_TIME
]


@cache
def stored(name: str) -> dict[str, np.ndarray]:
    return dict(np.load(POST / f"assembly_{name}.npz"))


def used_edges(record: dict, setting: dict) -> list[int]:
    edges = setting.get("paf_inds", record["paf_inds"])
    return record["paf_inds"][::2] if edges == "half" else edges


@cache
def frames(name: str, edges: tuple[int, ...]) -> list[JointDetections]:
    record, data = RECORDS[name], stored(name)
    parts = record["n_multibodyparts"]
    found = []
    for frame in data["frames"]:
        own = (data["det"][:, 0] == frame) & (data["det"][:, 1] < parts)
        joints = data["det"][own]
        counts = np.bincount(joints[:, 1].astype(int), minlength=parts)
        pairs = data["cost_key"][:, 0] == frame
        _, edge, first, second = data["cost_key"][pairs].astype(int).T
        cost, affinity = data["cost_m1"][pairs], []
        for number in edges:
            table = np.zeros([counts[part] for part in record["paf_graph"][number]])
            table[first[edge == number], second[edge == number]] = cost[edge == number]
            affinity.append(table.ravel())
        identity = data["identity"][own] if "identity" in data else None
        found.append(JointDetections(counts, joints[:, 2:4], joints[:, 4], np.concatenate(affinity), identity))
    return found


def assembler(record: dict, setting: dict) -> Assembler:
    options = {NAMES.get(key, key): value for key, value in setting.items() if key not in NOT_PARAMETERS}
    options.setdefault("animals", record["max_n_individuals"])
    if setting["calibrate"]:
        xy = stored(record["set"])["calibration_xy"]
        options["prior"] = ShapePrior.of(xy.reshape(-1, record["n_multibodyparts"], 2))
    graph = tuple(tuple(record["paf_graph"][edge]) for edge in used_edges(record, setting))
    return Assembler(bodyparts=record["n_multibodyparts"], graph=graph, **options)


@pytest.mark.parametrize(("record", "setting"), CASES)
def test_animals_of_real_detections(record, setting):
    assemble, label = assembler(record, setting), setting["label"]
    data = stored(record["set"])
    animals = 0
    for frame, detections in enumerate(frames(record["set"], tuple(used_edges(record, setting)))):
        if frame in OTHER_ORDER.get(label, ()):
            continue
        count = data[f"{label}.count"][frame]
        poses, info = data[f"{label}.poses"][frame, :count], data[f"{label}.info"][frame, :count]
        found = assemble(detections)
        xy = found.xy
        np.testing.assert_allclose(found.score, np.nan_to_num(poses[..., 2]), rtol=0, atol=1e-6)
        if label == "add_discarded":  # DeepLabCut takes any of the joints that are equally certain
            xy = np.where(tied(detections, poses)[..., None], poses[..., :2], xy)
        np.testing.assert_allclose(xy, poses[..., :2], rtol=0, atol=1e-4)
        if not setting["calibrate"]:
            np.testing.assert_allclose(found.affinity, info[:, 0], rtol=0, atol=1e-5)
        animals += count
    assert animals > 0 or setting["n_assemblies"] == 0


def tied(detections: JointDetections, poses: np.ndarray) -> np.ndarray:
    """Whether other joints (animals, K) of the same bodypart have the same score."""
    same = detections.part == np.arange(poses.shape[1])[:, None]
    equal = np.isclose(detections.score, poses[..., 2, None], rtol=0, atol=1e-7)
    return (same & equal).sum(-1) > 1


@pytest.mark.parametrize(
    "name", [name for name, record in RECORDS.items() if len(record["bodyparts"]) > record["n_multibodyparts"]]
)
def test_unique_bodyparts_are_the_most_certain_joints(name):
    record, data = RECORDS[name], stored(name)
    first, compared = record["n_multibodyparts"], 0
    for frame, number in enumerate(data["frames"]):
        joints = data["det"][(data["det"][:, 0] == number) & (data["det"][:, 1] >= first)]
        counts = np.bincount(joints[:, 1].astype(int) - first, minlength=len(record["bodyparts"]) - first)
        best = best_joints(JointDetections(counts, joints[:, 2:4], joints[:, 4], np.zeros(0)))
        for pose, joint in zip(data["default.unique"][frame], best, strict=True):
            if np.isfinite(pose[0]):
                np.testing.assert_allclose(joints[joint, 2:], pose[:3], rtol=0, atol=1e-4)
                compared += 1
            else:  # DeepLabCut drops those that are uncertain
                assert joint < 0 or joints[joint, 4] <= 0.1
    assert compared > 0


def test_calibration_is_deeplabcuts():
    record, data = RECORDS["trimouse"], stored("trimouse")
    setting = next(setting for setting in record["settings"] if setting["label"] == "calibrated")
    prior = assembler(record, setting).prior
    np.testing.assert_allclose(prior.mean, data["calibrated.kde_mean"], rtol=1e-12)
    np.testing.assert_allclose(prior.covariance, data["calibrated.kde_cov"], rtol=1e-9)
    distances = [prior.distance(pose) for pose in data["calibrated.poses"][0, :, :, :2]]
    np.testing.assert_allclose(distances, setting["mahalanobis_first_frame"], rtol=1e-9)


def test_too_few_labels_say_nothing_of_a_shape():
    with pytest.raises(DlcxError, match="1 labeled animals are nearly complete, but calibration needs more than 3"):
        ShapePrior.of(np.array([[[0, 0], [1, 0], [0, 1.0]], [[0, 0], [np.nan, 0], [0, 1]]]))


def detections(**parts) -> JointDetections:
    """Joints on a line: x and score of each bodypart."""
    joints = np.array([joint for group in parts.values() for joint in group], float).reshape(-1, 2)
    xy = np.column_stack([joints[:, 0], np.zeros(len(joints))])
    return JointDetections(np.array([len(group) for group in parts.values()]), xy, joints[:, 1], np.zeros(0))


def test_one_bodypart_makes_animals_of_its_certain_joints():
    found = Assembler(bodyparts=1, graph=(), animals=2)(detections(nose=[(0, 0.9), (50, 0.05), (90, 0.3)]))
    assert found.xy[:, 0, 0].tolist() == [0, 90]
    assert np.isnan(found.affinity).all()


def test_one_animal_takes_the_most_certain_joint_of_each_bodypart():
    seen = detections(nose=[(0, 0.2), (9, 0.8)], ear=[], tail=[(5, 0.05)])
    found = Assembler(bodyparts=3, graph=((0, 1), (0, 2), (1, 2)), animals=1)(seen)
    np.testing.assert_array_equal(found.xy[0, :, 0], [9, np.nan, 5])
    np.testing.assert_allclose(found.score, [[0.8, 0, 0.05]])


def test_no_joint_is_no_animal():
    for bodyparts, animals in ((1, 2), (3, 1), (3, 2)):
        nothing = JointDetections(np.zeros(bodyparts, int), np.zeros((0, 2)), np.zeros(0), np.zeros(0))
        graph = ((0, 1), (0, 2), (1, 2)) if bodyparts > 1 else ()
        for options in ({}, {"greedy": True}, {"add_discarded": True}):
            found = Assembler(bodyparts=bodyparts, graph=graph, animals=animals, **options)(nothing)
            assert found.xy.shape == (0, bodyparts, 2)


def test_overlap_is_the_smaller_share_of_joints_in_both_boxes():
    square = np.array([[0, 0], [4, 0], [0, 4], [4, 4.0]])
    assert shared_joint_fraction(square, square + 10) == 0
    assert shared_joint_fraction(square, square) == 1
    assert shared_joint_fraction(square, square + np.array([4, 0])) == 0.5  # borders count
    assert shared_joint_fraction(square, np.array([[2, 2], [3, 3.0], [9, 9]])) == 0.25
