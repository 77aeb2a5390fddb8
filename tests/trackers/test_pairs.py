from __future__ import annotations

import numpy as np

from dlcx.trackers.pairs import pairs_with_ranges


def test_pairs_equal_those_of_a_loop() -> None:
    random = np.random.default_rng(0)
    begin = random.integers(0, 20, 30)
    stop = begin + random.integers(0, 5, 30)
    expected = [(one, other) for one in range(30) for other in range(begin[one], stop[one])]
    np.testing.assert_array_equal(pairs_with_ranges(begin, stop), expected)


def test_no_rows() -> None:
    assert pairs_with_ranges(np.zeros(0, int), np.zeros(0, int)).shape == (0, 2)
