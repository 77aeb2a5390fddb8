"""The skeleton of part-affinity fields: which pairs of bodyparts have a field."""

from __future__ import annotations

import math
import random
from itertools import combinations

from dlcx.errors import DlcxError

#: From this number of pairs on, a random subset is used.
MAX_PAIRS = 105
#: Average number of edges per bodypart in the subset.
DEGREE = 6


def skeleton(bodyparts: int, *, seed: int = 42) -> list[list[int]]:
    """Return the edges of the skeleton: all pairs of bodyparts, or a connected random subset from 15 bodyparts on.

    Parameters
    ----------
    bodyparts
        Number of bodyparts.
    seed
        The subset depends only on ``bodyparts`` and ``seed``. DeepLabCut samples a different one each time.

    Returns
    -------
    list of list of int
        Sorted pairs [i, j] with i < j.

    Raises
    ------
    DlcxError
        If there is only one bodypart.

    Examples
    --------
    >>> skeleton(3)
    [[0, 1], [0, 2], [1, 2]]
    """
    if bodyparts < 2:
        raise DlcxError(
            "this network links bodyparts to tell animals apart, but the project has only one bodypart",
            hint="Use a top-down network, such as top_down_resnet_50.",
        )
    pairs = list(combinations(range(bodyparts), 2))
    if len(pairs) < MAX_PAIRS:
        return [list(pair) for pair in pairs]
    rng = random.Random(seed)
    order = rng.sample(range(bodyparts), bodyparts)
    tree = {tuple(sorted((part, rng.choice(order[:index])))) for index, part in enumerate(order) if index}
    others = rng.sample([pair for pair in pairs if pair not in tree], math.ceil(bodyparts * DEGREE / 2) - len(tree))
    return [list(pair) for pair in sorted([*tree, *others])]
