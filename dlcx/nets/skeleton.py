"""Which pairs of bodyparts a part-affinity field links."""

from __future__ import annotations

import math
import random
from itertools import combinations

from dlcx.errors import DlcxError

#: From this many pairs on, a part of them is drawn.
MANY = 105
#: Edges that a bodypart then has, on average.
DEGREE = 6


def skeleton(bodyparts: int, *, seed: int = 42) -> list[list[int]]:
    """Edges [i, j], i < j, sorted: all pairs, or a connected part of them where there would be ``MANY`` (15 bodyparts).

    The drawn part depends on the number of bodyparts and ``seed`` alone; DeepLabCut draws another one each time.

    Raises
    ------
    DlcxError
        When there is no pair.
    """
    if bodyparts < 2:
        raise DlcxError(
            "this net tells animals apart by links between their bodyparts, the project has one bodypart",
            hint="Top-down nets pose animals of one bodypart too, such as top_down_resnet_50.",
        )
    pairs = list(combinations(range(bodyparts), 2))
    if len(pairs) < MANY:
        return [list(pair) for pair in pairs]
    draw = random.Random(seed)
    order = draw.sample(range(bodyparts), bodyparts)
    tree = {tuple(sorted((part, draw.choice(order[:place])))) for place, part in enumerate(order) if place}
    others = draw.sample([pair for pair in pairs if pair not in tree], math.ceil(bodyparts * DEGREE / 2) - len(tree))
    return [list(pair) for pair in sorted([*tree, *others])]
