"""``<video><scorer>_el_swaps.csv``: where two tracks may have changed animals; dlcx's own.

::

    frame,score,one,other
    1204,0.83,mouse1,mouse3

``frame`` is the first one that would have to be swapped; ``score`` runs from 0 to 1; ``one`` and ``other`` are
individuals.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.outputs import write_text
from dlcx.poses import SwapCandidate

_COLUMNS = ("frame", "score", "one", "other")


def write_swap_candidates(candidates: Sequence[SwapCandidate], path: Path) -> None:
    """Write the file, whole or not at all."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    rows.writerows((swap.frame, f"{swap.score:.3f}", swap.one, swap.other) for swap in candidates)
    write_text(path, text.getvalue())


def read_swap_candidates(path: Path) -> tuple[SwapCandidate, ...]:
    """Read the file.

    Raises
    ------
    DlcxError
        When it is missing or holds something else.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return tuple(SwapCandidate(int(row["frame"]), float(row["score"]), row["one"], row["other"]) for row in rows)
    except OSError as error:
        raise DlcxError(f"cannot read {path}: {error.strerror or error}") from None
    except (KeyError, ValueError, TypeError) as error:
        raise DlcxError(f"{path}: expected columns {', '.join(_COLUMNS)} ({error!r})") from None
