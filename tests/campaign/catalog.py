"""All cases of the campaign, and a sample of them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from campaign.case import Case

HERE = Path(__file__).parent


def all_cases() -> list[Case]:
    """Every case, in the order of the modules' names."""
    found: list[Case] = []
    for folder in ("files", "calls"):
        for path in sorted((HERE / folder).glob("[a-z]*.py")):
            found += importlib.import_module(f"campaign.{folder}.{path.stem}").cases()
    titles = [case.title for case in found]
    if twice := {title for title in titles if titles.count(title) > 1}:
        raise ValueError(f"two cases of one name: {sorted(twice)}")
    return found


def chosen(cases: Sequence[Case], pattern: str = "", sample: int | None = None, seed: int = 0) -> list[Case]:
    """Those whose title matches, and of these a sample of every kind."""
    cases = [case for case in cases if re.search(pattern, case.title)]
    if sample is None:
        return cases
    drawn = np.random.default_rng(seed).permutation(len(cases))
    order = np.argsort(drawn)
    ranks: dict[str, int] = {}
    keyed = []
    for place in order:
        kind = cases[place].kind
        ranks[kind] = ranks.get(kind, 0) + 1
        keyed.append((ranks[kind], drawn[place], place))
    return [cases[place] for *_, place in sorted(sorted(keyed)[:sample], key=lambda one: one[2])]
