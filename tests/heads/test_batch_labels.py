import pytest
import torch

from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.heatmap.targets import HeatmapTargets


def labels(keypoints: list) -> BatchLabels:
    points = torch.tensor(keypoints)
    return BatchLabels(
        keypoints=points,
        unique=torch.zeros(len(points), 0, 3),
        area=torch.ones(points.shape[:2]),
        individual_ids=torch.arange(points.shape[1]).expand(len(points), -1),
    )


def test_a_center_is_the_mean_of_what_is_visible():
    nan = float("nan")
    made = labels(
        [[[[10.0, 20, 2], [30, 60, 2], [nan, nan, 0]], [[1, 1, -1], [7, 8, 2], [0, 0, 0]], [[0.0, 0, 0]] * 3]]
    )
    assert made.centers is None
    assert made.with_centers().centers.tolist() == [[[20, 40, 2], [7, 8, 2], [0, 0, 0]]]
    assert made.with_centers().to("cpu").centers is not None
    with pytest.raises(ValueError, match=r"BatchLabels.centers: expected shape \(1, 3, 3\), got \(1, 3, 2\)"):
        BatchLabels(made.keypoints, made.unique, made.area, made.individual_ids, centers=torch.zeros(1, 3, 2))


def test_where_centers_are_learned_an_individuals_map_shows_it_too():
    draw = HeatmapTargets(gaussian=False, radius=5, channels=1, individual=True, locref=False)
    made = labels([[[[10.0, 10, 2], [50, 50, 2]]]])
    assert not draw(made, 8, 8, 8)["heatmap"].values[0, 0, 3, 3]  # x, y = 28
    assert draw(made.with_centers(), 8, 8, 8)["heatmap"].values[0, 0, 3, 3]
