"""Collect all cases of the campaign, or a sample of them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from campaign.case import Case

HERE = Path(__file__).parent


def all_cases() -> list[Case]:
    """Return all cases, in the order of the module names."""
    found: list[Case] = []
    for folder in ("files", "calls"):
        for path in sorted((HERE / folder).glob("[a-z]*.py")):
            found += importlib.import_module(f"campaign.{folder}.{path.stem}").cases()
    titles = [case.title for case in found]
    if twice := {title for title in titles if titles.count(title) > 1}:
        raise ValueError(f"several cases have the same name: {sorted(twice)}")
    return found


def select(cases: Sequence[Case], pattern: str = "", sample: int | None = None, seed: int = 0) -> list[Case]:
    """Return the cases whose title matches, or a sample of these that includes every kind."""
    cases = [case for case in cases if re.search(pattern, case.title)]
    if sample is None:
        return cases
    rank = np.random.default_rng(seed).permutation(len(cases))
    order = np.argsort(rank)
    ranks: dict[str, int] = {}
    keyed = []
    for place in order:
        kind = cases[place].kind
        ranks[kind] = ranks.get(kind, 0) + 1
        keyed.append((ranks[kind], rank[place], place))
    return [cases[place] for *_, place in sorted(sorted(keyed)[:sample], key=lambda one: one[2])]
