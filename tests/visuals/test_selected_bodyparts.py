"""Selection of bodyparts and individuals."""

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.poses import Layout, Tracks
from dlcx.visuals.selected_bodyparts import only_parts

LAYOUT = Layout(("nose", "ear", "tail"), ("a", "b"), ("lamp", "door"), multi=True)
NUMBERS = np.arange(2 * 2 * 3).reshape(2, 2, 3)
TRACKS = Tracks(
    LAYOUT,
    np.stack([NUMBERS, -NUMBERS], -1).astype(float),
    NUMBERS / 100,
    np.arange(8.0).reshape(2, 2, 2),
    np.arange(4.0).reshape(2, 2),
    first=7,
)


def test_without_names_everything_stays():
    found = only_parts(TRACKS)
    assert (found.layout, found.first) == (LAYOUT, 7)
    np.testing.assert_array_equal(found.xy, TRACKS.xy)
    np.testing.assert_array_equal(found.unique_xy, TRACKS.unique_xy)


def test_names_select_points_in_the_order_of_the_tracks():
    found = only_parts(TRACKS, ["door", "tail", "nose"], ["b"])
    assert found.layout == Layout(("nose", "tail"), ("b",), ("door",), multi=True)
    np.testing.assert_array_equal(found.xy, TRACKS.xy[:, 1:, ::2])
    np.testing.assert_array_equal(found.score, TRACKS.score[:, 1:, ::2])
    np.testing.assert_array_equal(found.unique_xy, TRACKS.unique_xy[:, 1:])
    np.testing.assert_array_equal(found.unique_score, TRACKS.unique_score[:, 1:])
    assert found.first == 7


@pytest.mark.parametrize(("parts", "animals", "flag"), [(["nos"], [], "--bodypart nos"), ([], ["c"], "--individual c")])
def test_unknown_names_are_refused(parts, animals, flag):
    with pytest.raises(DlcxError, match=f"^{flag}: "):
        only_parts(TRACKS, parts, animals)
