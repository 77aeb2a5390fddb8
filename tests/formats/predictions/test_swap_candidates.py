"""Likely swaps: a round trip, and rows that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.errors import DlcxError
from dlcx.formats.predictions.swap_candidates import read_swap_candidates, write_swap_candidates
from dlcx.poses import SwapCandidate


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "v_el_swaps.csv"
    swaps = (SwapCandidate(1204, 0.8349, "mouse, 1", "mouse3"), SwapCandidate(0, 1.0, "a", "b"))
    write_swap_candidates(swaps, path)
    assert path.read_text() == 'frame,score,one,other\n1204,0.835,"mouse, 1",mouse3\n0,1.000,a,b\n'
    assert read_swap_candidates(path) == (SwapCandidate(1204, 0.835, "mouse, 1", "mouse3"), swaps[1])
    write_swap_candidates([], path)
    assert read_swap_candidates(path) == ()


@pytest.mark.parametrize("row", ["-1,0.5,a,b", "1,1.5,a,b", "1,0.5,,b", "x,0.5,a,b"])
def test_rows_that_do_not_fit(tmp_path: Path, row: str) -> None:
    path = tmp_path / "v_el_swaps.csv"
    path.write_text(f"frame,score,one,other\n{row}\n")
    with pytest.raises(DlcxError, match=r"v_el_swaps\.csv, line 2: expected columns frame, score, one, other"):
        read_swap_candidates(path)
