from __future__ import annotations

import numpy as np
import pytest

from dlcx.data.synthetic.motion import JOINTS, LINK, PAWS, walk

SIZE, BODY = (300, 200), 50.0


def simulated(**options: float) -> np.ndarray:
    return walk(300, 2, SIZE, BODY, np.random.default_rng(1), **options).chain


def test_segments_keep_their_length_away_from_walls() -> None:
    chain = simulated()
    assert chain.shape == (300, 2, JOINTS, 2)
    length = np.linalg.norm(np.diff(chain, axis=2) / BODY, axis=-1)
    assert (length <= LINK + 1e-9).all()  # walls may compress a chain
    free = ((chain > 15) & (chain < np.array(SIZE) - 15)).all((2, 3))
    assert free.any()
    np.testing.assert_allclose(length[free], np.broadcast_to(LINK, length[free].shape))


def test_animals_leave_the_view_only_if_they_may() -> None:
    assert (simulated() < SIZE).all()
    assert simulated(leaving=0.5)[..., 0].max() > SIZE[0] + BODY


def test_animals_meet_if_their_goal_is_another_animal() -> None:
    def distance(meeting: float) -> float:
        snouts = simulated(meeting=meeting)[:, :, 0]
        return float(np.median(np.linalg.norm(snouts[:, 0] - snouts[:, 1], axis=-1)))

    assert distance(1.0) < 0.75 * distance(0.0)


@pytest.mark.parametrize("part", [-0.5, 0.0, 0.25])
def test_between_frames_the_motion_is_linear(part: float) -> None:
    motion = walk(10, 1, SIZE, BODY, np.random.default_rng(1))
    chain, stride = motion.between(5, part)
    np.testing.assert_allclose(chain, motion.chain[5] + part * (motion.chain[6] - motion.chain[4]) / 2)
    assert stride.shape == (1, PAWS)
    first, _ = motion.between(0, part)
    np.testing.assert_allclose(first, motion.chain[0] + part * (motion.chain[1] - motion.chain[0]))
