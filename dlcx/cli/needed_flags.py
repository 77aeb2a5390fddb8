"""Flags that act only beside others: giving one without them is refused, for it would change nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError


@dataclass(frozen=True)
class Need:
    """What a flag needs of the other values of a call, and the same in words for the message."""

    is_met: Callable[[Mapping[str, Any]], bool]
    words: str


def _one_of(parameter: str, *values: str) -> Need:
    words = " or ".join(f"--{parameter.replace('_', '-')} {value}" for value in values)
    return Need(lambda given: given[parameter] in values, words)


def _without(flags: str, *parameters: str) -> Need:
    return Need(lambda given: not any(given[name] for name in parameters), f"a call without {flags}")


_ARIMA, _KMEANS, _TRACKED = _one_of("filter", "arima"), _one_of("method", "kmeans"), _without("--no-track", "untracked")
_CHOSEN = Need(lambda given: given["algorithm"] != "list", "another --algorithm than list, which takes all its frames")
_DRAWN = _without("--train-indices, --test-indices and --from-shuffle", "train_indices", "test_indices", "from_shuffle")
_POINTS = Need(lambda given: given["boxes"] != "only", "--boxes no or too")
_SHARED = Need(lambda given: given["cluster"] or given["devices"], "--cluster or --devices")

#: What the parameters of each command need.
NEEDS: dict[str, dict[str, Need]] = {
    "analyze_video": {"shares": _SHARED, "tracker": _TRACKED, "animals": _TRACKED, "relink": _TRACKED},
    "create_dataset": {"seed": _DRAWN},
    "create_labeled_video": {"dotsize": _POINTS, "trail": _POINTS, "skeleton": _POINTS, "color_by": _POINTS},
    "extract_frames": {"step": _KMEANS, "width": _KMEANS, "color": _KMEANS},
    "extract_outliers": {
        "epsilon": _one_of("algorithm", "jump", "fitting"),
        "p_bound": _one_of("algorithm", "uncertain", "fitting"),
        "ar": _one_of("algorithm", "fitting"),
        "ma": _one_of("algorithm", "fitting"),
        "method": _CHOSEN,
        "frames": _CHOSEN,
        "seed": _CHOSEN,
    },
    "filter_predictions": {
        "window": _one_of("filter", "median", "spline"),
        "p_bound": _ARIMA,
        "ar": _ARIMA,
        "ma": _ARIMA,
    },
    "import_labels": {"predicted": Need(lambda given: Path(given["file"]).suffix == ".slp", "a file of SLEAP, .slp")},
    "merge_parts": {"tracker": _TRACKED, "animals": _TRACKED, "relink": _TRACKED},
}


def check_needs(command: str, values: Mapping[str, Any], given: Collection[str]) -> None:
    """Refuse flags that a call has ``given`` although nothing uses them.

    Raises
    ------
    DlcxError
        Names the flag and what it needs.
    """
    values = {**values, "untracked": not values.get("track", True)}
    for parameter, need in NEEDS.get(command, {}).items():
        if parameter in given and not need.is_met(values):
            flag = f"--{parameter.replace('_', '-')}"
            named = flag if isinstance(values[parameter], bool) else f"{flag} {values[parameter]}"
            raise DlcxError(f"{named} would have no effect: it needs {need.words}", hint=f"Leave out {flag}.")
