import pytest
import torch

from dlcx.heads.protocol import MapDescription, vector_maps

SCORES = torch.zeros(2, 3, 4, 5)


def test_vectors_alternate_between_x_and_y():
    maps = torch.arange(2 * 4 * 2 * 3).reshape(2, 4, 2, 3)
    vectors = vector_maps(maps)
    assert vectors.shape == (2, 2, 2, 3, 2)
    assert torch.equal(vectors[1, 1, ..., 0], maps[1, 2])
    assert torch.equal(vectors[1, 1, ..., 1], maps[1, 3])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"keypoint_offsets": torch.zeros(2, 2, 4, 5, 2)}, r"keypoint_offsets: expected shape \(2, 3, 4, 5, 2\), got"),
        ({"center_offsets": torch.zeros(2, 3, 4, 5, 2)}, r"center_offsets: expected shape \(2, 2, 4, 5, 2\), got"),
        ({"fields": torch.zeros(2, 1, 4, 5, 2)}, r"fields: expected shape \(2, 0, 4, 5, 2\), got \(2, 1, 4, 5, 2\)"),
    ],
)
def test_vectors_that_do_not_fit_the_scores_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        MapDescription(SCORES, (8.0, 8.0), **fields)


def test_vectors_that_fit_the_scores_are_accepted():
    made = MapDescription(SCORES, (8.0, 8.0), fields=torch.zeros(2, 1, 4, 5, 2), edges=((0, 1),))
    assert made.edges == ((0, 1),)
